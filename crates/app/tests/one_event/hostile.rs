//! What others send to hurt, at the use cases: each is refused or bounded and counted, and the rest goes on.

use std::sync::Arc;

use app::link::{ItemResult, PassedSighting, Push, PushItem, StreamItem};
use app::{LoginRefused, Member, MemberRole, Taken};
use bytes::Bytes;
use detect::sigma::{RuleOrigin, RuleText};
use domain::party::{Actor, Role};
use domain::release::{RELEASE_FORMAT, Release, ReleaseBody};
use domain::telemetry::Sighting;
use uuid::Uuid;

use super::{HOSPITAL, NATIONAL, Node, UNION, enrol, log, node, phoned, veeam_line};

/// A rule on the user name of a Veeam event.
fn user_rule(id: u128, test: &str) -> String {
    let id = Uuid::from_u128(id);
    format!(
        "title: A user\nid: {id}\nlogsource: {{product: veeam, service: backup}}\ndetection:\n  sel:\n    {test}\n  \
         condition: sel\nlevel: high\n"
    )
}

fn by_user(user: &str) -> Bytes {
    let line = String::from_utf8(veeam_line("vbr01", "x").to_vec()).unwrap();
    Bytes::from(line.replace("svc", user).replace("23090", "1"))
}

/// A warning with these rules, signed by a hub that does not look at what it signs.
fn careless(hub: &Node, position: i64, rules: Vec<String>) -> StreamItem {
    let mut content = phoned("198.51.100.77");
    content.rules = rules;
    let release = Release {
        format: RELEASE_FORMAT,
        id: Uuid::from_u128(77),
        version: u32::try_from(position).unwrap(),
        cluster: Uuid::from_u128(78),
        issuer: hub.app.node(),
        issuer_name: hub.app.name().to_owned(),
        issued_at: hub.app.now(),
        marking: domain::marking::Marking::COMMUNITY,
        drill: false,
        body: ReleaseBody::Warning(Box::new(content)),
    };
    let signed = hub.app.keys().sign_release(&release).unwrap();
    StreamItem { position, release: signed.into(), relay: Vec::new() }
}

fn refused_rules(node: &Node, from: &str) -> f64 {
    node.app.metrics().get("lazaret_rules_refused", &format!("from=\"{from}\""))
}

