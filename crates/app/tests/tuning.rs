//! Tuning that lasts, through the use cases of one hospital: a false alarm becomes the narrowest exception, it is
//! counted, it survives a restart and stops by itself; rules go off and on; thirty noisy rules make five cards.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up has failed")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use app::intake::{Carrier, Intake, SourceKey};
use app::{
    Alert, AlertQuery, AlertStage, App, AppConfig, Approval, Clock, Content, ExceptionOrder, ExceptionScope, Keys,
    Limits, Outgoing, RuleState, Session, Trial, What,
};
use bytes::Bytes;
use detect::sigma::{RuleOrigin, RuleText};
use domain::cluster::Thresholds;
use domain::party::Role;
use eventstore::EventLog;
use jiff::{SignedDuration, Timestamp};
use store::{Store, Target};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

const RULE: &str = "
title: Backup job deleted
id: 6a1de1b0-2b7f-4d0a-9a52-000000000001
logsource: {product: veeam, service: backup}
detection:
    deleted: {instanceId: '23090'}
    by: {UserName|startswith: 'svc'}
    condition: deleted and by
level: high
lazaret.family: backup-sabotage
";

const BURST: &str = "
title: Many backup jobs deleted
id: 6a1de1b0-2b7f-4d0a-9a52-000000000002
correlation:
    type: event_count
    rules: [6a1de1b0-2b7f-4d0a-9a52-000000000001]
    group-by: [UserName]
    timespan: 1h
    condition: {gte: 2}
    generate: true
level: critical
";

const ID: &str = "6a1de1b0-2b7f-4d0a-9a52-000000000001";

struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Node {
    app: Arc<App>,
    clock: Arc<Hand>,
    dir: TempDir,
    stop: watch::Sender<bool>,
    scanner: tokio::task::JoinHandle<()>,
}

async fn start(dir: TempDir, rules: &[String], now: &str) -> Node {
    let clock = Arc::new(Hand(Mutex::new(now.parse().unwrap())));
    let config = AppConfig {
        name: "hospital".to_owned(),
        country: "RO".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        own: vec![],
        invite: None,
        passes_on: false,
        listens: true,
        sightings: Outgoing::Send,
        approval: Approval::Person,
        thresholds: Thresholds::default(),
        trial: Trial::default(),
        kept: app::Kept::default(),
        backup_older_than: None,
        limits: Limits::default(),
    };
    let store = Store::open(&Target::Sqlite(dir.path().join("node.sqlite"))).await.unwrap();
    let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
    let (log, _) = EventLog::open(&dir.path().join("events"), limits).unwrap();
    let mappings = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/mappings")).unwrap();
    let mappings = mappings
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    let content = Content { rules: texts(rules), mappings, ..Content::default() };
    let app = App::start(config, clock.clone(), Keys::generate().unwrap(), store, log, content).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let scanner = tokio::spawn(Arc::clone(&app).run_scanner(stopped));
    Node { app, clock, dir, stop, scanner }
}

fn texts(rules: &[String]) -> Vec<RuleText> {
    let text = |(at, text): (usize, &String)| RuleText {
        path: format!("rule-{at}.yml"),
        text: text.clone(),
        origin: RuleOrigin::Local,
        mark: None,
    };
    rules.iter().enumerate().map(text).collect()
}

async fn node(rules: &[&str]) -> Node {
    let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    start(tempfile::tempdir().unwrap(), &rules, "2026-11-25T02:00:00Z").await
}

impl Node {
    /// Stops, and starts again on the same store and log.
    async fn restarted(self, rules: &[&str]) -> Node {
        let now = self.clock.now().to_string();
        self.stop.send_replace(true);
        self.scanner.await.unwrap();
        self.app.stop().await;
        drop(self.app);
        let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        start(self.dir, &rules, &now).await
    }

    async fn log(&self, lines: Vec<Bytes>) {
        let mut scanned = self.app.scanned();
        let source = SourceKey { carrier: Carrier::Syslog, peer: "10.0.0.9".to_owned() };
        let stored = self.app.append(&source, lines).await.unwrap();
        let until = stored.first + stored.count;
        scanned.wait_for(|next| *next >= until).await.unwrap();
    }

