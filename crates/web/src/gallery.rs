//! Every page with values made by hand, rendered in the tests: nothing missing, nothing too heavy, nothing inline.
//! A file of its own so that people can also look: the pages are written to `target/gallery`.

#![allow(clippy::too_many_lines, reason = "lists of values made by hand, no logic")]

use std::sync::Arc;

use askama::Template;
use domain::marking::Tlp;
use domain::party::Role;
use domain::telemetry::{Level, Verdict};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::frame::{ClockShown, Drill, Frame, Link, Person, Place, Scheme, StateLine, Urgency};
use crate::screen::account::PreferencesPage;
use crate::screen::alerts::{AlertListPage, AlertPage, AlertRow, AlertsPage, GroupRow, Line, RuleShown};
use crate::screen::cases::{Answer, CaseFormPage, CasePage, CaseRow, CasesPage, CheckPage, ConfirmPage, NoteShown};
use crate::screen::connect::{
    AttackRows, ConnectListPage, ConnectPage, GuideRow, SenderRow, SightPage, StageRow, StepRow,
};
use crate::screen::desk::{
    AbovePage, DeliveryRow, DeskFormPage, DeskPage, DeskRow, DeskWarningPage, SeenRow, SuspectedRow,
};
use crate::screen::entry::{FirstRunPage, HelpPage, LoginPage, message};
use crate::screen::health::{HealthPage, HealthRow};
use crate::screen::map::{LaneRow, MapPage, PLACES, Tile, heat, ranked, strip};
use crate::screen::members::{ConflictRow, InvitePage, LossRow, MemberRow, MembersPage};
use crate::screen::now::{Door, Figure, NowPage, Task};
use crate::screen::received::{HitRow, ReceivedListPage, ReceivedPage, ReceivedRow};
use crate::screen::sharing::{Depth, OutgoingRow, SharingPage, SupplierRow, SuppliersPage};
use crate::screen::sources::{CoverageRow, SecretPage, SourcePage, SourceRow, SourcesPage, Way};
use crate::screen::{Choice, Happened, Pager};
use crate::theatre::{self, Asked, Attack, Hospital, Hub, Moment, Progress, TheatreData, What};
use crate::words::{Catalogue, Language, Words};

const HOSPITAL: [Place; 6] = [Place::Now, Place::Alerts, Place::Warnings, Place::Cases, Place::Sources, Place::Sharing];
const NATIONAL: [Place; 4] = [Place::Now, Place::Map, Place::Desk, Place::Members];

pub(crate) fn words(language: Language) -> Words {
    let catalogue = Arc::new(Catalogue::embedded().unwrap());
    Words::new(catalogue, language, TimeZone::get("Europe/Athens").unwrap(), now())
}

fn now() -> Timestamp {
    "2026-11-25T12:02:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - minutes.minutes()
}

struct Studio {
    language: Language,
}

impl Studio {
    fn w(&self) -> Words {
        words(self.language)
    }

    fn frame(&self, key: &str, place: Option<Place>, places: &[Place], count: u64) -> Frame {
        let words = self.w();
        let next = (count > 0).then(|| (words.t("task-duty-take"), now() + 372.minutes()));
        Frame {
            node: if places.contains(&Place::Desk) { "CSIRT Hellas".into() } else { "Klinik Agios Lukas".into() },
            name: words.t(key),
            here: place.map_or("/", Place::path).to_owned(),
            clock: ClockShown::Local,
            places: places.to_vec(),
            place,
            person: Some(Person { name: "m.rossi".into(), role: Role::Admin, csrf: "token".into() }),
            scheme: Scheme::System,
            state: Some(StateLine {
                count,
                urgency: if count > 0 { Urgency::Now } else { Urgency::Calm },
                next,
                as_of: now(),
                link: Link::Connected { peer: "CSIRT Hellas".into(), since: ago(313) },
            }),
            notice: None,
            problems: Vec::new(),
            tlp: None,
            drill: Drill::No,
            next_step: None,
            words,
        }
    }

    fn hospital(&self, key: &str, place: Place) -> Frame {
        self.frame(key, Some(place), &HOSPITAL, 2)
    }

    fn hub(&self, key: &str, place: Place) -> Frame {
        self.frame(key, Some(place), &NATIONAL, 1)
    }

    fn outside(&self, key: &str) -> Frame {
        Frame { person: None, places: Vec::new(), state: None, ..self.frame(key, None, &[], 0) }
    }

    fn choices(&self, prefix: &str, words: &[&str], picked: &str) -> Vec<Choice> {
        let shown = self.w();
        words
            .iter()
            .map(|word| Choice {
                hint: if shown.has(&format!("{prefix}-{word}-hint")) {
                    shown.t(&format!("{prefix}-{word}-hint"))
                } else {
                    String::new()
                },
                ..Choice::new(word, shown.word(prefix, word), *word == picked)
            })
            .collect()
    }
}

fn alert(id: &str, title: &str, level: Level, host: &str, count: u64, minutes: i64) -> AlertRow {
    AlertRow {
        id: id.into(),
        title: title.into(),
        level,
        host: host.into(),
        source: "Veeam Backup".into(),
        first_at: ago(minutes + 30),
        last_at: ago(minutes),
        count,
        action: "Take the backup repository off the network and call whoever runs the backup; do not restart it."
            .into(),
        state: "open",
        drill: false,
    }
}