async fn alerts_titled(node: &Node, title: &str) -> u64 {
    let query = store::AlertQuery { limit: 100, ..store::AlertQuery::default() };
    let alerts = node.app.alerts(query).await.unwrap().items;
    alerts.iter().filter(|alert| alert.rule_title == title).map(|alert| alert.count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regex_bomb_in_a_hubs_warning_is_counted_and_the_other_rules_and_the_next_event_work() {
    let hub = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    enrol(&hub, &hospital, MemberRole::Hospital).await;
    let bomb = user_rule(1, r"UserName|re: '((\w{100}){100}){100}'");
    let good = user_rule(2, "UserName: 'mallory'");
    let taken = hospital.app.take_release(careless(&hub, 1, vec![bomb, good.clone()])).await.unwrap();
    assert!(matches!(taken, Taken::InForce(_)), "{taken:?}");
    assert!((refused_rules(&hospital, "warnings") - 1.0).abs() < f64::EPSILON, "the refused rule is counted");
    log(&hospital, vec![by_user("mallory")]).await;
    assert_eq!(alerts_titled(&hospital, "A user").await, 1, "the other rule of the warning works");

    // one that is within the limits of a rule and would take half a minute for a single long value
    let slow = user_rule(3, "UserName|re: 'a[ab]{4000}c'");
    hospital.app.take_release(careless(&hub, 2, vec![slow, good])).await.unwrap();
    assert!(refused_rules(&hospital, "warnings") < f64::EPSILON, "the new version has none that is refused");
    let mut state = 7_u64;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 63 == 0 { 'a' } else { 'b' }
    };
    let long: String = (0..500_000).map(letter).collect();
    log(&hospital, vec![by_user(&long), by_user("mallory")]).await;
    let given_up = hospital.app.metrics().get("lazaret_limit_hits_total", r#"limit="regex-steps""#);
    assert!((given_up - 1.0).abs() < f64::EPSILON, "the search that gave up is counted: {given_up}");
    assert_eq!(alerts_titled(&hospital, "A user").await, 2, "the next event works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regex_bomb_in_the_operators_file_is_refused_by_name_and_the_other_files_load() {
    let hospital = node(HOSPITAL).await;
    let file =
        |path: &str, text: String| RuleText { path: path.to_owned(), text, origin: RuleOrigin::Local, mark: None };
    let problems = hospital.app.reload_rules(vec![
        file("bomb.yml", user_rule(1, r"UserName|re: '((\w{100}){100}){100}'")),
        file("good.yml", user_rule(2, "UserName: 'mallory'")),
    ]);
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("bomb.yml:6: ") && said[0].contains("the limit of 4194304 bytes"), "{said:?}");
    assert!((refused_rules(&hospital, "own") - 1.0).abs() < f64::EPSILON);
    log(&hospital, vec![by_user("mallory")]).await;
    assert_eq!(alerts_titled(&hospital, "A user").await, 1);
}

/// The hospital's waiting sighting, changed and pushed as another member would.
async fn push_changed(hub: &Node, member: &Member, push: &Push, change: impl FnOnce(&mut PushItem)) -> ItemResult {
    use sha2::Digest;
    let mut push = push.clone();
    push.items.truncate(1);
    change(&mut push.items[0]);
    push.items[0].hash = domain::record::hex(&sha2::Sha256::digest(&push.items[0].body));
    let receipt = hub.app.receive_push(member, push).await.unwrap();
    receipt.outcomes[0].result.clone()
}

fn changed(item: &mut PushItem, change: impl FnOnce(&mut Sighting)) {
    let mut sighting: Sighting = serde_json::from_slice(&item.body).unwrap();
    change(&mut sighting);
    item.body = serde_json::to_vec(&sighting).unwrap();
}

/// Turns a sighting into one that is passed on for a hospital with this pseudonym.
fn passed(item: &mut PushItem, pseudonym: &str) {
    let sighting: Sighting = serde_json::from_slice(&item.body).unwrap();
    item.kind = "passed-sighting".to_owned();
    item.body = serde_json::to_vec(&PassedSighting { pseudonym: pseudonym.to_owned(), sighting }).unwrap();
}

fn is_refused(result: &ItemResult, part: &str) {
    assert!(matches!(result, ItemResult::Refused { why } if why.contains(part)), "{part}: {result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_cannot_count_as_many_and_pseudonyms_are_pseudonyms() {
    let union = node(UNION).await;
    let national = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    let as_national = enrol(&union, &national, MemberRole::National).await;
    let as_hospital = enrol(&national, &hospital, MemberRole::Hospital).await;
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    let push = hospital.app.next_push().await.unwrap().unwrap();
    let pseudonym = "0123456789abcdef0123456789abcdef";
    let by_hospital = push_changed(&national, &as_hospital, &push, |item| passed(item, pseudonym)).await;
    is_refused(&by_hospital, "hub");
    for wrong in ["St Elsewhere", &"g".repeat(32), &pseudonym[1..], ""] {
        let result = push_changed(&union, &as_national, &push, |item| passed(item, wrong)).await;
        is_refused(&result, "32 hexadecimal digits");
    }
    let by_national = push_changed(&union, &as_national, &push, |item| passed(item, pseudonym)).await;
    assert_eq!(by_national, ItemResult::New, "what a hub may say");
    let elsewhere = Member { country: "IE".to_owned(), ..as_national };
    let result = push_changed(&union, &elsewhere, &push, |item| passed(item, pseudonym)).await;
    is_refused(&result, "country");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_fields_of_a_sighting_are_refused_and_the_next_push_works() {
    type Change = fn(&mut Sighting);
    let hub = node(NATIONAL).await;
    let hospital = node(HOSPITAL).await;
    let member = enrol(&hub, &hospital, MemberRole::Hospital).await;
    log(&hospital, vec![veeam_line("vbr01", "x")]).await;
    let push = hospital.app.next_push().await.unwrap().unwrap();
    let value =
        |value: String| domain::telemetry::Observable { kind: domain::telemetry::ObservableKind::DomainName, value };
    let cases: [Change; 4] = [
        |sighting| sighting.rule_id = "r".repeat(201),
        |sighting| sighting.family = "f".repeat(201),
        |sighting| sighting.suppliers = vec!["s".to_owned(); 65],
        |sighting| sighting.products = vec!["p".repeat(201)],
    ];
    for change in cases {
        let result = push_changed(&hub, &member, &push, |item| changed(item, change)).await;
        is_refused(&result, "carries at most");
    }
    let long = value(format!("{}.example", "x".repeat(2_048)));
    let result = push_changed(&hub, &member, &push, |item| changed(item, |one| one.observables = vec![long])).await;
    is_refused(&result, "carries at most");
    let many = (0..200).map(|n| value(format!("n{n}.example"))).collect();
    let result = push_changed(&hub, &member, &push, |item| changed(item, |one| one.observables = many)).await;
    is_refused(&result, "carries at most 32");
    assert!((hub.app.metrics().get("lazaret_push_items_total", r#"result="refused""#) - 6.0).abs() < f64::EPSILON);
    let unchanged = hub.app.receive_push(&member, push).await.unwrap();
    assert_eq!(unchanged.outcomes[0].result, ItemResult::New);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_log_in_attempts_do_not_pass_the_lock_out() {
    let node = node(HOSPITAL).await;
    let policy = Actor::Policy { name: "test".to_owned() };
    let password = "three harbours and a lantern";
    node.app.add_account(&policy, "ana", Role::Operator, password).await.unwrap().unwrap();
    let attempts: Vec<_> = (0..20)
        .map(|number| {
            let app = Arc::clone(&node.app);
            tokio::spawn(async move {
                app.login("ana", &format!("guess number {number}"), &app::CameFrom::default()).await.unwrap()
            })
        })
        .collect();
    let mut told_wrong = 0;
    for attempt in attempts {
        match attempt.await.unwrap().unwrap_err() {
            LoginRefused::Wrong => told_wrong += 1,
            LoginRefused::LockedUntil(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told_wrong, 4, "the fifth locks, and no guess after it learns whether it was right");
    assert!(matches!(
        node.app.login("ana", password, &app::CameFrom::default()).await.unwrap(),
        Err(LoginRefused::LockedUntil(_))
    ));
}
