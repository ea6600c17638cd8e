//! One event walks through the use cases of two hospitals, two national hubs and the union: no sockets, the same calls
//! that the link makes. Each test is named for a promise.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up has failed")]

#[path = "one_event/hostile.rs"]
mod hostile;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use app::intake::{Carrier, Intake, SourceKey};
use app::link::{ItemResult, Push, StreamItem};
use app::{
    Answer, Answers, App, AppConfig, Approval, Clock, Content, InviteAddress, InviteOrder, Keys, Limits, Member,
    MemberRole, Outgoing, ReceivedState, RecordQuery, SupplierList, Taken, Trial,
};
use bytes::Bytes;
use detect::sigma::{RuleOrigin, RuleText};
use domain::cluster::Thresholds;
use domain::party::{Actor, Role};
use domain::record::warning::Stage;
use domain::release::{WarningContent, WithdrawalReason};
use domain::telemetry::Verdict;
use eventstore::EventLog;
use jiff::{SignedDuration, Timestamp};
use store::{Store, Target};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

#[path = "one_event/log_kept.rs"]
mod log_kept;
#[path = "one_event/one_card.rs"]
mod one_card;
#[path = "one_event/reach.rs"]
mod reach;
#[path = "one_event/visible.rs"]
mod visible;

const RULE: &str = "
title: Backup job deleted
id: 6a1de1b0-2b7f-4d0a-9a52-000000000001
status: stable
date: 2026-01-01
logsource: {product: veeam, service: backup}
detection:
    deleted: {instanceId: '23090'}
    condition: deleted
level: high
lazaret.family: backup-sabotage
lazaret.concerns: [backup]
lazaret.action: Look at the backup server now.
";