fn alerts() -> Vec<AlertRow> {
    vec![
        alert("a1", "Shadow copies destroyed", Level::Critical, "KLIN-FS01", 3, 12),
        alert("a2", "Backups deleted by hand", Level::High, "VEEAM01", 41, 48),
        alert("a3", "Remote desktop reached from the internet", Level::Medium, "RDGW", 1, 220),
        alert("a4", "Remote support tool in use", Level::Low, "WS-RAD-114", 7, 331),
    ]
}

fn received(id: &str, verdict: Verdict, sentence: String, state: &'static str) -> ReceivedRow {
    ReceivedRow {
        id: id.into(),
        title: "Ransomware spreads through a shared laboratory system".into(),
        level: if verdict == Verdict::Hit { Level::Critical } else { Level::High },
        verdict,
        sentence,
        issuer: "CSIRT Hellas".into(),
        received_at: ago(21),
        state,
        tlp: Tlp::Green,
        drill: false,
    }
}

fn case(id: &str, title: &str, stage: &'static str, owner: &str) -> CaseRow {
    CaseRow {
        id: id.into(),
        title: title.into(),
        sort: "incident",
        stage,
        owner: owner.into(),
        opened_at: ago(44),
        drill: false,
    }
}

fn indicators() -> Vec<(&'static str, String)> {
    vec![
        ("ipv4-addr", "185.220.101.44".into()),
        ("domain-name", "lab-update-service.example".into()),
        ("file-hash", "9f2c6f3a1d5b47e8a0c3d2e1f4b5a69788c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3".into()),
    ]
}

