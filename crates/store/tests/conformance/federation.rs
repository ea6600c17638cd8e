//! The hub's side and the hospital's received warnings: everything may come twice.

use domain::cluster::{Seen, keys};
use domain::marking::Marking;
use domain::party::NodeId;
use domain::record::hex;
use domain::release::SignedRelease;
use domain::telemetry::{Level, Sighting, Verdict};
use sha2::{Digest, Sha256};
use store::{
    Delivery, DeliveryState, Error, InboxItem, Invite, InviteRefused, Lane, LookBackHit, Member, MemberGap, MemberRole,
    MemberState, Outcome, ReceivedQuery, ReceivedSighting, ReceivedStage, ReceivedState, ReceivedWarning, Saved,
    SightingQuery, Store, VerdictWhy,
};
use uuid::Uuid;

use crate::place::Place;
use crate::words::*;

const DAY: i64 = 24 * 60 * 60;

fn inbox(kind: &str, key: Uuid, version: u64, body: &str) -> InboxItem {
    let hash = hex(&Sha256::digest(body.as_bytes()));
    InboxItem { kind: kind.to_owned(), key, version, hash, body: body.as_bytes().to_vec() }
}

fn received_sighting(sighting: &Sighting, hospital: &str) -> ReceivedSighting {
    let keys = keys(sighting).iter().map(domain::cluster::Key::text).collect();
    ReceivedSighting { hospital: hospital.to_owned(), sighting: sighting.clone(), keys, relay: None }
}

/// A hospital sends one version of a sighting.
async fn sends(store: &Store, hospital: &str, sighting: &Sighting, version: u64, second: i64) -> Outcome {
    let body = serde_json::to_string(sighting).unwrap();
    let item = inbox("sighting", sighting.id, version, &body);
    let seen = received_sighting(sighting, hospital);
    store.receive(&node(hospital), 1, &[item], &[seen], at(second)).await.unwrap().remove(0)
}

pub async fn a_repeat_is_a_duplicate_and_other_bytes_a_conflict(place: &Place) {
    let store = place.open().await;
    let seen = sighting(1, "t1490", "LV");
    assert_eq!(sends(&store, "a", &seen, 1, 0).await, Outcome::New);
    assert_eq!(sends(&store, "a", &seen, 1, 1).await, Outcome::Duplicate);
    assert_eq!(sends(&store, "b", &seen, 1, 1).await, Outcome::New, "another origin's key is another thing");
    let changed = Sighting { count: 99, ..seen.clone() };
    let conflict = sends(&store, "a", &changed, 1, 2).await;
    let stored = inbox("sighting", seen.id, 1, &serde_json::to_string(&seen).unwrap()).hash;
    assert_eq!(conflict, Outcome::Conflict { stored_hash: stored.clone() });
    sends(&store, "a", &changed, 1, 3).await;
    let conflicts = store.inbox_conflicts(10).await.unwrap();
    assert_eq!(conflicts.len(), 1, "the same conflict is listed once");
    assert_eq!(
        (conflicts[0].origin.clone(), conflicts[0].stored_hash.clone(), conflicts[0].at),
        (node("a"), stored, at(2))
    );
    let sightings = store.sightings_since_cursor(0, 10).await.unwrap();
    assert_eq!(sightings.iter().map(|(_, seen)| seen.sighting.count).collect::<Vec<_>>(), vec![1, 1]);
    assert_eq!(sends(&store, "a", &changed, 2, 4).await, Outcome::New);
    let later = store.sightings_since_cursor(sightings[1].0, 10).await.unwrap();
    assert_eq!(later.len(), 1, "an update comes again under a new position");
    assert_eq!((later[0].1.sighting.count, later[0].1.received_at), (99, at(0)), "and keeps its first receipt");
    let verdict = inbox("verdict", fresh_id(), 1, "hit");
    store.receive(&node("a"), 1, std::slice::from_ref(&verdict), &[], at(5)).await.unwrap();
    let recent = store.inbox_recent("verdict", 10).await.unwrap();
    assert_eq!((recent[0].0.clone(), recent[0].1.clone(), recent[0].2), (node("a"), verdict, at(5)));
}