    async fn alerts(&self) -> Vec<Alert> {
        self.app.alerts(AlertQuery::default()).await.unwrap().items
    }

    fn turn(&self, by: SignedDuration) {
        *self.clock.0.lock().unwrap() += by;
    }
}

fn line(host: &str, user: &str) -> Bytes {
    Bytes::from(format!(
        "<14>1 2026-11-25T01:59:00Z {host} Veeam_MP - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=23090 \
         JobID=\"7\" UserName=\"{user}\" Version=\"1\" Description=\"Job has been deleted\"]"
    ))
}

fn operator() -> Session {
    Session {
        id: Uuid::from_u128(11),
        proof: app::Proof::PasswordAndCode,
        second_factor_due: false,
        account: Uuid::from_u128(1),
        name: "ana".to_owned(),
        role: Role::Operator,
        csrf: String::new(),
        expires_at: Timestamp::MAX,
        preferences: app::Preferences::default(),
    }
}

async fn order_from(node: &Node, alert: &Alert) -> ExceptionOrder {
    let draft = node.app.draft_exception(&operator(), alert.id).await.unwrap();
    ExceptionOrder {
        rule_id: alert.rule_id.clone(),
        filter: draft.filter,
        scope: draft.scope,
        reason: "the nightly clean-up".to_owned(),
        days: 90,
        alert: Some(alert.id),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_alarm_becomes_the_narrowest_exception_and_is_counted() {
    let node = node(&[RULE]).await;
    node.log(vec![line("vbr01", "svc-clean 1"), line("vbr01", "svc-clean 22")]).await;
    let alert = node.alerts().await.remove(0);
    let order = order_from(&node, &alert).await;
    assert_eq!(order.scope, ExceptionScope::Host("vbr01".to_owned()));
    for part in [ID, "product: 'veeam'", "instanceId: '23090'", "UserName|startswith: 'svc-clean '", "not harmless"] {
        assert!(order.filter.contains(part), "{part} in\n{}", order.filter);
    }
    let trial = node.app.try_exception(&operator(), &order).await.unwrap().unwrap();
    assert_eq!((trial.of_alert_hidden, trial.of_alert), (2, 2));
    assert_eq!((trial.hidden, trial.left, trial.events, trial.limited), (2, 0, 2, false));
    assert_eq!(trial.examples.len(), 2);
    assert!(node.app.rules_view().await.unwrap().exceptions.is_empty(), "trying changes nothing");

    let id = node.app.add_exception(&operator(), &order).await.unwrap().unwrap();
    let put_away = node.app.alerts(AlertQuery { state: Some(AlertStage::Dismissed), ..AlertQuery::default() }).await;
    assert_eq!(put_away.unwrap().items[0].id, alert.id, "the false alarm is put away with it");
    node.log(vec![line("vbr01", "svc-clean 3"), line("vbr02", "svc-clean 3"), line("vbr01", "svc-evil")]).await;
    let hosts: Vec<(String, u64)> = node.alerts().await.into_iter().map(|alert| (alert.host, alert.count)).collect();
    assert_eq!(hosts.len(), 2, "another host is not excepted");
    assert!(hosts.contains(&("vbr01".to_owned(), 3)), "another user on the same host is not excepted: {hosts:?}");
    let view = node.app.exception(id).await.unwrap();
    assert_eq!((view.exception.hidden, view.works, view.rule_runs), (1, true, true));
    assert_eq!(node.app.metrics().get("lazaret_detections_hidden_total", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exception_survives_a_restart_is_announced_and_stops_by_itself() {
    let node = node(&[RULE]).await;
    node.log(vec![line("vbr01", "svc-clean")]).await;
    let alert = node.alerts().await.remove(0);
    let mut order = order_from(&node, &alert).await;
    order.days = 10;
    let id = node.app.add_exception(&operator(), &order).await.unwrap().unwrap();

    let node = node.restarted(&[RULE]).await;
    node.log(vec![line("vbr01", "svc-clean")]).await;
    assert_eq!(node.alerts().await[0].count, 1, "it still hides");
    let announced = async |node: &Node| {
        let items = node.app.attention().await.unwrap().items;
        items.into_iter().any(|item| matches!(item.what, What::ExceptionEnds(ends) if ends.id == id))
    };
    assert!(!announced(&node).await);
    node.turn(SignedDuration::from_hours(24 * 4));
    assert!(announced(&node).await, "six days before its end");
    node.turn(SignedDuration::from_hours(24 * 6));
    assert!(!announced(&node).await);
    node.log(vec![line("vbr01", "svc-clean")]).await;
    let total: u64 = node.alerts().await.iter().map(|alert| alert.count).sum();
    assert_eq!(total, 2, "it stopped by itself");
    let view = node.app.rules_view().await.unwrap();
    assert_eq!((view.exceptions.len(), view.ended.len(), view.ended[0].exception.hidden), (0, 1, 1));

    node.app.renew_exception(&operator(), id, 5).await.unwrap();
    node.log(vec![line("vbr01", "svc-clean")]).await;
    assert_eq!(node.app.exception(id).await.unwrap().exception.hidden, 2, "renewed, it hides again");
    node.app.end_exception(&operator(), id).await.unwrap();
    node.log(vec![line("vbr01", "svc-clean")]).await;
    assert_eq!(node.app.exception(id).await.unwrap().exception.hidden, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correlation_is_excepted_through_the_rules_it_is_over() {
    let node = node(&[RULE, BURST]).await;
    node.log(vec![line("vbr01", "svc-clean"), line("vbr01", "svc-clean")]).await;
    let alert = node.alerts().await.into_iter().find(|alert| alert.rule_title.starts_with("Many")).unwrap();
    let order = order_from(&node, &alert).await;
    assert!(order.filter.contains(ID) && order.filter.contains("UserName: 'svc-clean'"), "{}", order.filter);
    node.app.add_exception(&operator(), &order).await.unwrap().unwrap();
    let before: u64 = node.alerts().await.iter().map(|alert| alert.count).sum();
    node.log(vec![line("vbr01", "svc-clean"), line("vbr01", "svc-clean")]).await;
    assert_eq!(node.alerts().await.iter().map(|alert| alert.count).sum::<u64>(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_an_exception_is_told_and_changes_nothing() {
    let node = node(&[RULE]).await;
    node.log(vec![line("vbr01", "svc-clean")]).await;
    let alert = node.alerts().await.remove(0);
    let good = order_from(&node, &alert).await;
    for days in [0, 366] {
        let order = ExceptionOrder { days, ..good.clone() };
        assert_eq!(node.app.add_exception(&operator(), &order).await.unwrap_err().code(), "input-exception-days");
    }
    let order = ExceptionOrder { reason: " ".to_owned(), ..good.clone() };
    assert_eq!(node.app.add_exception(&operator(), &order).await.unwrap_err().code(), "input-exception-reason");
    let wrong = [
        (good.filter.replace("not harmless", "not harm"), "harm"),
        (good.filter.replace(ID, "another"), "does not name the rule"),
        (good.filter.replace(&format!("\n        - '{ID}'"), " any"), "any rule"),
        (RULE.to_owned(), "a rule where a filter"),
    ];
    for (filter, what) in wrong {
        let order = ExceptionOrder { filter, ..good.clone() };
        let problem = node.app.add_exception(&operator(), &order).await.unwrap().unwrap_err();
        assert!(problem.what.contains(what) && !problem.instead.is_empty(), "{problem:?}");
        assert!(node.app.try_exception(&operator(), &order).await.unwrap().is_err());
    }
    let viewer = Session { role: Role::Viewer, ..operator() };
    assert!(node.app.add_exception(&viewer, &good).await.is_err());
    assert!(node.app.rules_view().await.unwrap().exceptions.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_is_off_is_silent_until_it_is_on_again() {
    let node = node(&[RULE]).await;
    node.app.switch_rule_off(&operator(), ID, "we have no such thing").await.unwrap();
    node.log(vec![line("vbr01", "svc")]).await;
    assert!(node.alerts().await.is_empty());
    let node = node.restarted(&[RULE]).await;
    node.log(vec![line("vbr01", "svc")]).await;
    assert!(node.alerts().await.is_empty(), "after a restart too");
    let rows = node.app.rule_rows("backup", None).await.unwrap();
    assert_eq!((rows.len(), rows[0].state), (1, RuleState::Off));
    let off = node.app.rule_off(ID).await.unwrap().unwrap().off;
    assert_eq!((off.reason.as_str(), off.since), ("we have no such thing", node.clock.now()));
    node.app.switch_rule_on(&operator(), ID).await.unwrap();
    node.log(vec![line("vbr01", "svc")]).await;
    assert_eq!(node.alerts().await.len(), 1);
    assert_eq!(node.app.rule_rows("", Some(RuleState::Runs)).await.unwrap().len(), 1);
    assert_eq!(node.app.rules_view().await.unwrap().noisy[0].alerts_short, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_rules_are_tried_on_the_last_day_before_they_go_live() {
    let node = node(&[]).await;
    node.log(vec![line("vbr01", "svc-clean"), line("vbr01", "svc-clean"), line("vbr02", "other")]).await;
    let unseen = RULE.replace("veeam, service: backup", "aix, service: none").replace("0001", "0009");
    let broken = RULE.replace("condition: deleted and by", "condition: nothing").replace("0001", "0008");
    let rules = texts(&[RULE.to_owned(), BURST.to_owned(), unseen, broken]);
    let trial = node.app.try_rules(rules, |_, _| {}).await.unwrap();
    assert_eq!((trial.loads.len(), trial.problems.len(), trial.events), (3, 1, 3));
    assert!(trial.problems[0].contains("rule-3.yml") && trial.problems[0].contains("nothing"), "{:?}", trial.problems);
    let fired: Vec<_> = trial.fired.iter().map(|rule| (rule.title.as_str(), rule.detections, rule.alerts)).collect();
    assert_eq!(fired, [("Many backup jobs deleted", 1, 1), ("Backup job deleted", 2, 1)], "in the order of time");
    assert_eq!((trial.critical, trial.cards, trial.grouped), (1, 1, 0));
    let needs: Vec<_> = trial.not_connected.iter().map(|need| (need.logsource.as_str(), need.readable)).collect();
    assert_eq!(needs, [("aix/none/*", false)]);
    assert!(node.alerts().await.is_empty() && node.app.rule(ID).is_none(), "nothing went live");
}

/// Every critical alert is a card; of the others five at most, and what is no card is in a group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_noisy_rules_make_at_most_five_cards_a_day_and_nothing_is_hidden() {
    let rule = |at: usize, level: &str| {
        let id = format!("6a1de1b0-2b7f-4d0a-9a52-0000000001{at:02}");
        RULE.replace(ID, &id)
            .replace("Backup job deleted", &format!("Noisy {at}"))
            .replace("backup-sabotage", &format!("family-{}", at % 20))
            .replace("level: high", &format!("level: {level}"))
    };
    let mut rules: Vec<String> = (0..30).map(|at| rule(at, if at % 2 == 0 { "high" } else { "medium" })).collect();
    rules.push(rule(30, "critical").replace("'svc'", "'svc-worst'"));
    let node = start(tempfile::tempdir().unwrap(), &rules, "2026-11-25T02:00:00Z").await;
    let lines = (0..200).map(|at| line(&format!("host-{}", at % 10), "svc")).collect();
    node.log(lines).await;
    let today = node.app.today().await.unwrap();
    assert_eq!(today.cards.len(), 5, "five cards");
    let grouped: u64 = today.grouped.iter().map(|group| group.alerts).sum();
    assert_eq!(grouped + 5, 30 * 10, "and every other alert is in a group");
    node.log(vec![line("host-1", "svc-worst")]).await;
    let today = node.app.today().await.unwrap();
    let critical = today.cards.iter().filter(|card| card.rule_title == "Noisy 30").count();
    assert_eq!((critical, today.cards.len()), (1, 5), "a critical alert is always a card");
}