fn hospital_pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let tasks = vec![
        Task {
            href: "/warnings/w1".into(),
            title: "Ransomware spreads through a shared laboratory system".into(),
            hint: format!("{}. {}", w.n("verdict-hit", &3), w.with("received-from", "issuer", "CSIRT Hellas")),
            sort: String::new(),
            level: Some(Level::Critical),
            status: w.t("task-open"),
            class: "bad",
            due: None,
            drill: false,
        },
        Task {
            href: "/cases/c1".into(),
            title: w.t("task-duty-take"),
            hint: w.with("task-duty-take-hint", "title", "Files encrypted on KLIN-FS01"),
            sort: w.t("task-duty-sort"),
            level: None,
            status: String::new(),
            class: "warn",
            due: Some(now() + 16.minutes()),
            drill: false,
        },
        Task {
            href: "/alerts/a1".into(),
            title: "Shadow copies destroyed".into(),
            hint: w.n_with("task-alert-hint", 3, &[("host", "KLIN-FS01")]),
            sort: String::new(),
            level: Some(Level::Critical),
            status: w.t("task-open"),
            class: "bad",
            due: None,
            drill: false,
        },
        Task {
            href: "/sharing/suppliers".into(),
            title: w.t("task-suppliers"),
            hint: w.n("task-suppliers-hint", &11),
            sort: w.t("task-suppliers-sort"),
            level: None,
            status: w.t("task-open"),
            class: "",
            due: None,
            drill: false,
        },
    ];
    let doors = |w: &Words| {
        ["wrong", "must", "ready"]
            .map(|door| Door {
                href: "/cases/new",
                title: w.word("door", door),
                hint: w.t(&format!("door-{door}-hint")),
            })
            .to_vec()
    };
    let figures = vec![
        Figure { label: w.t("figure-events"), value: w.number(&1_284_077) },
        Figure { label: w.t("figure-alerts"), value: w.number(&9) },
        Figure { label: w.t("figure-waiting"), value: w.number(&0) },
    ];
    let page = NowPage {
        f: s.hospital("now-title", Place::Now),
        tasks,
        empty_hint: "now-empty-hint-hospital",
        doors: doors(&w),
        figures: figures.clone(),
    };
    pages.push(("now", page.render().unwrap()));
    let page = NowPage {
        f: Frame {
            state: Some(StateLine {
                count: 0,
                urgency: Urgency::Calm,
                next: None,
                as_of: now(),
                link: Link::Disconnected { peer: "CSIRT Hellas".into(), since: ago(52), waiting: 4 },
            }),
            ..s.hospital("now-title", Place::Now)
        },
        tasks: Vec::new(),
        empty_hint: "now-empty-hint-hospital",
        doors: doors(&w),
        figures,
    };
    pages.push(("now-calm", page.render().unwrap()));
    let mut drill = alert("a9", "Virtual servers shut down", Level::High, "ESX02", 4, 5);
    drill.drill = true;
    let mut cards = alerts();
    cards.push(drill);
    let groups = vec![
        GroupRow {
            href: "/alerts/all?text=t1110".into(),
            family: "t1110".into(),
            level: Level::Medium,
            count: 14,
            latest: ago(33),
        },
        GroupRow {
            href: "/alerts/all?text=t1046".into(),
            family: "t1046".into(),
            level: Level::Low,
            count: 3,
            latest: ago(1500),
        },
    ];
    let page = AlertsPage { f: s.hospital("alerts-title", Place::Alerts), cards, groups };
    pages.push(("alerts", page.render().unwrap()));
    let page = AlertListPage {
        f: s.hospital("alerts-all-title", Place::Alerts),
        total: 1_204,
        levels: s.choices("level", &["low", "medium", "high", "critical"], "medium"),
        states: s.choices("alert-state", &["open", "dismissed", "in-case"], "open"),
        text: String::new(),
        rows: alerts(),
        pager: Pager { newest: Some("/alerts/all".into()), older: Some("/alerts/all?after=x".into()) },
    };
    pages.push(("alert-list", page.render().unwrap()));
    let lines = (0..3).map(|index| Line {
        number: (88_120 + index).to_string(),
        received_at: ago(14),
        source: "Veeam Backup".into(),
        text: format!("<134>1 2026-11-25T11:48:0{index}Z VEEAM01 Veeam_MP - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=10050 UserName=\"KLINIK\\\\svc-backup\" Description=\"Backup 'Radiology nightly' has been deleted from repository 'Repo-0{index}'\"] restore points removed"),
    });
    let page = AlertPage {
        f: s.hospital("menu-alerts", Place::Alerts),
        alert: alert("a2", "Backups deleted by hand", Level::High, "VEEAM01", 41, 48),
        created_at: ago(47),
        origin: w.t("alert-origin-built-in"),
        case: None,
        matched: vec![("InstanceId".into(), "10050".into()), ("UserName".into(), "KLINIK\\svc-backup".into())],
        observables: indicators(),
        rule: Some(RuleShown {
            description: "Somebody deletes many restore points within minutes. Attackers do this before they encrypt."
                .into(),
            false_positives: vec!["A backup is moved to new storage; ask whoever runs the backup.".into()],
            text: "title: Backups deleted by hand\nlogsource:\n  product: veeam\n".into(),
        }),
        line_count: 3,
        notice: Some(reach::notice(s)),
        lines: lines.collect(),
        wrapped: true,
    };
    pages.push(("alert", page.render().unwrap()));
    let hit = w.n("verdict-hit", &3);
    let rows = vec![
        received("w1", Verdict::Hit, hit.clone(), "live"),
        received("w2", Verdict::Exposed, w.t("verdict-exposed"), "live"),
        received("w3", Verdict::CannotTell, w.t("verdict-cannot-tell"), "held"),
        received("w4", Verdict::NotConcerned, w.t("verdict-not-concerned"), "ignored"),
    ];
    let page = ReceivedListPage { f: s.hospital("received-title", Place::Warnings), rows };
    pages.push(("warnings", page.render().unwrap()));
    let searched = |count: u64| {
        w.n_with("received-searched", count, &[("from", &w.moment(&ago(20_160))), ("to", &w.moment(&ago(3)))])
    };
    let page = ReceivedPage {
        f: Frame { tlp: Some(Tlp::Green), ..s.hospital("menu-warnings", Place::Warnings) },
        row: received("w1", Verdict::Hit, hit, "live"),
        why: w.t("why-found"),
        gap_href: None,
        would_match: 0,
        advice: "Cut the three machines from the network now. Do not switch them off. Call your CSIRT; then check the backup server.".into(),
        summary: "Four hospitals in two countries saw the same address deliver files to their laboratory system within two hours. In one of them servers are encrypted.".into(),
        searched: searched(1_284_077),
        hit_count: 3,
        hits: ["KLIN-FS01", "LAB-SRV2", "WS-LAB-07"]
            .map(|host| HitRow { at: ago(95), host: host.into(), what: "185.220.101.44".into() })
            .to_vec(),
        alerts: alerts().into_iter().take(2).collect(),
        basis: w.n_with(
            "basis-correlated",
            4,
            &[("hours", "96"), ("shared", &w.t("shared-indicator")), ("threshold", "2"), ("sightings", "9")],
        ),
        version: "2".into(),
        issued_at: ago(22),
        suppliers: "Medilab LIS".into(),
        countries: format!("{}, {}", w.t("country-gr"), w.t("country-ro")),
        indicator_count: 3,
        indicators: indicators(),
        more_indicators: 0,
        rules: vec!["title: Laboratory updater starts a shell\n".into()],
        others: vec![received("w2", Verdict::Exposed, w.t("verdict-exposed"), "live")],
    };
    pages.push(("warning", page.render().unwrap()));
    let page = ReceivedPage {
        f: Frame { tlp: Some(Tlp::Green), ..s.hospital("menu-warnings", Place::Warnings) },
        row: received("w3", Verdict::CannotTell, w.t("verdict-cannot-tell"), "held"),
        why: w.t("why-supplier-unknown"),
        gap_href: Some("/sharing/suppliers"),
        would_match: 812,
        advice: "Say whether you use the laboratory system.".into(),
        summary: "Four hospitals saw the same address.".into(),
        searched: searched(0),
        hit_count: 0,
        hits: Vec::new(),
        alerts: Vec::new(),
        basis: w.with("basis-one-source", "source", &w.t("source-advisory")),
        version: "1".into(),
        issued_at: ago(22),
        suppliers: "Medilab LIS".into(),
        countries: String::new(),
        indicator_count: 0,
        indicators: Vec::new(),
        more_indicators: 0,
        rules: Vec::new(),
        others: Vec::new(),
    };
    pages.push(("warning-held", page.render().unwrap()));
    case_pages(s, pages);
    source_pages(s, pages);
}

