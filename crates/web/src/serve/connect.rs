//! Serves *Connect a source*: the lines of each product with this node's addresses filled in, whether its events
//! arrive, and what this node would see of attacks on record.

use app::{GuideStep, Sight, Source, StageView, Way};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse};
use jiff::SignedDuration;

use super::fault::{Answer, Fault};
use super::visitor::Visitor;
use crate::frame::Place;
use crate::screen::connect::{
    AttackRows, ConnectListPage, ConnectPage, GuideRow, SenderRow, SightPage, StageRow, StepRow,
};
use crate::site::{Listener, ListenerKind};
use crate::words::Words;

/// How long a source counts as one that somebody is connecting just now.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(15);

/// The products.
pub(super) async fn list(visitor: Visitor) -> Answer {
    let f = visitor.frame("connect-title", Some(Place::Sources)).await?;
    let views = visitor.console.app.source_guides().await?;
    let row = |view: app::GuideView| GuideRow {
        id: view.guide.id,
        name: view.guide.name,
        shows: view.guide.shows,
        sources: view.connected.len() as u64,
    };
    let page = ConnectListPage { f, rows: views.into_iter().map(row).collect() };
    Ok(Html(page.render()?).into_response())
}

/// One product.
pub(super) async fn one(visitor: Visitor, Path(id): Path<String>) -> Answer {
    let app = &visitor.console.app;
    let since = app.now() - JUST_NOW;
    let view = app.source_guide(&id, Some(since)).await?.ok_or(Fault::NotFound)?;
    let words = visitor.words();
    let mut f = visitor.frame("connect-title", Some(Place::Sources)).await?;
    f.name = view.guide.name;
    let step = |step: GuideStep| self::step(&visitor, &words, step);
    let page = ConnectPage {
        f,
        shows: view.guide.shows,
        connected: view.connected.into_iter().map(sender).collect(),
        others: view.others.into_iter().map(sender).collect(),
        steps: view.guide.steps.into_iter().map(step).collect(),
    };
    Ok(Html(page.render()?).into_response())
}

fn sender(source: Source) -> SenderRow {
    SenderRow { number: source.number, name: source.name, format: source.format, last_at: source.last_at }
}

fn step(visitor: &Visitor, words: &Words, step: GuideStep) -> StepRow {
    if step.lines.is_empty() {
        return StepRow { say: step.say, lines: String::new(), tried: String::new(), lacking: String::new() };
    }
    let listeners = &visitor.console.site.listeners;
    let listener = step.way.and_then(|way| listener_of(listeners, way));
    let lacking = match (step.way, listener) {
        (Some(way), None) => config_line(way).map(|line| words.with("connect-lacking", "line", line)),
        _ => None,
    };
    StepRow {
        say: step.say,
        lines: filled(step.lines.trim_end(), listener, &visitor.host),
        tried: match step.tried.is_empty() {
            true => words.t("connect-untried"),
            false => words.with("connect-tried", "name", &step.tried),
        },
        lacking: lacking.unwrap_or_default(),
    }
}

fn listener_of(listeners: &[Listener], way: Way) -> Option<&Listener> {
    let kinds: &[ListenerKind] = match way {
        Way::SyslogUdp => &[ListenerKind::SyslogUdp],
        Way::SyslogTcp => &[ListenerKind::SyslogTcp],
        Way::SyslogTls => &[ListenerKind::SyslogTls],
        Way::Http => &[ListenerKind::HttpTls, ListenerKind::Http],
        Way::File => &[],
    };
    kinds.iter().find_map(|kind| listeners.iter().find(|listener| listener.kind == *kind))
}

/// The line of the configuration that opens such a listener; a followed file needs none.
fn config_line(way: Way) -> Option<&'static str> {
    match way {
        Way::SyslogUdp => Some("syslog_udp = \"0.0.0.0:5514\""),
        Way::SyslogTcp => Some("syslog_tcp = \"0.0.0.0:5514\""),
        Way::SyslogTls => Some("syslog_tls = \"0.0.0.0:6514\""),
        Way::Http => Some("http = \"0.0.0.0:8088\""),
        Way::File => None,
    }
}

/// The lines with this node's address in them. What is not known here stays a word in capitals that a person sees.
pub(super) fn filled(lines: &str, listener: Option<&Listener>, asked: &str) -> String {
    let Some(listener) = listener else {
        return lines.replace("{host}", "ADDRESS").replace("{port}", "PORT").replace("{url}", "ADDRESS:PORT");
    };
    let host = host_of(listener, asked);
    let scheme = if listener.kind == ListenerKind::HttpTls { "https" } else { "http" };
    lines
        .replace("{url}", &format!("{scheme}://{host}:{}", listener.port))
        .replace("{host}", host)
        .replace("{port}", &listener.port.to_string())
        .replace("{token}", "TOKEN")
        .replace("{certificate}", listener.certificate.as_deref().unwrap_or("CERTIFICATE"))
}

/// Where senders find a listener: its own address, or where it takes any, the name under which the console was asked.
pub(super) fn host_of<'a>(listener: &'a Listener, asked: &'a str) -> &'a str {
    match (listener.host.as_str(), asked) {
        ("", "") => "ADDRESS",
        ("", asked) => asked,
        (host, _) => host,
    }
}

/// What this node would see of attacks on record.
pub(super) async fn sight(visitor: Visitor) -> Answer {
    let words = visitor.words();
    let f = visitor.frame("sight-title", Some(Place::Sources)).await?;
    let attacks = visitor.console.app.attack_coverage().await?;
    let rows = |attack: app::AttackView| {
        let stages: Vec<StageRow> = attack.stages.into_iter().map(|stage| stage_row(&words, stage)).collect();
        let count = |sight: &str| words.number(&(stages.iter().filter(|row| row.sight == sight).count() as u64));
        let numbers = [
            ("seen", count("alert")),
            ("all", words.number(&(stages.len() as u64))),
            ("kept", count("kept")),
            ("blind", count("blind")),
        ];
        let numbers: Vec<(&str, &str)> = numbers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        AttackRows {
            title: attack.title,
            label: attack.label,
            finding: words.with_all("sight-finding", &numbers),
            stages,
        }
    };
    let page = SightPage { f, attacks: attacks.into_iter().map(rows).collect() };
    Ok(Html(page.render()?).into_response())
}

fn stage_row(words: &Words, stage: StageView) -> StageRow {
    let (sight, rules, connect) = match stage.sight {
        Sight::Alert(rules) => ("alert", rules, None),
        Sight::Kept => ("kept", Vec::new(), None),
        Sight::Blind { connect, rules } => ("blind", rules, connect),
    };
    StageRow { day: words.number(&u64::from(stage.day)), stage: stage.stage, seen: stage.seen, sight, rules, connect }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(host: &str) -> Listener {
        Listener { kind: ListenerKind::Http, host: host.into(), port: 8088, certificate: None }
    }

    #[test]
    fn a_listener_on_any_address_is_named_as_the_console_was_asked() {
        assert_eq!(
            filled("{url} {host}", Some(&listener("")), "lazaret.klinik.example"),
            "http://lazaret.klinik.example:8088 lazaret.klinik.example"
        );
        assert_eq!(filled("{host}", Some(&listener("10.0.0.7")), "other"), "10.0.0.7");
        assert_eq!(filled("{host}:{port}", None, "x"), "ADDRESS:PORT");
        assert_eq!(filled("{ a } {b", Some(&listener("")), ""), "{ a } {b", "other braces stay");
    }
}