/// A clock in the hand.
struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl Hand {
    fn turn(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

struct Node {
    app: Arc<App>,
    clock: Arc<Hand>,
    _dir: TempDir,
    stop: watch::Sender<bool>,
}

struct Setting {
    name: &'static str,
    country: &'static str,
    listens: bool,
    passes_on: bool,
    approval: Approval,
}

const HOSPITAL: Setting =
    Setting { name: "hospital", country: "RO", listens: true, passes_on: false, approval: Approval::Person };
const NATIONAL: Setting =
    Setting { name: "national", country: "RO", listens: false, passes_on: true, approval: Approval::SharedIndicator };
const UNION: Setting =
    Setting { name: "union", country: "EU", listens: false, passes_on: true, approval: Approval::SharedIndicator };

fn mappings() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/mappings");
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

fn suppliers() -> SupplierList {
    let list = "[[supplier]]\nid = \"veeam\"\nname = \"Veeam\"\n\
                [[supplier.product]]\nid = \"vbr\"\nname = \"Backup\"\nkind = \"backup\"\n";
    SupplierList::parse(list).unwrap()
}

/// A rule that observes staff.
const STAFF_RULE: &str = "title: Somebody read very much\nid: 7b2c1a90-6f3e-4d51-9c7a-3f1d2e4b5a60\nlevel: medium\n\
                          lazaret.family: much-read\nlogsource: { product: probe }\n\
                          detection: { a: { x: 1 }, condition: a }\n";

async fn node(setting: Setting) -> Node {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hand(Mutex::new("2026-11-25T02:00:00Z".parse().unwrap())));
    let config = AppConfig {
        name: setting.name.to_owned(),
        country: setting.country.to_owned(),
        zone: jiff::tz::TimeZone::UTC,
        own: vec![],
        invite: Some(InviteAddress { urls: vec!["https://hub.example".to_owned()], ca_fingerprint: "0".repeat(64) }),
        backup_older_than: None,
        passes_on: setting.passes_on,
        listens: setting.listens,
        sightings: Outgoing::Send,
        approval: setting.approval,
        thresholds: Thresholds::default(),
        trial: Trial::default(),
        kept: app::Kept::default(),
        limits: Limits::default(),
    };
    let store = Store::open(&Target::Sqlite(dir.path().join("node.sqlite"))).await.unwrap();
    let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
    let (log, _) = EventLog::open(&dir.path().join("events"), limits).unwrap();
    let rule = RuleText { path: "rule.yml".into(), text: RULE.to_owned(), origin: RuleOrigin::BuiltIn, mark: None };
    let staff = RuleText { path: "staff.yml".into(), text: STAFF_RULE.to_owned(), ..rule.clone() };
    let content = Content {
        rules: vec![rule],
        staff_rules: vec![staff],
        ..Content { mappings: mappings(), suppliers: suppliers(), ..Content::default() }
    };
    let app = App::start(config, clock.clone(), Keys::generate().unwrap(), store, log, content).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    if setting.listens {
        tokio::spawn(Arc::clone(&app).run_scanner(stopped));
    }
    Node { app, clock, _dir: dir, stop }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn admin() -> app::Session {
    app::Session {
        id: Uuid::from_u128(11),
        account: Uuid::from_u128(1),
        name: "ana".to_owned(),
        role: Role::Admin,
        proof: app::Proof::PasswordAndCode,
        second_factor_due: false,
        csrf: String::new(),
        expires_at: Timestamp::MAX,
        preferences: app::Preferences::default(),
    }
}

fn second_pair_of_eyes() -> app::Session {
    app::Session { account: Uuid::from_u128(2), name: "bo".to_owned(), ..admin() }
}

/// Enrols a member at a hub, as the two ends of the link do.
async fn enrol(hub: &Node, member: &Node, role: MemberRole) -> Member {
    let order = InviteOrder { name: member.app.name().to_owned(), country: member.app.country().to_owned(), role };
    let code = hub.app.invite(&admin().actor(), order).await.unwrap();
    let code = app::invite_code::InviteCode::read(&code).unwrap();
    let key = member.app.keys().public_key();
    let enrolled = hub.app.enrol(&code.secret, key, "me").await.unwrap().unwrap();
    member.app.set_hub_key(enrolled.hub_public_key);
    let again = hub.app.enrol(&code.secret, key, "me").await.unwrap().unwrap();
    assert_eq!(again.member, enrolled.member, "an answer that was lost is given again");
    assert!(hub.app.enrol(&code.secret, &[7; 32], "me").await.unwrap().is_err(), "an invite holds for one node");
    enrolled.member
}

/// Pushes all that waits at a member to its hub.
async fn push(hub: &Node, member: &Node, as_member: &Member) -> Vec<ItemResult> {
    let mut results = Vec::new();
    while let Some(push) = member.app.next_push().await.unwrap() {
        let receipt = hub.app.receive_push(as_member, push.clone()).await.unwrap();
        results.extend(receipt.outcomes.iter().map(|outcome| outcome.result.clone()));
        member.app.push_confirmed(&push, &receipt).await.unwrap();
    }
    while hub.app.judge_waiting().await.unwrap() > 0 {}
    results
}

/// Reads the hub's log to its end.
async fn pull(hub: &Node, member: &Node, as_member: &Member) -> Vec<Taken> {
    let mut taken = Vec::new();
    let mut after = member.app.down_cursor().await.unwrap();
    loop {
        let page = hub.app.stream_page(as_member, after).await.unwrap();
        if page.items.is_empty() {
            return taken;
        }
        for item in page.items {
            after = item.position;
            taken.push(member.app.take_release(item).await.unwrap());
        }
        hub.app.acknowledge(as_member, after).await.unwrap();
    }
}

fn veeam_line(host: &str, from: &str) -> Bytes {
    Bytes::from(format!(
        "<14>1 2026-11-25T01:59:00Z {host} Veeam_MP - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=23090 \
         JobID=\"7\" UserName=\"svc\" Source=\"{from}\" Version=\"1\" Description=\"Job has been deleted\"]"
    ))
}

async fn log(node: &Node, lines: Vec<Bytes>) {
    let mut scanned = node.app.scanned();
    let source = SourceKey { carrier: Carrier::Syslog, peer: "10.0.0.9".to_owned() };
    let stored = node.app.append(&source, lines).await.unwrap();
    let until = stored.first + stored.count;
    scanned.wait_for(|next| *next >= until).await.unwrap();
}

async fn uses_veeam(node: &Node, answer: Answer) {
    let answers = Answers(BTreeMap::from([("veeam".to_owned(), answer)]));
    node.app.keep_supplier_answers(admin().actor(), &answers).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_becomes_a_card_and_a_case_keeps_its_line() {
    let hospital = node(HOSPITAL).await;
    log(&hospital, vec![veeam_line("vbr01", "x"), veeam_line("vbr01", "x"), Bytes::from_static(b"<13>noise")]).await;
    let today = hospital.app.today().await.unwrap();
    assert_eq!(today.cards.len(), 1, "two detections of one rule on one host are one alert");
    assert_eq!((today.cards[0].count, today.cards[0].host.as_str()), (2, "vbr01"));
    let id = today.cards[0].id;
    let case =
        hospital.app.open_case_from_alert(&admin(), id, domain::record::case::Sort::Incident, "Backups").await.unwrap();
    let view = hospital.app.case(case).await.unwrap();
    assert_eq!(view.row.title, "Backups");
    assert!(view.evidence[0].contains("instanceId=23090"));
    assert_eq!(hospital.app.alert(id).await.unwrap().case, Some(case));
    assert!(hospital.app.today().await.unwrap().cards.is_empty(), "what is in a case is no open card");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hospitals_with_one_supplier_are_proposed_and_the_rest_is_told_after_approval() {
    let hub = node(NATIONAL).await;
    let (one, two, three) = (node(HOSPITAL).await, node(HOSPITAL).await, node(HOSPITAL).await);
    let (m1, m2) = (enrol(&hub, &one, MemberRole::Hospital).await, enrol(&hub, &two, MemberRole::Hospital).await);
    let m3 = enrol(&hub, &three, MemberRole::Hospital).await;
    for (hospital, answer) in [(&one, Answer::Used), (&two, Answer::Used), (&three, Answer::NotUsed)] {
        uses_veeam(hospital, answer).await;
    }
    log(&one, vec![veeam_line("vbr01", "x")]).await;
    assert_eq!(push(&hub, &one, &m1).await, [ItemResult::New]);
    assert_eq!(hub.app.warnings(RecordQuery { limit: 10, ..RecordQuery::default() }).await.unwrap().items.len(), 0);
    log(&two, vec![veeam_line("backup", "x")]).await;
    push(&hub, &two, &m2).await;
    let proposals = hub.app.warnings(RecordQuery { limit: 10, ..RecordQuery::default() }).await.unwrap().items;
    assert_eq!(proposals.len(), 1);
    assert_eq!(proposals[0].warning.stage, Stage::Proposed, "a shared supplier waits for a person");
    assert_eq!(proposals[0].content.suppliers, ["veeam"]);
    let sent: String = one.app.sharing().await.unwrap().sent.iter().map(|item| item.text.clone()).collect();
    assert!(!sent.contains("vbr01") && !sent.contains("10.0.0.9"), "no host and no inside address leaves: {sent}");

    let id = proposals[0].id;
    hub.app.approve_warning(&admin(), id).await.unwrap();
    let verdicts = [
        pull(&hub, &one, &m1).await.pop().unwrap(),
        pull(&hub, &two, &m2).await.pop().unwrap(),
        pull(&hub, &three, &m3).await.pop().unwrap(),
    ];
    assert_eq!(
        verdicts,
        [Taken::InForce(Verdict::Exposed), Taken::InForce(Verdict::Exposed), Taken::InForce(Verdict::NotConcerned)]
    );
    push(&hub, &three, &m3).await;
    let reach = hub.app.warning(id).await.unwrap().reach;
    assert_eq!((reach.members, reach.received, reach.not_concerned), (3, 3, 1));
}

fn phoned(value: &str) -> WarningContent {
    serde_json::from_value(serde_json::json!({
        "title": "Remote control from one address", "summary": "A hospital called.", "advice": "Look for it.",
        "level": "high", "family": "", "suppliers": [], "products": [], "countries": ["RO"],
        "indicators": [{"kind": "ipv4-addr", "value": value, "origin": "phone"}], "rules": [],
        "basis": {"basis": "one-source", "source": "phone"}
    }))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_crosses_the_union_hits_looks_back_and_leaves_the_engine_again() {
    let union = node(UNION).await;
    let (ro, ie) = (node(NATIONAL).await, node(Setting { name: "csirt-ie", country: "IE", ..NATIONAL }).await);
    let (hit, clean) = (node(HOSPITAL).await, node(Setting { country: "IE", ..HOSPITAL }).await);
    let (u_ro, u_ie) = (enrol(&union, &ro, MemberRole::National).await, enrol(&union, &ie, MemberRole::National).await);
    let (m_hit, m_clean) =
        (enrol(&ro, &clean, MemberRole::Hospital).await, enrol(&ie, &hit, MemberRole::Hospital).await);
    let (clean, m_clean, hit, m_hit) = (clean, m_hit, hit, m_clean);
    let line = Bytes::from_static(
        b"<86>1 2026-11-25T01:00:00Z gw sshd 7 - - Accepted password for root from 198.51.100.77 port 4242 ssh2",
    );
    log(&hit, vec![line.clone()]).await;
    log(&clean, vec![Bytes::from_static(b"<86>1 2026-11-25T01:00:00Z gw sshd 7 - - Server listening on 0.0.0.0")])
        .await;

    let source = domain::release::OutsideSource::Phone;
    let id = ro
        .app
        .propose_warning(&admin(), phoned("198.51.100.77"), source, domain::marking::Marking::COMMUNITY)
        .await
        .unwrap();
    assert!(ro.app.approve_warning(&admin(), id).await.is_err(), "the proposer cannot approve");
    ro.app.approve_warning(&second_pair_of_eyes(), id).await.unwrap();
    assert_eq!(push(&union, &ro, &u_ro).await, [ItemResult::New]);
    assert_eq!(pull(&union, &ie, &u_ie).await.len(), 1);
    assert!(pull(&union, &ro, &u_ro).await.is_empty(), "what it sent itself does not come back");
    assert_eq!(pull(&ie, &hit, &m_hit).await, [Taken::InForce(Verdict::Hit)]);
    assert_eq!(pull(&ro, &clean, &m_clean).await, [Taken::InForce(Verdict::Exposed)]);

    let view = hit.app.received_one(id.0).await.unwrap();
    assert_eq!(view.warning.verdict_why.hits_total, 1);
    assert!(view.lines[0].text.contains("198.51.100.77"));

    hit.clock.turn(SignedDuration::from_secs(60));
    log(&hit, vec![line.clone()]).await;
    let alerts = hit.app.received_one(id.0).await.unwrap().alerts;
    assert_eq!(alerts.len(), 1, "the indicator is in the running engine");

    ro.app.withdraw_warning(&admin(), id, WithdrawalReason::FalseAlarm).await.unwrap();
    push(&union, &ro, &u_ro).await;
    pull(&union, &ie, &u_ie).await;
    assert_eq!(pull(&ie, &hit, &m_hit).await, [Taken::Withdrawn]);
    assert_eq!(hit.app.received_one(id.0).await.unwrap().warning.state, ReceivedState::Withdrawn);
    log(&hit, vec![line]).await;
    let after = hit.app.received_one(id.0).await.unwrap().alerts;
    assert_eq!(after[0].count, alerts[0].count, "the indicator left the engine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_match_too_much_is_held_for_a_person() {
    let hub = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    let line =
        Bytes::from_static(b"<86>1 2026-11-25T01:00:00Z gw sshd 7 - - Failed password for x from 198.51.100.9 port 1");
    log(&hospital, vec![line; 60]).await;
    let source = domain::release::OutsideSource::Mail;
    let marking = domain::marking::Marking::COMMUNITY;
    let id = hub.app.propose_warning(&admin(), phoned("198.51.100.9"), source, marking).await.unwrap();
    hub.app.approve_warning(&second_pair_of_eyes(), id).await.unwrap();
    assert_eq!(pull(&hub, &hospital, &member).await, [Taken::Held]);
    let held = hospital.app.received_one(id.0).await.unwrap().warning;
    assert_eq!(held.state, ReceivedState::Held { would_match: 60 });
    hospital.app.accept_received(&admin(), id.0).await.unwrap();
    assert_eq!(hospital.app.received_one(id.0).await.unwrap().warning.state, ReceivedState::Live);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_twice_changes_nothing_and_other_bytes_are_a_visible_conflict() {
    let hub = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    let push: Push = hospital.app.next_push().await.unwrap().unwrap();
    let results = |receipt: app::link::Receipt| -> Vec<ItemResult> {
        receipt.outcomes.into_iter().map(|outcome| outcome.result).collect()
    };
    assert_eq!(results(hub.app.receive_push(&member, push.clone()).await.unwrap()), [ItemResult::New]);
    assert_eq!(results(hub.app.receive_push(&member, push.clone()).await.unwrap()), [ItemResult::Duplicate]);
    let mut other = push;
    let changed = String::from_utf8(other.items[0].body.clone()).unwrap().replace("\"count\":1", "\"count\":7");
    other.items[0].body = changed.into_bytes();
    let unhashed = results(hub.app.receive_push(&member, other.clone()).await.unwrap());
    assert!(matches!(unhashed[0], ItemResult::Refused { .. }), "a body that is not its hash is refused");
    use sha2::Digest;
    other.items[0].hash = domain::record::hex(&sha2::Sha256::digest(&other.items[0].body));
    assert_eq!(results(hub.app.receive_push(&member, other).await.unwrap()), [ItemResult::Conflict]);
    assert_eq!(hub.app.conflicts().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_the_hub_does_not_vouch_for_is_refused() {
    let hub = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    let source = domain::release::OutsideSource::Advisory;
    let marking = domain::marking::Marking::COMMUNITY;
    let id = hub.app.propose_warning(&admin(), phoned("198.51.100.9"), source, marking).await.unwrap();
    hub.app.approve_warning(&second_pair_of_eyes(), id).await.unwrap();
    let item: StreamItem = hub.app.stream_page(&member, 0).await.unwrap().items.pop().unwrap();
    let mut flipped = item.clone();
    flipped.release.bytes[40] ^= 1;
    assert!(matches!(hospital.app.take_release(flipped).await.unwrap(), Taken::Refused(_)));
    let stranger = node(Setting { name: "stranger", ..NATIONAL }).await;
    hospital.app.set_hub_key(stranger.app.keys().public_key().to_vec());
    assert!(matches!(hospital.app.take_release(item).await.unwrap(), Taken::Refused(_)));
    assert!(hospital.app.received().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_lock_after_wrong_passwords_and_first_run_holds_once() {
    let node = node(HOSPITAL).await;
    let token = node.app.create_first_run().await.unwrap();
    let password = "correct horse battery staple";
    let start = node.app.first_run(&token, "ana", password, &app::CameFrom::default()).await.unwrap().unwrap();
    assert!(
        node.app.first_run(&token, "eve", password, &app::CameFrom::default()).await.is_err(),
        "the link is used up"
    );
    let session = node.app.session(&start.token).await.unwrap().unwrap();
    assert_eq!((session.name.as_str(), session.role), ("ana", Role::Admin));
    for _ in 0..5 {
        let known = node.app.login("ana", "wrong wrong wrong", &app::CameFrom::default()).await.unwrap().unwrap_err();
        let unknown =
            node.app.login("nobody", "wrong wrong wrong", &app::CameFrom::default()).await.unwrap().unwrap_err();
        assert_eq!(known, unknown, "an answer does not tell which accounts exist");
    }
    assert!(matches!(
        node.app.login("nobody", password, &app::CameFrom::default()).await.unwrap(),
        Err(app::LoginRefused::LockedUntil(_))
    ));
    assert!(matches!(
        node.app.login("ana", password, &app::CameFrom::default()).await.unwrap(),
        Err(app::LoginRefused::LockedUntil(_))
    ));
    node.clock.turn(SignedDuration::from_hours(1));
    assert!(node.app.login("ana", password, &app::CameFrom::default()).await.unwrap().is_ok());
    assert!(node.app.session(&start.token).await.unwrap().is_none(), "an idle session ends");
    let policy = Actor::Policy { name: "command-line".to_owned() };
    assert!(node.app.add_account(&policy, "vera", Role::Viewer, "short").await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_fired_everywhere_at_once_warns_nobody_the_next_day_either() {
    let hub = node(NATIONAL).await;
    let hospitals = [node(HOSPITAL).await, node(HOSPITAL).await, node(HOSPITAL).await];
    let mut members = Vec::new();
    for hospital in &hospitals {
        hospital.app.reload_rules(vec![RuleText {
            path: "pushed.yml".into(),
            text: RULE.replace("lazaret.concerns: [backup]\n", ""),
            origin: RuleOrigin::Local,
            mark: None,
        }]);
        members.push(enrol(&hub, hospital, MemberRole::Hospital).await);
    }
    for _day in 0..2 {
        for (hospital, member) in hospitals.iter().zip(&members) {
            let now = hospital.app.now().to_string();
            let line = String::from_utf8(veeam_line("vbr01", "x").to_vec()).unwrap();
            log(hospital, vec![Bytes::from(line.replace("2026-11-25T01:59:00Z", &now))]).await;
            push(&hub, hospital, member).await;
            hospital.clock.turn(SignedDuration::from_hours(25));
        }
        hub.clock.turn(SignedDuration::from_hours(25));
    }
    let suspected = hub.app.suspected_rules().await.unwrap();
    assert_eq!(suspected.len(), 1, "a person looks at the rule");
    let query = RecordQuery { limit: 10, ..RecordQuery::default() };
    assert!(hub.app.warnings(query).await.unwrap().items.is_empty(), "and nobody is warned");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hospital_in_each_of_two_countries_is_enough_for_the_union() {
    let union = node(UNION).await;
    let (ro, ie) = (node(NATIONAL).await, node(Setting { name: "csirt-ie", country: "IE", ..NATIONAL }).await);
    let (here, there) = (node(HOSPITAL).await, node(Setting { country: "IE", ..HOSPITAL }).await);
    let (u_ro, u_ie) = (enrol(&union, &ro, MemberRole::National).await, enrol(&union, &ie, MemberRole::National).await);
    let (m_here, m_there) =
        (enrol(&ro, &here, MemberRole::Hospital).await, enrol(&ie, &there, MemberRole::Hospital).await);
    for (hospital, hub, member, as_member) in [(&here, &ro, &m_here, &u_ro), (&there, &ie, &m_there, &u_ie)] {
        uses_veeam(hospital, Answer::Used).await;
        log(hospital, vec![veeam_line("vbr01", "x")]).await;
        push(hub, hospital, member).await;
        assert_eq!(push(&union, hub, as_member).await, [ItemResult::New]);
    }
    let query = RecordQuery { limit: 10, ..RecordQuery::default() };
    let proposed = union.app.warnings(query).await.unwrap().items;
    assert_eq!(proposed.len(), 1, "neither national hub could see it alone");
    assert_eq!(proposed[0].content.countries, ["IE", "RO"]);
    let view = union.app.warning(proposed[0].id).await.unwrap();
    assert!(view.sightings.iter().all(|seen| !seen.hospital.contains(&here.app.node().0)), "hospitals are pseudonyms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_cannot_speak_for_others() {
    let hub = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    let rogue = node(Setting { name: "rogue", ..NATIONAL }).await;
    rogue.app.set_hub_key(hub.app.keys().public_key().to_vec());
    let marking = domain::marking::Marking::COMMUNITY;
    let source = domain::release::OutsideSource::Mail;
    let id = rogue.app.propose_warning(&admin(), phoned("198.51.100.9"), source, marking).await.unwrap();
    rogue.app.approve_warning(&second_pair_of_eyes(), id).await.unwrap();
    let push = rogue.app.next_push().await.unwrap().unwrap();
    let as_rogue = Member { public_key: rogue.app.keys().public_key().to_vec(), node: rogue.app.node(), ..member };
    let receipt = hub.app.receive_push(&as_rogue, push).await.unwrap();
    assert!(matches!(receipt.outcomes[0].result, ItemResult::Refused { .. }), "a hospital issues no releases");
    assert_eq!(*hub.app.published().borrow(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sighting_of_another_country_is_refused() {
    let hub = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    let push = hospital.app.next_push().await.unwrap().unwrap();
    let elsewhere = Member { country: "FR".to_owned(), ..member };
    let receipt = hub.app.receive_push(&elsewhere, push).await.unwrap();
    assert!(matches!(receipt.outcomes[0].result, ItemResult::Refused { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_approved_before_a_kill_is_sent_afterwards() {
    let hub = node(Setting { approval: Approval::Person, ..NATIONAL }).await;
    let source = domain::release::OutsideSource::Mail;
    let marking = domain::marking::Marking::COMMUNITY;
    let id = hub.app.propose_warning(&admin(), phoned("198.51.100.9"), source, marking).await.unwrap();
    let approve = domain::record::Command::Warning(id, domain::record::warning::Command::Approve);
    hub.app.execute(approve, second_pair_of_eyes().actor()).await.unwrap();
    let mut published = hub.app.published();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(Arc::clone(&hub.app).run_correlator(stopped));
    published.wait_for(|head| *head > 0).await.unwrap();
    assert_eq!(hub.app.warning(id).await.unwrap().row.warning.stage, Stage::Sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sighting_after_a_restart_says_no_less_than_before() {
    let hub = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    enrol(&hub, &hospital, MemberRole::Hospital).await;
    log(&hospital, vec![veeam_line("vbr01", "x"); 3]).await;
    let first = hospital.app.next_push().await.unwrap().unwrap();
    hospital.stop.send_replace(true);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(Arc::clone(&hospital.app).run_scanner(stopped));
    log(&hospital, vec![veeam_line("vbr01", "x"); 40]).await;
    let second = hospital.app.next_push().await.unwrap().unwrap();
    let count = |push: &Push| {
        let sighting: domain::telemetry::Sighting = serde_json::from_slice(&push.items[0].body).unwrap();
        sighting.count
    };
    assert_eq!((count(&first), count(&second)), (3, 43));
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_on_a_warning_from_above_found_no_second_warning() {
    let union = node(UNION).await;
    let national = node(NATIONAL).await;
    let hospitals = [node(HOSPITAL).await, node(HOSPITAL).await];
    let as_national = enrol(&union, &national, MemberRole::National).await;
    let mut members = Vec::new();
    for hospital in &hospitals {
        members.push(enrol(&national, hospital, MemberRole::Hospital).await);
    }
    let marking = domain::marking::Marking::COMMUNITY;
    let source = domain::release::OutsideSource::Advisory;
    let id = union.app.propose_warning(&admin(), phoned("198.51.100.77"), source, marking).await.unwrap();
    union.app.approve_warning(&second_pair_of_eyes(), id).await.unwrap();
    pull(&union, &national, &as_national).await;
    let line = Bytes::from_static(
        b"<86>1 2026-11-25T01:00:00Z gw sshd 7 - - Accepted password for root from 198.51.100.77 port 4242 ssh2",
    );
    for (hospital, member) in hospitals.iter().zip(&members) {
        pull(&national, hospital, member).await;
        log(hospital, vec![line.clone()]).await;
        assert_eq!(hospital.app.today().await.unwrap().cards.len(), 1, "the hospital has its card");
        push(&national, hospital, member).await;
    }
    let query = RecordQuery { limit: 10, ..RecordQuery::default() };
    assert!(national.app.warnings(query).await.unwrap().items.is_empty(), "the attack is warned of already");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critical_alert_stays_a_card_until_somebody_deals_with_it() {
    let hospital = node(HOSPITAL).await;
    hospital.app.reload_rules(vec![RuleText {
        path: "critical.yml".into(),
        text: RULE.replace("level: high", "level: critical"),
        origin: RuleOrigin::Local,
        mark: None,
    }]);
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    hospital.clock.turn(SignedDuration::from_hours(24 * 3));
    let cards = hospital.app.today().await.unwrap().cards;
    assert_eq!(cards.len(), 1);
    hospital.app.dismiss_alert(&admin(), cards[0].id).await.unwrap();
    assert!(hospital.app.today().await.unwrap().cards.is_empty());
}

#[tokio::test]
async fn rules_that_observe_staff_run_only_while_switched_on_and_stated() {
    let node = node(HOSPITAL).await;
    let running = || node.app.metrics().get("lazaret_engine_rules", "");
    let before = running();
    assert!(node.app.set_observing(&admin(), app::Observing::Staff).await.is_err(), "nothing is stated");
    assert_eq!(node.app.data_protection().await.unwrap().rules[0].title, "Somebody read very much");
    let text = || "stated".to_owned();
    let date = "2026-11-01".parse().ok();
    let statements = app::Statements {
        controller: text(),
        officer: text(),
        legal_basis: text(),
        representation: text(),
        agreed_on: date,
        assessed_by: text(),
        assessed_on: date,
    };
    node.app.set_statements(&admin(), statements.clone()).await.unwrap();
    assert_eq!(running(), before, "stating something switches nothing on");
    node.app.set_observing(&admin(), app::Observing::Staff).await.unwrap();
    assert_eq!(running(), before + 1.0);
    let taken_back = app::Statements { representation: String::new(), ..statements };
    node.app.set_statements(&admin(), taken_back).await.unwrap();
    assert_eq!(running(), before, "what is taken back switches off");
    let viewer = app::Session { role: Role::Viewer, ..admin() };
    assert!(node.app.set_observing(&viewer, app::Observing::Nobody).await.is_err());
}