fn case_pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let nobody = w.t("case-nobody");
    let page = CasesPage {
        f: s.hospital("cases-title", Place::Cases),
        total: 2,
        stages: s.choices("stage", &["open", "contained", "closed"], "open"),
        rows: vec![
            case("c1", "Files encrypted on KLIN-FS01", "open", &nobody),
            case("c2", "Phishing mail to the wards", "closed", "m.rossi"),
        ],
        pager: Pager::default(),
    };
    pages.push(("cases", page.render().unwrap()));
    let page = CasePage {
        f: Frame { tlp: Some(Tlp::AmberStrict), ..s.hospital("cases-title", Place::Cases) },
        row: case("c1", "Files encrypted on KLIN-FS01", "open", &nobody),
        mine: false,
        outcome: None,
        happened_at: Some(ago(95)),
        duties: vec![(w.t("case-duty-take"), now() + 16.minutes())],
        notes: vec![NoteShown {
            at: ago(30),
            who: "m.rossi".into(),
            text:
                "File server cut from the network at the switch, port 14.\nCalled the on-call doctor of the laboratory."
                    .into(),
        }],
        draft: String::new(),
        evidence_count: 1,
        evidence: vec![
            "<134>1 2026-11-25T10:27:00Z KLIN-FS01 MSWinEventLog - - vssadmin.exe delete shadows /all /quiet".into(),
        ],
        alerts: alerts().into_iter().take(1).collect(),
        warnings: vec![("w1".into(), "Ransomware spreads through a shared laboratory system".into())],
        journal: vec![
            Happened { at: ago(30), says: w.with("fact-case-noted", "who", "m.rossi") },
            Happened { at: ago(44), says: w.with("fact-case-opened", "who", "m.rossi") },
        ],
    };
    pages.push(("case", page.render().unwrap()));
    let mut f = s.hospital("case-new-title", Place::Cases);
    f.problems = vec![crate::frame::Problem { field: "title".into(), says: w.t("case-title-empty") }];
    let page = CaseFormPage {
        f,
        from: Some(w.with_all("case-from-alert", &[("title", "Shadow copies destroyed"), ("host", "KLIN-FS01")])),
        action: "/alerts/a1/case".into(),
        warning: None,
        title: String::new(),
        sorts: s.choices("sort", &["incident", "near-miss", "partner-outage", "suspected-device-incident"], "incident"),
    };
    pages.push(("case-form", page.render().unwrap()));
    let page = CheckPage {
        f: s.hospital("case-check-title", Place::Cases),
        answers: vec![
            Answer {
                name: w.t("case-title"),
                value: "Files encrypted on KLIN-FS01".into(),
                change: Some("/cases/new".into()),
            },
            Answer { name: w.t("case-sort"), value: w.t("sort-incident"), change: Some("/cases/new".into()) },
        ],
        consequence: w.t("case-check-says"),
        action: "/cases".into(),
        fields: vec![("title", "Files encrypted".into())],
        button: w.t("alert-open-case"),
        edit_action: None,
        cancel: "/cases".into(),
    };
    pages.push(("case-check", page.render().unwrap()));
    let page = ConfirmPage {
        f: s.hospital("case-close-title", Place::Cases),
        consequence: w.t("case-close-says"),
        action: "/cases/c1/close".into(),
        field: "outcome",
        question: w.t("case-close-question"),
        choices: s.choices("outcome", &["resolved", "false-alarm", "duplicate"], ""),
        class: "primary",
        button: w.t("case-close"),
        cancel: "/cases/c1".into(),
    };
    pages.push(("case-close", page.render().unwrap()));
}

fn source_row(number: u32, name: &str, carrier: &str, minutes: i64) -> SourceRow {
    SourceRow {
        number,
        key: format!("syslog|10.20.0.{number}"),
        name: name.into(),
        carrier: carrier.into(),
        format: "rfc5424".into(),
        zone: "Europe/Athens".into(),
        last_at: Some(ago(minutes)),
        silent: (minutes > 1000).then(|| "Usually it sends at least every 5 minutes.".into()),
        stored: 812_044,
        refused: 0,
        flagged: 2,
        undecoded: 17,
        supplier: "Veeam".into(),
    }
}

