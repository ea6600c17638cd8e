//! Serves *Sources*: what arrives, how to point a log here, tokens.

use app::SourceEdit;
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};

use super::connect::host_of;
use super::fault::{Answer, Fault};
use super::form::Signed;
use super::names::supplier_choices;
use super::once::Shown;
use super::visitor::Visitor;
use crate::frame::{Place, Problem};
use crate::screen::sources::{CoverageRow, SourcePage, SourceRow, SourcesPage, Way};
use crate::site::{Listener, ListenerKind};
use crate::words::Words;

/// The page.
pub(super) async fn list(visitor: Visitor) -> Answer {
    shown(&visitor, Vec::new(), "").await
}

async fn shown(visitor: &Visitor, problems: Vec<Problem>, token_name: &str) -> Answer {
    let app = &visitor.console.app;
    let words = visitor.words();
    let mut f = visitor.frame("sources-title", Some(Place::Sources)).await?;
    f.problems = problems;
    let sources = app.sources().await?;
    let coverage = app.coverage().await?.rows.into_iter().map(|row| CoverageRow {
        name: logsource(&words, &row.logsource),
        rules: row.rules,
        seen: !row.sources.is_empty(),
    });
    let page = SourcesPage {
        total: sources.len() as u64,
        rows: sources.into_iter().map(|source| row(visitor, source)).collect(),
        ways: visitor
            .console
            .site
            .listeners
            .iter()
            .flat_map(|listener| ways(&words, listener, &visitor.host))
            .collect(),
        token_name: token_name.to_owned(),
        coverage: coverage.collect(),
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// A Sigma logsource without the parts that say *any*.
fn logsource(words: &Words, name: &str) -> String {
    let parts: Vec<&str> = name.split('/').filter(|part| *part != "*").collect();
    if parts.is_empty() { words.t("coverage-any") } else { parts.join(" / ") }
}

fn row(visitor: &Visitor, source: app::Source) -> SourceRow {
    let silences = visitor.console.app.silences();
    let silence = silences.iter().find(|silence| silence.source == source.number);
    let suppliers = &visitor.console.app.supplier_list().suppliers;
    let supplier = source.supplier.as_ref().map(|id| {
        suppliers.iter().find(|entry| entry.id == *id).map_or_else(|| id.clone(), |entry| entry.name.clone())
    });
    SourceRow {
        number: source.number,
        key: source.key,
        name: source.name,
        carrier: source.carrier,
        format: source.format,
        zone: source.zone.unwrap_or_default(),
        silent: silence.map(|silence| super::health::usually(&visitor.words(), silence)),
        last_at: source.last_at,
        stored: source.stored,
        refused: source.refused,
        flagged: source.flagged,
        undecoded: source.undecoded,
        supplier: supplier.unwrap_or_default(),
    }
}

/// A queue on disk that has an end and drops rather than lets a program wait for its log.
const QUEUE: &str = "action.resumeRetryCount=\"-1\" queue.type=\"LinkedList\" queue.filename=\"lazaret\"\n    queue.size=\"50000\" queue.maxDiskSpace=\"500m\" queue.saveOnShutdown=\"on\" queue.timeoutEnqueue=\"0\")";

/// The lines a sender needs, with host and port filled in.
fn ways(words: &Words, listener: &Listener, asked: &str) -> Vec<Way> {
    let Listener { kind, port, .. } = listener;
    let host = host_of(listener, asked);
    let way = |key: &str, hint: &str, lines: String| Way { name: words.word("way", key), hint: words.t(hint), lines };
    let scheme = if *kind == ListenerKind::HttpTls { "https" } else { "http" };
    match kind {
        ListenerKind::SyslogUdp => vec![way(
            "syslog-udp",
            "way-udp-hint",
            format!("*.* action(type=\"omfwd\" target=\"{host}\" port=\"{port}\" protocol=\"udp\")"),
        )],
        ListenerKind::SyslogTcp => vec![way(
            "syslog-tcp",
            "way-tcp-hint",
            format!(
                "*.* action(type=\"omfwd\" target=\"{host}\" port=\"{port}\" protocol=\"tcp\"\n    template=\"RSYSLOG_SyslogProtocol23Format\" {QUEUE}"
            ),
        )],
        ListenerKind::SyslogTls => vec![way(
            "syslog-tls",
            "way-tls-hint",
            format!(
                "*.* action(type=\"omfwd\" target=\"{host}\" port=\"{port}\" protocol=\"tcp\"\n    template=\"RSYSLOG_SyslogProtocol23Format\" StreamDriver=\"gtls\" StreamDriverMode=\"1\"\n    StreamDriverAuthMode=\"x509/name\" StreamDriverPermittedPeers=\"{host}\"\n    {QUEUE}"
            ),
        )],
        ListenerKind::Http | ListenerKind::HttpTls => vec![
            way(
                "http",
                "way-http-hint",
                format!(
                    "curl -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/x-ndjson' \\\n    --data-binary @events.ndjson {scheme}://{host}:{port}/ingest"
                ),
            ),
            way("bulk", "way-bulk-hint", bulk_lines(scheme, host, *port, "TOKEN")),
        ],
    }
}

fn bulk_lines(scheme: &str, host: &str, port: u16, token: &str) -> String {
    format!(
        "output.elasticsearch:\n  hosts: [\"{scheme}://{host}:{port}\"]\n  headers:\n    Authorization: \"Bearer {token}\"\nsetup.ilm.enabled: false\nsetup.template.enabled: false"
    )
}

/// Makes a token and goes to the page that shows it once.
pub(super) async fn make_token(form: Signed) -> Answer {
    let name = form.fields.get("name");
    let words = form.visitor.words();
    if name.is_empty() {
        let problem = Problem { field: "token-name".to_owned(), says: words.t("sources-token-empty") };
        return shown(&form.visitor, vec![problem], name).await;
    }
    let console = &form.visitor.console;
    let token = console.app.new_source_token(form.visitor.session.actor(), name).await?;
    let http = |listener: &&Listener| matches!(listener.kind, ListenerKind::Http | ListenerKind::HttpTls);
    let lines = console.site.listeners.iter().find(http).map_or_else(String::new, |listener| {
        let scheme = if listener.kind == ListenerKind::HttpTls { "https" } else { "http" };
        bulk_lines(scheme, host_of(listener, &form.visitor.host), listener.port, &token)
    });
    let shown = Shown {
        title: words.with("sources-token-title", "name", name),
        once: words.t("secret-once"),
        secret: token,
        lines,
        back: "/sources",
    };
    let key = console.once.put(form.visitor.session.account, console.app.now(), shown)?;
    Ok(Redirect::to(&format!("/sources/tokens/{key}")).into_response())
}

/// One source, to name it.
pub(super) async fn one(visitor: Visitor, Path(number): Path<u32>) -> Answer {
    edit(&visitor, number, Vec::new(), None).await
}

async fn edit(visitor: &Visitor, number: u32, problems: Vec<Problem>, kept: Option<SourceEdit>) -> Answer {
    let app = &visitor.console.app;
    let words = visitor.words();
    let sources = app.sources().await?;
    let source = sources.into_iter().find(|source| source.number == number).ok_or(Fault::NotFound)?;
    let picked = kept.as_ref().map_or(source.supplier.clone(), |kept| kept.supplier.clone()).unwrap_or_default();
    let refused_by = source.refused_by.clone().into_iter().collect();
    let mut f = visitor.frame("source-title", Some(Place::Sources)).await?;
    f.problems = problems;
    let mut row = row(visitor, source);
    f.name.clone_from(&row.name);
    if let Some(kept) = kept {
        row.name = kept.name;
        row.zone = kept.zone.unwrap_or_default();
    }
    let page = SourcePage { f, row, refused_by, suppliers: supplier_choices(app, words.t("no-answer"), &picked) };
    Ok(Html(page.render()?).into_response())
}

/// Keeps name, zone and supplier.
pub(super) async fn save(Path(number): Path<u32>, form: Signed) -> Answer {
    let words = form.visitor.words();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let edit_of = SourceEdit {
        name: form.fields.get("name").to_owned(),
        zone: some(form.fields.get("zone")),
        supplier: some(form.fields.get("supplier")),
    };
    let wrong = |field: &str, key: &str| Problem { field: field.to_owned(), says: words.t(key) };
    if edit_of.name.is_empty() {
        return edit(&form.visitor, number, vec![wrong("name", "source-name-empty")], Some(edit_of)).await;
    }
    if edit_of.zone.as_ref().is_some_and(|zone| jiff::tz::TimeZone::get(zone).is_err()) {
        return edit(&form.visitor, number, vec![wrong("zone", "source-zone-unknown")], Some(edit_of)).await;
    }
    form.visitor.console.app.set_source(&form.visitor.session, number, edit_of).await?;
    Ok(Redirect::to("/sources?done=source-saved").into_response())
}
