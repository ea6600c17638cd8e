//! The pages of rules, exceptions and the false alarm with values made by hand.

use super::{Level, Place, Studio, Template, ago, now};
use jiff::ToSpan as _;

use crate::screen::Choice;
use crate::screen::rules::{
    ExceptionPage, ExceptionRow, FalseAlarmCheckPage, FalseAlarmPage, HiddenRow, NoiseRow, OffRow, RuleLine,
    RuleListPage, RulePage, RulesPage,
};

const FILTER: &str = "title: 'False alarm: Backups deleted by hand'\nlogsource:\n    product: 'veeam'\n    service: \
                      'backup'\nfilter:\n    rules:\n        - '0b4a3f5e-3a43-4a4e-9c55-3a1d4a6f0e11'\n    \
                      harmless:\n        instanceId: '23090'\n        UserName: 'KLIN\\\\svc-veeam'\n    condition: not \
                      harmless\n";

fn exception(s: &Studio, id: &str, rule: &str, minutes: i64, state: &str) -> ExceptionRow {
    let w = s.w();
    ExceptionRow {
        id: id.into(),
        rule: rule.into(),
        scope: w.with("scope-host", "of", "VEEAM01"),
        reason: "Nightly clean-up of old restore points, told by the supplier".into(),
        author: "m.rossi".into(),
        created_at: ago(minutes),
        expires_at: now() + (90 * 24 * 60 - minutes).minutes(),
        hidden: 1_412,
        state: match state {
            "ended" => w.with("exception-state-ended", "who", "k.wagner"),
            state => w.t(&format!("exception-state-{state}")),
        },
    }
}

pub(super) fn pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    false_alarm(s, pages);
    list(s, pages);
    single(s, pages);
}

fn days(s: &Studio) -> Vec<Choice> {
    s.choices("days", &["7", "30", "90", "180", "365"], "90")
}

fn false_alarm(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let scopes = vec![
        Choice::new("host VEEAM01", w.with("scope-host", "of", "VEEAM01"), true),
        Choice::new("source syslog:10.20.30.40", w.with("scope-source", "of", "syslog:10.20.30.40"), false),
        Choice::new("node", w.t("scope-node"), false),
    ];
    let page = FalseAlarmPage {
        f: s.hospital("false-alarm-title", Place::Alerts),
        alert: "a2".into(),
        alert_title: "Backups deleted by hand".into(),
        lead: w.n("false-alarm-lead", &41),
        reason: String::new(),
        scopes: scopes.clone(),
        days: days(s),
        filter: FILTER.into(),
    };
    pages.push(("false-alarm", page.render().unwrap()));
    let mut f = s.hospital("false-alarm-title", Place::Alerts);
    f.problems = vec![
        crate::frame::Problem { field: "reason".into(), says: w.t("input-exception-reason") },
        crate::frame::Problem {
            field: "filter".into(),
            says: w.with_all(
                "false-alarm-wrong",
                &[
                    ("line", "9"),
                    ("what", "the condition names \"harm\", which is no selection"),
                    ("instead", "write one of: harmless"),
                ],
            ),
        },
    ];
    let page = FalseAlarmPage {
        f,
        alert: "a2".into(),
        alert_title: "Backups deleted by hand".into(),
        lead: w.t("false-alarm-lead-none"),
        reason: String::new(),
        scopes,
        days: days(s),
        filter: FILTER.into(),
    };
    pages.push(("false-alarm-wrong", page.render().unwrap()));
    let page = FalseAlarmCheckPage {
        f: s.hospital("false-alarm-check-title", Place::Alerts),
        alert: "a2".into(),
        alert_title: "Backups deleted by hand".into(),
        rule_title: "Backups deleted by hand".into(),
        reason: "Nightly clean-up of old restore points".into(),
        scope: w.with("scope-host", "of", "VEEAM01"),
        until: now() + (90 * 24 * 60).minutes(),
        filter: FILTER.into(),
        says: vec![
            w.n("false-alarm-hidden", &1_412),
            w.n("false-alarm-left", &2),
            w.with_all("false-alarm-of-alert", &[("hidden", "41"), ("total", "41")]),
            w.n_with("false-alarm-searched", 812_000, &[("from", &w.moment(&ago(40_000))), ("to", &w.moment(&now()))]),
            w.t("false-alarm-limited"),
        ],
        examples: (0..3)
            .map(|day| HiddenRow {
                at: ago(60 + day * 1_440),
                host: "VEEAM01".into(),
                what: "Backups deleted by hand".into(),
            })
            .collect(),
        fields: vec![("reason", "Nightly".into()), ("filter", FILTER.into())],
    };
    pages.push(("false-alarm-check", page.render().unwrap()));
}