fn connect_pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let guide = |id: &str, name: &str, sources: u64| GuideRow {
        id: id.into(),
        name: name.into(),
        shows: "VPN and administrator log-ins, viruses and attacks it saw, changes to its own configuration.".into(),
        sources,
    };
    let f = s.hospital("connect-title", Place::Sources);
    let page = ConnectListPage { f, rows: vec![guide("fortigate", "FortiGate", 1), guide("veeam", "Veeam", 0)] };
    pages.push(("connect-list", page.render().unwrap()));
    let sender = |number: u32, name: &str, format: &str| SenderRow {
        number,
        name: name.into(),
        format: format.into(),
        last_at: Some(ago(2)),
    };
    let page = ConnectPage {
        f: Frame { name: "FortiGate".into(), ..s.hospital("connect-title", Place::Sources) },
        shows: "VPN and administrator log-ins.".into(),
        connected: vec![sender(1, "FG-KH-01", "fortigate/kv")],
        others: vec![sender(2, "10.20.0.9", "fallback/text")],
        steps: vec![
            StepRow {
                say: "On the FortiGate's command line.".into(),
                lines: "config log syslogd setting\n    set status enable\nend".into(),
                tried: w.t("connect-untried"),
                lacking: w.with("connect-lacking", "line", "syslog_udp = \"0.0.0.0:5514\""),
            },
            StepRow { say: "Look.".into(), lines: String::new(), tried: String::new(), lacking: String::new() },
        ],
    };
    pages.push(("connect", page.render().unwrap()));
    let stage = |stage: &str, sight: &'static str, connect: Option<(String, String)>| StageRow {
        day: "13".into(),
        stage: stage.into(),
        seen: "The virus protection names an intruder's toolkit on one computer.".into(),
        sight,
        rules: if sight == "alert" { vec!["Attack tool seen by antivirus".into()] } else { Vec::new() },
        connect,
    };
    let page = SightPage {
        f: s.hospital("sight-title", Place::Sources),
        attacks: vec![AttackRows {
            title: "After the attack on the Irish health service, 2021".into(),
            label: "reconstruction".into(),
            finding: w.with_all("sight-finding", &[("seen", "4"), ("all", "9"), ("kept", "2"), ("blind", "3")]),
            stages: vec![
                stage("first sign", "alert", None),
                stage("quiet sign", "kept", None),
                stage("backups", "blind", Some(("veeam".into(), "Veeam Backup & Replication".into()))),
            ],
        }],
    };
    pages.push(("sight", page.render().unwrap()));
}

fn source_pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let rows = vec![
        source_row(1, "Veeam Backup", "Syslog TCP", 1),
        source_row(2, "Domain controller", "HTTP", 2),
        source_row(3, "PACS", "Syslog TLS", 2900),
    ];
    let page = SourcesPage {
        f: s.hospital("sources-title", Place::Sources),
        total: 3,
        rows: rows.clone(),
        ways: vec![Way {
            name: w.t("way-syslog-tcp"),
            hint: w.t("way-tcp-hint"),
            lines: "*.* action(type=\"omfwd\" target=\"lazaret.klinik.example\" port=\"5514\" protocol=\"tcp\")".into(),
        }],
        token_name: String::new(),
        coverage: vec![
            CoverageRow { name: "windows / process_creation".into(), rules: 1184, seen: true },
            CoverageRow { name: "orthanc".into(), rules: 4, seen: false },
        ],
    };
    pages.push(("sources", page.render().unwrap()));
    connect_pages(s, pages);
    data_protection::pages(s, pages);
    let page = SourcePage {
        f: s.hospital("source-title", Place::Sources),
        row: rows[0].clone(),
        refused_by: vec![("too-long".into(), 3)],
        suppliers: vec![Choice::new("", w.t("no-answer"), true), Choice::new("veeam", "Veeam".into(), false)],
    };
    pages.push(("source", page.render().unwrap()));
    let page = SecretPage {
        f: Frame {
            name: w.with("sources-token-title", "name", "WINLOG01"),
            ..s.hospital("sources-title", Place::Sources)
        },
        once: w.t("secret-once"),
        secret: "lzt_3fHq9v0eYb2nQx7KpLw8mZtR4sUcVaDg".into(),
        lines: "output.elasticsearch:\n  hosts: [\"https://lazaret.klinik.example:9243\"]\n".into(),
        back: "/sources".into(),
    };
    pages.push(("secret", page.render().unwrap()));
    let item = |position: i64, held: bool| {
        OutgoingRow {
        position,
        name: w.t("item-sighting"),
        at: ago(position),
        text: "{\n  \"id\": \"0190b5c2\",\n  \"rule_id\": \"lz-h16\",\n  \"family\": \"backup-sabotage\",\n  \"level\": \"high\",\n  \"country\": \"GR\"\n}".into(),
        held,
        not_taken: String::new(),
    }
    };
    let page = SharingPage {
        f: s.hospital("sharing-title", Place::Sharing),
        policy: s.choices("sharing-sightings", &["send", "hold"], "send"),
        depths: vec![Depth { name: w.t("lane-sighting"), count: 2, oldest: Some(ago(3)) }],
        gaps: vec![w.n("sharing-gap", &12)],
        next_count: 2,
        next: vec![item(1, true), item(2, false)],
        sent_count: 1,
        sent: vec![item(9, false)],
        not_taken_count: 1,
        not_taken: vec![OutgoingRow {
            not_taken: w.with("sharing-refused", "why", "the sighting says country \"FR\""),
            ..item(8, false)
        }],
        suppliers_open: 11,
    };
    pages.push(("sharing", page.render().unwrap()));
    let answers = |id: &str, product: bool| SupplierRow {
        id: id.into(),
        name: if product { "Medilab LIS".into() } else { "Medilab".into() },
        kind: if product { "lis".into() } else { w.t("supplier-kind-laboratory") },
        product,
        answers: s.choices("answer", &["used", "not-used", "unknown"], "unknown"),
    };
    let page = SuppliersPage {
        f: s.hospital("suppliers-title", Place::Sharing),
        open: 2,
        rows: vec![answers("medilab", false), answers("medilab-lis", true)],
    };
    pages.push(("suppliers", page.render().unwrap()));
}