/// A restored node repeats an old number with new content under a higher epoch: that is new work, not a conflict.
pub async fn a_higher_epoch_starts_anew(place: &Place) {
    let store = place.open().await;
    enrol(&store, "a", "secret").await.unwrap();
    let old = inbox("verdict", Uuid::from_u128(1), 5, "old");
    let new = inbox("verdict", Uuid::from_u128(1), 5, "new");
    let push = async |epoch, item: &InboxItem| {
        store.receive(&node("a"), epoch, std::slice::from_ref(item), &[], at(9)).await.unwrap().remove(0)
    };
    assert_eq!(push(1, &old).await, Outcome::New);
    assert_eq!(push(2, &new).await, Outcome::New);
    assert_eq!(push(2, &new).await, Outcome::Duplicate);
    assert!(matches!(push(1, &new).await, Outcome::Conflict { .. }));
    let member = store.member(&node("a")).await.unwrap().unwrap();
    assert_eq!((member.epoch, member.last_seen_at), (2, Some(at(9))));
    // The restored node's lower version replaces what its lost future had sent.
    let seen = sighting(7, "t1490", "LV");
    let send = async |epoch, version, count| {
        let sighting = Sighting { count, ..seen.clone() };
        let item = inbox("sighting", seen.id, version, &format!("{epoch} {version} {count}"));
        store.receive(&node("a"), epoch, &[item], &[received_sighting(&sighting, "a")], at(10)).await.unwrap();
        store.sightings(SightingQuery::default()).await.unwrap()[0].sighting.count
    };
    assert_eq!(send(1, 4, 40).await, 40);
    assert_eq!(send(1, 3, 30).await, 40, "an older version changes nothing");
    assert_eq!(send(2, 2, 20).await, 20);
}

pub async fn sightings_are_related_by_key(place: &Place) {
    let store = place.open().await;
    let one = sighting(1, "t1490", "LV");
    let mut two = sighting(2, "other", "LV");
    let mut three = sighting(3, "other", "EE");
    two.suppliers = vec![];
    three.suppliers = vec![];
    three.observables = vec![];
    three.level = Level::Critical;
    sends(&store, "a", &one, 1, 10).await;
    sends(&store, "b", &two, 1, 20).await;
    sends(&store, "c", &three, 1, 30).await;
    let related = async |key: &str, since| {
        let seen: Vec<Seen> = store.related(&[key.to_owned()], at(since), 100).await.unwrap();
        seen.iter().map(|seen| seen.hospital.clone()).collect::<Vec<_>>()
    };
    assert_eq!(related("indicator|domain-name|evil.example", 0).await, vec!["b", "a"]);
    assert_eq!(related("indicator|domain-name|evil.example", 11).await, vec!["b"]);
    assert_eq!(related("family|other", 0).await, vec!["c", "b"]);
    assert_eq!(related("supplier|acme|t1490", 0).await, vec!["a"]);
    assert_eq!(store.related(&[], at(0), 100).await.unwrap(), vec![]);
    // An update that no longer shares the value is no longer found by it.
    let changed = Sighting { observables: vec![observable("other.example")], ..one };
    sends(&store, "a", &changed, 2, 40).await;
    assert_eq!(related("indicator|domain-name|evil.example", 0).await, vec!["b"]);
    assert_eq!(related("indicator|domain-name|other.example", 0).await, vec!["a"]);
    let query = SightingQuery { country: Some("LV".to_owned()), until: Some(at(20)), ..SightingQuery::default() };
    assert_eq!(store.sightings(query).await.unwrap().len(), 1);
    store.set_judged_cursor(4).await.unwrap();
    assert_eq!(store.judged_cursor().await.unwrap(), 4);
    assert_eq!(store.retain_sightings(at(25)).await.unwrap(), 2);
    assert_eq!(related("family|other", 0).await, vec!["c"]);
    assert_eq!(place.texts("SELECT key FROM sighting_key").await, vec!["family|other"]);
}

pub async fn familiar_needs_three_earlier_days(place: &Place) {
    let store = place.open().await;
    let familiar = async |id: u128, day: i64, drill: bool| {
        let sighting = Sighting { drill, ..sighting(id, "t1490", "LV") };
        sends(&store, "a", &sighting, 1, day * DAY).await;
        let seen = store.related(&["family|t1490".to_owned()], at(day * DAY), 10).await.unwrap();
        seen.iter().find(|seen| seen.sighting.id.as_u128() == id).unwrap().familiar
    };
    assert!(!familiar(1, 0, false).await);
    assert!(!familiar(2, 0, false).await, "the same day counts once");
    assert!(!familiar(3, 1, false).await);
    assert!(!familiar(4, 2, true).await, "a drill is no ordinary day");
    assert!(!familiar(5, 3, false).await, "two earlier days");
    assert!(familiar(6, 4, false).await, "three earlier days");
    // The first one of the story stays unfamiliar: only earlier days count.
    let all = store.sightings(SightingQuery::default()).await.unwrap();
    assert!(!all.iter().find(|seen| seen.sighting.id.as_u128() == 1).unwrap().familiar);
    sends(&store, "b", &sighting(9, "t1490", "LV"), 1, 9 * DAY).await;
    let other = store.sightings(SightingQuery { since: Some(at(9 * DAY)), ..SightingQuery::default() }).await.unwrap();
    assert!(!other[0].familiar, "another hospital's days do not count");
}