fn list(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let noise = |title: &str, level, alerts: u64| NoiseRow {
        href: "/account/rules/one?id=1".into(),
        alerts_href: "/alerts/all?text=1".into(),
        title: title.into(),
        level,
        week: w.with_all("rules-noise", &[("alerts", &w.number(&(alerts / 4))), ("events", "1,211")]),
        month: w.with_all("rules-noise", &[("alerts", &w.number(&alerts)), ("events", "12,044")]),
        dismissed: w.with("rules-share", "share", "97"),
    };
    let page = RulesPage {
        f: s.hospital("rules-title", Place::Now),
        running: 3_912,
        exceptions: vec![
            exception(s, "e1", "Backups deleted by hand", 123_000, "works"),
            exception(s, "e2", "Remote support tool in use", 900, "idle"),
        ],
        ended_count: 2,
        ended: vec![
            exception(s, "e3", "Remote support tool in use", 200_000, "expired"),
            exception(s, "e4", "Shadow copies destroyed", 300_000, "ended"),
        ],
        off: vec![OffRow {
            href: "/account/rules/one?id=2".into(),
            id: "2".into(),
            title: "Program in a public folder".into(),
            reason: "Our laboratory system lives there until its replacement in June".into(),
            author: "k.wagner".into(),
            since: ago(50_000),
        }],
        noisy: vec![
            noise("Remote support tool in use", Level::Low, 412),
            noise("Program in a public folder", Level::High, 88),
        ],
        filters: vec![("Our own vulnerability scanner".into(), 88_123)],
        suspected: vec![(
            "Program in a public folder".into(),
            "/account/rules/one?id=2".into(),
            w.n("rule-suspected", &14),
        )],
    };
    pages.push(("rules", page.render().unwrap()));
    let page = RulesPage {
        f: s.hospital("rules-title", Place::Now),
        running: 41,
        exceptions: Vec::new(),
        ended_count: 0,
        ended: Vec::new(),
        off: Vec::new(),
        noisy: Vec::new(),
        filters: Vec::new(),
        suspected: Vec::new(),
    };
    pages.push(("rules-empty", page.render().unwrap()));
    let line = |title: &str, level, state| RuleLine {
        href: "/account/rules/one?id=1".into(),
        title: title.into(),
        level,
        origin: "local",
        logsource: "windows/*/process_creation".into(),
        state,
        exceptions: 1,
    };
    let rows = (0..50).map(|at| {
        let state = ["runs", "no-source", "cannot-run", "off"][at % 4];
        line("Suspicious child of a remote support tool in a folder that everybody may write to", Level::High, state)
    });
    let page = RuleListPage {
        f: s.hospital("rules-list-title", Place::Now),
        total: 3_912,
        text: "remote".into(),
        states: s.choices("rule-state", &["runs", "no-source", "cannot-run", "off"], "runs"),
        rows: rows.collect(),
        first: Some("/account/rules/all".into()),
        more: Some("/account/rules/all?from=100".into()),
    };
    pages.push(("rule-list", page.render().unwrap()));
}

fn single(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let rule = |off: Option<String>, suspected: Option<String>| {
        let mut f = s.hospital("rules-title", Place::Now);
        f.name = "Backups deleted by hand".into();
        RulePage {
            f,
            id: "0b4a3f5e-3a43-4a4e-9c55-3a1d4a6f0e11".into(),
            level: Level::High,
            origin: "built-in",
            description: "Somebody deletes backup jobs or repositories by hand.".into(),
            false_positives: vec!["Planned clean-up of the backup server".into()],
            text: FILTER.into(),
            alerts_href: Some("/alerts/all?text=1".into()),
            exceptions: vec![exception(s, "e1", "Backups deleted by hand", 900, "works")],
            off,
            reason: String::new(),
            suspected,
            clears: true,
        }
    };
    pages.push(("rule", rule(None, Some(w.n("rule-suspected", &14))).render().unwrap()));
    let off = w.with_all(
        "rule-off-since",
        &[("when", &w.moment(&ago(900))), ("who", "k.wagner"), ("reason", "We have no such server")],
    );
    pages.push(("rule-off", rule(Some(off), None).render().unwrap()));
    let page = ExceptionPage {
        f: s.hospital("exception-title", Place::Now),
        row: exception(s, "e1", "Backups deleted by hand", 900, "works"),
        rule_href: "/account/rules/one?id=1".into(),
        alert_href: Some("/alerts/a2".into()),
        hidden_last_at: Some(ago(31)),
        filter: FILTER.into(),
        open: true,
        days: days(s),
    };
    pages.push(("exception", page.render().unwrap()));
}