fn desk_row(s: &Studio, id: &str, stage: &'static str, one_source: bool) -> DeskRow {
    let w = s.w();
    DeskRow {
        id: id.into(),
        title: "Ransomware spreads through a shared laboratory system".into(),
        level: Level::Critical,
        stage,
        one_source,
        basis: w.n_with(
            "basis-correlated",
            4,
            &[("hours", "96"), ("shared", &w.t("shared-indicator")), ("threshold", "2"), ("sightings", "9")],
        ),
        hospitals: 4,
        at: ago(9),
        drill: false,
    }
}

fn hub_pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let page = DeskPage {
        f: s.hub("desk-title", Place::Desk),
        waiting_count: 1,
        waiting: vec![desk_row(s, "d1", "proposed", true)],
        suspected: vec![SuspectedRow { id: "r1".into(), rule: "New admin tool".into(), hospitals: 3, at: ago(60) }],
        others: vec![desk_row(s, "d2", "sent", false), desk_row(s, "d3", "withdrawn", true)],
        pager: Pager::default(),
        above: Some(vec![
            ReceivedRow { issuer: "EU hub".into(), ..received("w5", Verdict::CannotTell, String::new(), "live") },
            ReceivedRow { issuer: "EU hub".into(), ..received("w6", Verdict::CannotTell, String::new(), "withdrawn") },
        ]),
    };
    pages.push(("desk", page.render().unwrap()));
    pages.push(("desk-above", above_page(s).render().unwrap()));
    let figure = |key: &str, value: u64| Figure { label: w.word("reach", key), value: w.number(&value) };
    let page = DeskWarningPage {
        f: Frame { tlp: Some(Tlp::Green), ..s.hub("desk-title", Place::Desk) },
        row: desk_row(s, "d2", "proposed", false),
        stage_says: w.t("stage-says-proposed"),
        can_decide: true,
        in_force: true,
        reach: Some(vec![
            figure("members", 7),
            figure("sent", 6),
            figure("received", 6),
            figure("hit", 1),
            figure("exposed", 3),
            figure("not-concerned", 1),
            figure("cannot-tell", 1),
        ]),
        summary: "Four hospitals in two countries saw the same address within two hours.".into(),
        advice: "Look for the address. Cut machines that spoke with it.".into(),
        sighting_count: 2,
        sightings: ["Klinik Agios Lukas", "Spital Sfanta Maria"]
            .map(|hospital| SeenRow {
                hospital: hospital.into(),
                received_at: ago(12),
                family: "backup-sabotage".into(),
                level: Level::High,
                observables: "185.220.101.44".into(),
            })
            .to_vec(),
        delivery_count: 2,
        deliveries: vec![
            DeliveryRow {
                member: "Klinik Agios Lukas".into(),
                state: "hit",
                at: ago(8),
                latency: w.with("latency-ms", "number", "412"),
            },
            DeliveryRow { member: "Spital Sfanta Maria".into(), state: "received", at: ago(8), latency: String::new() },
        ],
        version: "2".into(),
        proposer: w.with("who-policy", "name", "two-hospitals-one-indicator"),
        approver: Some("a.papadaki".into()),
        suppliers: "Medilab LIS".into(),
        countries: w.t("country-gr"),
        indicator_count: 3,
        indicators: indicators(),
        more_indicators: 40,
        rules: Vec::new(),
        others: vec![desk_row(s, "d3", "sent", false)],
        journal: vec![Happened {
            at: ago(9),
            says: w.with_all("fact-warning-proposed", &[("who", "m.rossi"), ("version", "2")]),
        }],
    };
    pages.push(("desk-warning", page.render().unwrap()));
    let page = DeskFormPage {
        f: s.hub("desk-new-title", Place::Desk),
        lead: w.t("desk-new-lead"),
        action: "/desk/new".into(),
        title: String::new(),
        summary: String::new(),
        advice: String::new(),
        levels: s.choices("level", &["critical", "high", "medium", "low"], "high"),
        indicators: String::new(),
        suppliers: vec![Choice::new("", w.t("desk-form-supplier-any"), true)],
        sources: s.choices("source", &["confirmed-victim", "mail", "document", "phone", "advisory"], ""),
        tlps: vec![Choice::new("TLP:GREEN", "TLP:GREEN".into(), true)],
        cancel: "/desk".into(),
    };
    pages.push(("desk-form", page.render().unwrap()));
    pages.push(("map", map_page(s).render().unwrap()));
    let page = MembersPage {
        f: s.hub("members-title", Place::Members),
        total: 1,
        rows: vec![MemberRow {
            node: "ab".repeat(32),
            fingerprint: "abab abab abab".into(),
            name: "Klinik Agios Lukas".into(),
            country: "GR".into(),
            role: "hospital",
            state: "active",
            last_seen_at: Some(ago(1)),
            certificate_until: now() + (24 * 29).hours(),
            clock: w.with("clock-behind", "span", &w.span(93_600)),
            clock_wrong: true,
        }],
        losses: vec![LossRow {
            member: "Klinik Agios Lukas".into(),
            dropped: 1_204,
            from: ago(3_000),
            to: ago(1_500),
            told_at: ago(4),
        }],
        conflicts: vec![ConflictRow {
            member: "Spital Sfanta Maria".into(),
            item: w.t("item-sighting"),
            name: "0193a2c4, 3".into(),
            at: ago(70),
        }],
    };
    pages.push(("members", page.render().unwrap()));
    let row = |name: &str, state, says: &str, at| HealthRow { name: w.t(name), state, says: says.into(), at };
    let page = HealthPage {
        f: s.hub("health-title", Place::Now),
        rows: vec![
            row("health-backup", "good", "1.2 GiB in /mnt/backup", Some(ago(5))),
            row("health-disk", "bad", &w.t("trouble-disk"), None),
        ],
    };
    pages.push(("health", page.render().unwrap()));
    let page = InvitePage {
        f: s.hub("invite-title", Place::Members),
        name: String::new(),
        countries: PLACES
            .iter()
            .map(|(code, ..)| Choice::new(code, w.t(&format!("country-{}", code.to_lowercase())), *code == "GR"))
            .collect(),
        roles: s.choices("member-role", &["hospital", "national"], "hospital"),
    };
    pages.push(("invite", page.render().unwrap()));
}