pub async fn a_relay_goes_up_once(place: &Place) {
    let store = place.open().await;
    let seen = sighting(1, "t1490", "LV");
    let body = inbox("sighting", seen.id, 1, "x");
    let mut with_relay = received_sighting(&seen, "a");
    with_relay.relay = Some(item(Lane::Sighting, 1, 1));
    for _ in 0..3 {
        store
            .receive(&node("a"), 1, std::slice::from_ref(&body), std::slice::from_ref(&with_relay), at(0))
            .await
            .unwrap();
        for item in store.outbox_pending(10).await.unwrap() {
            store.outbox_confirm(&[item.position], &[], at(1)).await.unwrap();
        }
    }
    assert_eq!(store.outbox_recent_sent(10).await.unwrap().len(), 1);
    assert_eq!(store.distinct_hospitals().await.unwrap(), 1);
}

fn invite(secret: &str, until: i64) -> Invite {
    Invite {
        secret_hash: secret.to_owned(),
        name: "Hospital of Riga".to_owned(),
        country: "LV".to_owned(),
        role: MemberRole::Hospital,
        expires_at: at(until),
        created_by: None,
    }
}

fn member(name: &str) -> Member {
    Member {
        node: node(name),
        name: "as it calls itself".to_owned(),
        country: "XX".to_owned(),
        role: MemberRole::National,
        public_key: vec![5; 32],
        pseudonym: format!("p-{name}"),
        state: MemberState::Active,
        enrolled_at: at(1),
        certificate_until: at(1_000),
        last_seen_at: None,
        cursor: 0,
        epoch: 1,
        clock_off_ms: None,
    }
}

async fn enrol(store: &Store, name: &str, secret: &str) -> Result<Invite, InviteRefused> {
    store.create_invite(invite(secret, 100)).await.unwrap();
    store.enrol(secret, member(name), at(1)).await.unwrap()
}

pub async fn an_invite_is_used_once(place: &Place) {
    let store = place.open().await;
    store.create_invite(invite("secret", 100)).await.unwrap();
    assert!(matches!(store.create_invite(invite("secret", 100)).await, Err(Error::Exists { .. })));
    let attempts: Vec<_> = (0..6)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.enrol("secret", member(&format!("n{number}")), at(1)).await.unwrap() })
        })
        .collect();
    let mut enrolled = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(invite) => {
                enrolled += 1;
                assert_eq!(invite.name, "Hospital of Riga");
            }
            Err(refused) => assert_eq!(refused, InviteRefused::Used),
        }
    }
    assert_eq!(enrolled, 1);
    let members = store.members().await.unwrap();
    assert_eq!(members.len(), 1);
    let got = (members[0].name.as_str(), members[0].country.as_str(), members[0].role);
    assert_eq!(got, ("Hospital of Riga", "LV", MemberRole::Hospital), "the invite decides, not the newcomer");
    let node = members[0].node.clone();
    store.touch_member(&node, at(50)).await.unwrap();
    store.set_member_cursor(&node, 7).await.unwrap();
    store.set_certificate_until(&node, at(2_000)).await.unwrap();
    store.revoke_member(&node, audit("member-revoked", 60)).await.unwrap();
    let member = store.member(&node).await.unwrap().unwrap();
    assert_eq!((member.last_seen_at, member.cursor, member.state), (Some(at(50)), 7, MemberState::Revoked));
    assert_eq!(member.certificate_until, at(2_000));
    assert!(matches!(store.touch_member(&NodeId("nobody".to_owned()), at(1)).await, Err(Error::Missing { .. })));
}