fn above_page(s: &Studio) -> AbovePage {
    let w = s.w();
    let figure = |key: &str, value: u64| Figure { label: w.word("reach", key), value: w.number(&value) };
    let row =
        |state| ReceivedRow { issuer: "EU hub".into(), ..received("w5", Verdict::CannotTell, String::new(), state) };
    AbovePage {
        f: Frame { tlp: Some(Tlp::Green), ..s.hub("desk-title", Place::Desk) },
        row: row("live"),
        state_says: w.t("above-passed-on"),
        reach: ["members", "sent", "received", "hit", "exposed", "not-concerned", "cannot-tell"]
            .map(|key| figure(key, 3))
            .to_vec(),
        summary: "Hospitals in two countries saw the same address within two hours.".into(),
        advice: "Look for the address. Cut machines that spoke with it.".into(),
        delivery_count: 1,
        deliveries: vec![DeliveryRow {
            member: "Klinik Agios Lukas".into(),
            state: "exposed",
            at: ago(8),
            latency: w.with("latency-ms", "number", "412"),
        }],
        basis: w.with("basis-one-source", "source", &w.t("source-advisory")),
        version: "2".into(),
        issued_at: ago(22),
        suppliers: "Medilab".into(),
        countries: "Ireland, Romania".into(),
        indicator_count: 3,
        indicators: indicators(),
        more_indicators: 0,
        rules: Vec::new(),
        others: vec![row("withdrawn")],
    }
}

fn map_page(s: &Studio) -> MapPage {
    let w = s.w();
    let numbers = [
        ("GR", 4, Level::Critical),
        ("RO", 26, Level::Critical),
        ("IE", 1, Level::High),
        ("DE", 9, Level::Medium),
        ("MT", 1, Level::Low),
        ("FR", 71, Level::High),
    ];
    let tiles: Vec<Tile> = PLACES
        .iter()
        .map(|(code, row, column)| {
            let found = numbers.iter().find(|(country, ..)| country == code);
            let hospitals = found.map_or(0, |(_, count, _)| *count);
            let name = w.t(&format!("country-{}", code.to_lowercase()));
            Tile {
                says: w.n_with("tile-says", hospitals, &[("country", &name)]),
                name,
                code,
                row: *row,
                column: *column,
                hospitals,
                sightings: hospitals * 3,
                level: found.map(|(_, _, level)| *level),
                heat: heat(hospitals),
            }
        })
        .collect();
    let lane = |label: &str, shared, minutes: &[i64], warned: Option<i64>| LaneRow {
        label: label.into(),
        href: Some("/desk/d2".into()),
        shared,
        hospitals: 4,
        sightings: minutes.len() as u64,
        dots: minutes.iter().map(|minutes| (ago(*minutes), 1)).collect(),
        warned_at: warned.map(ago),
    };
    let lanes = vec![
        lane("185.220.101.44", "indicator", &[900, 610, 604, 603, 320], Some(600)),
        lane("medilab · backup-sabotage", "supplier", &[1200, 610, 600, 180], None),
        lane("t1490", "family", &[20], None),
    ];
    let says = w.n_with("strip-says", 3, &[("from", &w.moment(&ago(1440))), ("to", &w.moment(&now()))]);
    MapPage {
        f: s.hub("map-title", Place::Map),
        from: "2026-11-24T14:02".into(),
        to: "2026-11-25T14:02".into(),
        latest: Some(w.with("map-latest", "moment", &w.moment(&ago(4_000)))),
        says: w.n_with("map-says", 112, &[("from", &w.moment(&ago(1440))), ("to", &w.moment(&now()))]),
        ranked: ranked(&tiles),
        tiles,
        levels: [Level::Critical, Level::High, Level::Medium, Level::Low],
        earlier: "/map?from=a".into(),
        later: "/map?from=b".into(),
        zoom_in: "/map?from=c".into(),
        zoom_out: "/map?from=d".into(),
        strip: strip(&w, ago(1440), now(), &lanes, &says),
        strip_says: says,
        csv: "/map/csv?from=a".into(),
        lanes,
    }
}

pub(crate) fn recorded() -> TheatreData {
    let start = ago(3);
    let at = |millis: i64| start + millis.milliseconds();
    let hospital = |name: &str, country: &str, hub| Hospital { name: name.into(), country: country.into(), hub };
    let sign = |hospital, rule: &str| What::FirstSign { hospital, rule: rule.into() };
    let moments = vec![
        Moment { at: at(0), what: sign(0, "Backups deleted by hand") },
        Moment { at: at(240), what: What::Sighting { hospital: 0, hub: 1 } },
        Moment { at: at(6_100), what: sign(1, "Shadow copies destroyed") },
        Moment { at: at(6_330), what: What::Sighting { hospital: 1, hub: 1 } },
        Moment {
            at: at(6_380),
            what: What::Correlation { hub: 1, hospitals: 2, shared: domain::release::Shared::Indicator },
        },
        Moment {
            at: at(6_420),
            what: What::Warning { hub: 1, title: "Backups are destroyed through a shared supplier".into() },
        },
        Moment { at: at(6_700), what: What::Warned { hospital: 2, verdict: Verdict::Exposed } },
        Moment { at: at(6_750), what: What::Warned { hospital: 0, verdict: Verdict::Hit } },
        Moment { at: at(6_760), what: What::Warned { hospital: 1, verdict: Verdict::Hit } },
        Moment {
            at: at(6_900),
            what: What::Warning { hub: 0, title: "Backups are destroyed through a shared supplier".into() },
        },
        Moment {
            at: at(7_000),
            what: What::Warning { hub: 2, title: "Backups are destroyed through a shared supplier".into() },
        },
        Moment { at: at(7_300), what: What::Warned { hospital: 3, verdict: Verdict::Exposed } },
        Moment { at: at(7_310), what: What::Warned { hospital: 4, verdict: Verdict::CannotTell } },
        Moment { at: at(7_390), what: What::Warned { hospital: 5, verdict: Verdict::NotConcerned } },
        Moment { at: at(12_000), what: sign(2, "Backups deleted by hand") },
        Moment { at: at(17_500), what: sign(3, "Backups deleted by hand") },
        Moment { at: at(17_800), what: What::Sighting { hospital: 3, hub: 2 } },
        Moment { at: at(22_400), what: sign(4, "Shadow copies destroyed") },
    ];
    TheatreData {
        attacks: vec![Attack {
            key: "romania-2024".into(),
            title: "After Romania 2024: one supplier, 26 hospitals".into(),
            hubs: ["ENISA Support Centre", "CSIRT Romania", "CSIRT Hellas"]
                .map(|name| Hub { name: name.into() })
                .to_vec(),
            hospitals: vec![
                hospital("Spital Sfanta Maria", "RO", 1),
                hospital("Spital Judetean Buzau", "RO", 1),
                hospital("Institutul Cardio", "RO", 1),
                hospital("Agios Lukas", "GR", 2),
                hospital("Evangelismos", "GR", 2),
                hospital("Geniko Patras", "GR", 2),
            ],
            moments,
            minutes_a_second: Some(60),
            progress: Progress::Over,
        }],
    }
}

fn other_pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let page = LoginPage { f: s.outside("login-title"), name: String::new(), next: "/".into() };
    pages.push(("login", page.render().unwrap()));
    let page = FirstRunPage { f: s.outside("first-title"), action: "/first-run/abc".into(), name: String::new() };
    pages.push(("first-run", page.render().unwrap()));
    let topics =
        ["now", "alert", "warning"].map(|topic| (w.word("help", topic), w.t(&format!("help-{topic}-says")))).to_vec();
    pages.push(("help", HelpPage { f: s.hospital("help-title", Place::Now), topics }.render().unwrap()));
    let page = PreferencesPage {
        f: s.hospital("preferences-title", Place::Now),
        schemes: s.choices("scheme", &["system", "light", "dark"], "system"),
        languages: s.choices("language", &["en"], "en"),
    };
    pages.push(("preferences", page.render().unwrap()));
    pages.push((
        "not-found",
        message(s.hospital("error-not-found-title", Place::Now), "error-not-found", "error-not-found-hint"),
    ));
    let data = recorded();
    pages.push(("theatre", theatre::page(s.outside("theatre-title"), &data, &Asked::default())));
    pages.push((
        "theatre-7",
        theatre::page(s.outside("theatre-title"), &data, &Asked { at: Some(8), ..Asked::default() }),
    ));
    pages
        .push(("theatre-empty", theatre::page(s.outside("theatre-title"), &TheatreData::default(), &Asked::default())));
}

pub(crate) fn pages(language: Language) -> Vec<(&'static str, String)> {
    let studio = Studio { language };
    let mut pages = Vec::new();
    hospital_pages(&studio, &mut pages);
    hub_pages(&studio, &mut pages);
    other_pages(&studio, &mut pages);
    rules::pages(&studio, &mut pages);
    reach::pages(&studio, &mut pages);
    log_in::pages(&studio, &mut pages);
    pages
}

mod data_protection;
mod log_in;
mod reach;
mod rules;
mod tests;