pub async fn invites_expire(place: &Place) {
    let store = place.open().await;
    store.create_invite(invite("secret", 100)).await.unwrap();
    assert_eq!(store.enrol("none", member("a"), at(1)).await.unwrap(), Err(InviteRefused::Unknown));
    assert_eq!(store.enrol("secret", member("a"), at(100)).await.unwrap(), Err(InviteRefused::Expired));
    assert_eq!(store.members().await.unwrap(), vec![]);
    assert_eq!(store.invite("secret", at(99)).await.unwrap(), Ok(invite("secret", 100)));
    assert!(store.enrol("secret", member("a"), at(99)).await.unwrap().is_ok());
    assert_eq!(store.invite("secret", at(99)).await.unwrap(), Err(InviteRefused::Used));
    assert!(store.enrol("secret", member("a"), at(99)).await.unwrap().is_ok(), "the answer was lost");
    assert_eq!(store.enrol("secret", member("b"), at(99)).await.unwrap(), Err(InviteRefused::Used));
    assert_eq!(
        store.enrol("secret", member("a"), at(100)).await.unwrap(),
        Err(InviteRefused::Used),
        "until it expires"
    );
    let node = store.members().await.unwrap()[0].node.clone();
    store.revoke_member(&node, audit("member-revoked", 60)).await.unwrap();
    assert_eq!(store.enrol("secret", member("a"), at(99)).await.unwrap(), Err(InviteRefused::Used), "revoked stays so");
}

pub async fn a_delivery_only_moves_forward(place: &Place) {
    let store = place.open().await;
    let release = Uuid::from_u128(1);
    let deliver = async |version, member: &str, state, second, latency_ms| {
        let delivery = Delivery { release, version, member: node(member), state, at: at(second), latency_ms };
        store.upsert_deliveries(&[delivery]).await.unwrap();
    };
    deliver(1, "a", DeliveryState::Verdict(Verdict::Hit), 3, Some(120)).await;
    deliver(1, "a", DeliveryState::Sent, 4, None).await;
    deliver(1, "b", DeliveryState::Sent, 4, None).await;
    deliver(1, "b", DeliveryState::Received, 5, Some(80)).await;
    deliver(2, "a", DeliveryState::Received, 6, None).await;
    deliver(2, "a", DeliveryState::Verdict(Verdict::Exposed), 7, None).await;
    deliver(2, "a", DeliveryState::Verdict(Verdict::CannotTell), 8, None).await;
    let deliveries = store.deliveries(release).await.unwrap();
    let states: Vec<_> = deliveries.iter().map(|delivery| (delivery.version, delivery.state, delivery.at)).collect();
    assert_eq!(
        states,
        vec![
            (1, DeliveryState::Verdict(Verdict::Hit), at(3)),
            (1, DeliveryState::Received, at(5)),
            (2, DeliveryState::Verdict(Verdict::CannotTell), at(8)),
        ]
    );
    assert_eq!(deliveries[0].latency_ms, Some(120));
    deliver(1, "b", DeliveryState::Verdict(Verdict::Hit), 9, Some(9_000)).await;
    let of_b = |deliveries: Vec<Delivery>| deliveries.into_iter().find(|one| one.member == node("b")).unwrap();
    let answered = of_b(store.deliveries(release).await.unwrap());
    assert_eq!(answered.latency_ms, Some(80), "what was known first stays");
    deliver(1, "b", DeliveryState::Sent, 10, None).await;
    assert_eq!(of_b(store.deliveries(release).await.unwrap()), answered, "sent once more is no step back");
    let counts = store.verdict_counts(release).await.unwrap();
    let of = |verdict| counts.iter().find(|count| count.verdict == verdict).map(|count| count.members);
    assert_eq!((of(None), of(Some(Verdict::CannotTell)), of(Some(Verdict::Hit))), (None, Some(1), Some(1)));
}

pub async fn what_members_sent_long_ago_is_forgotten(place: &Place) {
    let store = place.open().await;
    assert_eq!(store.newest_sighting().await.unwrap(), None);
    for (second, version) in [(10, 1), (30, 2)] {
        let items: Vec<_> =
            ["verdict", "release"].map(|kind| inbox(kind, Uuid::from_u128(9), version, "told")).into_iter().collect();
        store.receive(&node("a"), 1, &items, &[], at(second)).await.unwrap();
        let other = [inbox("verdict", Uuid::from_u128(9), version, "something else")];
        store.receive(&node("a"), 1, &other, &[], at(second)).await.unwrap();
        let gap = MemberGap {
            member: node("a"),
            epoch: 1,
            id: second,
            dropped: 1,
            from: at(second),
            to: at(second),
            told_at: at(second),
        };
        store.note_member_gaps(&[gap]).await.unwrap();
    }
    store.retain_sightings(at(20)).await.unwrap();
    for kind in ["verdict", "release"] {
        let kept = store.inbox_recent(kind, 10).await.unwrap();
        assert_eq!(kept.iter().map(|(_, item, _)| item.version).collect::<Vec<_>>(), vec![2]);
    }
    assert_eq!(store.inbox_conflicts(10).await.unwrap().len(), 1);
    assert_eq!(store.member_gaps(at(0), 10).await.unwrap().len(), 1);
}

/// A member tells the same gap until it is answered, and a gap may grow meanwhile.
pub async fn a_members_gap_is_counted_once(place: &Place) {
    let store = place.open().await;
    let gap = |epoch, id, dropped, second| MemberGap {
        member: node("a"),
        epoch,
        id,
        dropped,
        from: at(0),
        to: at(second),
        told_at: at(second),
    };
    assert_eq!(store.note_member_gaps(&[gap(1, 1, 5, 10), gap(1, 2, 1, 10)]).await.unwrap(), 6);
    assert_eq!(store.note_member_gaps(&[gap(1, 1, 5, 20)]).await.unwrap(), 0);
    assert_eq!(store.note_member_gaps(&[gap(1, 1, 8, 30)]).await.unwrap(), 3, "it grew");
    assert_eq!(store.note_member_gaps(&[gap(2, 1, 2, 40)]).await.unwrap(), 2, "a restored member counts anew");
    let told = store.member_gaps(at(15), 10).await.unwrap();
    assert_eq!(told, vec![gap(2, 1, 2, 40), gap(1, 1, 8, 30)]);
    assert_eq!(store.member_gaps(at(0), 10).await.unwrap().len(), 3);
}

pub async fn a_members_clock_is_kept(place: &Place) {
    let store = place.open().await;
    assert!(enrol(&store, "a", "secret").await.is_ok());
    let node = store.members().await.unwrap()[0].node.clone();
    assert_eq!(store.member(&node).await.unwrap().unwrap().clock_off_ms, None);
    store.set_member_clock(&node, -90_000_000).await.unwrap();
    assert_eq!(store.member(&node).await.unwrap().unwrap().clock_off_ms, Some(-90_000_000));
}

pub async fn countries_are_counted(place: &Place) {
    let store = place.open().await;
    sends(&store, "a", &sighting(1, "x", "LV"), 1, 1).await;
    sends(&store, "a", &sighting(2, "y", "LV"), 1, 2).await;
    sends(&store, "b", &Sighting { level: Level::Critical, ..sighting(3, "x", "LV") }, 1, 3).await;
    sends(&store, "c", &Sighting { level: Level::Low, ..sighting(4, "x", "EE") }, 1, 4).await;
    sends(&store, "d", &Sighting { drill: true, ..sighting(5, "x", "FI") }, 1, 5).await;
    let counts = store.sighting_counts_by_country(at(0), at(9)).await.unwrap();
    let rows: Vec<_> = counts.iter().map(|count| (count.country.as_str(), count.hospitals, count.sightings)).collect();
    assert_eq!(rows, vec![("EE", 1, 1), ("LV", 2, 3)]);
    assert_eq!((counts[0].level_max, counts[1].level_max), (Level::Low, Level::Critical));
    assert_eq!(store.sighting_counts_by_country(at(4), at(9)).await.unwrap().len(), 1);
    let early = store.sighting_counts_by_country(at(0), at(2)).await.unwrap();
    assert_eq!(early.iter().map(|count| count.sightings).sum::<u64>(), 1, "the end counts too");
    assert_eq!(store.newest_sighting().await.unwrap(), Some(at(5)));
}

fn warning(issuer: &str, version: u32, state: ReceivedState) -> ReceivedWarning {
    ReceivedWarning {
        cluster: Uuid::from_u128(77),
        release: Uuid::from_u128(1),
        version,
        issuer: node(issuer),
        issuer_name: "CERT".to_owned(),
        content: None,
        signed: SignedRelease { bytes: vec![1], key: vec![2; 32], signature: vec![3; 64] },
        marking: Marking::COMMUNITY,
        drill: false,
        received_at: at(i64::from(version)),
        state,
        verdict: Verdict::Exposed,
        verdict_why: VerdictWhy {
            searched_from: Some(at(0)),
            events_searched: 12,
            hits: vec![LookBackHit { seq: 4, at: at(1), what: "evil.example".to_owned(), host: "pc".to_owned() }],
            reason: "searched".to_owned(),
            ..VerdictWhy::default()
        },
        decided_at: at(i64::from(version) + 1),
        seen_by: None,
    }
}

pub async fn received_warnings_keep_the_highest_version(place: &Place) {
    let store = place.open().await;
    let verdict = |version| vec![item(Lane::Record, 1, version)];
    let save = async |warning: &ReceivedWarning, version, cursor| {
        store.save_received(warning.clone(), verdict(version), Some(cursor)).await.unwrap()
    };
    let first = warning("hub", 2, ReceivedState::Held { would_match: 900 });
    assert_eq!(save(&first, 2, 10).await, Saved::New);
    assert_eq!(store.received_one(&node("hub"), first.release).await.unwrap(), Some(first.clone()));
    assert_eq!(save(&warning("hub", 1, ReceivedState::Live), 1, 11).await, Saved::Stale);
    assert_eq!(store.received_one(&node("hub"), first.release).await.unwrap(), Some(first.clone()));
    assert_eq!(store.down_cursor().await.unwrap(), 11, "a stale one is read all the same");
    let third = warning("hub", 3, ReceivedState::Live);
    assert_eq!(save(&third, 3, 12).await, Saved::Replaced);
    assert_eq!(save(&warning("union", 1, ReceivedState::Trial), 1, 13).await, Saved::New, "another hub, the same id");
    assert_eq!(store.live_warnings().await.unwrap(), vec![third.clone()]);
    let of_cluster = ReceivedQuery { cluster: Some(third.cluster), ..ReceivedQuery::default() };
    assert_eq!(store.received(of_cluster).await.unwrap().len(), 2, "one card has both");
    let live = ReceivedQuery { stages: vec![ReceivedStage::Live, ReceivedStage::Held], ..ReceivedQuery::default() };
    assert_eq!(store.received(live).await.unwrap(), vec![third.clone()]);
    let account = fresh_id();
    store.mark_received_seen(&third.issuer, third.release, account, at(50)).await.unwrap();
    store.mark_received_seen(&third.issuer, third.release, fresh_id(), at(51)).await.unwrap();
    store.set_received_state(&third.issuer, third.release, ReceivedState::Ignored, audit("ignored", 52)).await.unwrap();
    let why = VerdictWhy { hits_total: 3, limited: true, ..VerdictWhy::default() };
    let answer = (Verdict::Hit, why.clone());
    store.set_received_verdict(&third, answer.clone(), verdict(4), at(60)).await.unwrap();
    let now = store.received_one(&third.issuer, third.release).await.unwrap().unwrap();
    assert_eq!((now.state, now.verdict, now.verdict_why), (ReceivedState::Ignored, Verdict::Hit, why));
    assert_eq!((now.seen_by, now.decided_at), (Some((account, at(50))), at(60)));
    let old = store.set_received_verdict(&first, answer, verdict(5), at(61)).await;
    assert!(matches!(old, Err(Error::Missing { .. })), "the answer to a version that is gone");
    assert_eq!(store.outbox_pending(10).await.unwrap()[0].version, 4);
}

pub async fn a_broken_card_leaves_no_answer(place: &Place) {
    let store = place.open().await;
    place.break_table("cursor").await;
    let answer = vec![item(Lane::Record, 1, 1)];
    assert!(store.save_received(warning("hub", 1, ReceivedState::Live), answer, Some(5)).await.is_err());
    assert_eq!(store.outbox_pending(10).await.unwrap(), vec![]);
    assert_eq!(store.received(ReceivedQuery::default()).await.unwrap(), vec![]);
    assert_eq!(store.down_cursor().await.unwrap(), 0);
}

pub async fn suspected_rules_come_back(place: &Place) {
    let store = place.open().await;
    store.note_suspected_rule("bad", 3, at(1)).await.unwrap();
    store.clear_suspected_rule("bad", audit("rule-cleared", 2)).await.unwrap();
    store.note_suspected_rule("bad", 3, at(3)).await.unwrap();
    let rule = store.suspected_rules().await.unwrap().remove(0);
    assert_eq!((rule.hospitals, rule.first_at, rule.last_at, rule.cleared_at), (3, at(1), at(3), Some(at(2))));
    store.note_suspected_rule("bad", 4, at(4)).await.unwrap();
    let rule = store.suspected_rules().await.unwrap().remove(0);
    assert_eq!((rule.hospitals, rule.cleared_at), (4, None));
    assert!(matches!(store.clear_suspected_rule("none", audit("x", 5)).await, Err(Error::Missing { .. })));
}
