//! Nights on call: who is called when, and what must hold for every rota, whatever fails.

use proptest::prelude::*;

use super::*;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn at(minutes: i64) -> Timestamp {
    // 02:00 in Bucharest, in winter
    let night: Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
    night + SignedDuration::from_mins(minutes)
}

fn person(number: u128, channels: &[Channel]) -> Reachable {
    let route = |(place, channel): (usize, &Channel)| Route {
        id: id(number * 100 + place as u128),
        channel: *channel,
        address: format!("{number}-{place}"),
    };
    Reachable { account: id(number), routes: channels.iter().enumerate().map(route).collect(), quiet: None }
}

fn shift(person: u128, deputies: &[u128]) -> Shift {
    let deputies = deputies.iter().map(|number| id(*number)).collect();
    Shift { id: id(900 + person), person: id(person), deputies, from: at(-600), until: None }
}

fn rota(people: Vec<Reachable>, shifts: Vec<Shift>) -> Rota {
    Rota { people, shifts, zone: TimeZone::get("Europe/Bucharest").unwrap() }
}

fn notice(level: Level) -> Notice {
    Notice {
        id: id(1),
        about: About::Hit { release: id(2) },
        level,
        title: "Title".to_owned(),
        drill: false,
        raised_at: at(0),
        state: NoticeState::Open,
    }
}

/// Plays a night minute by minute: what is due is called, `works` says how it ends. Returns what was called, when.
fn night(
    notice: &Notice,
    rota: &Rota,
    minutes: impl Iterator<Item = i64>,
    mut works: impl FnMut(&Planned, i64) -> bool,
) -> Vec<(i64, Attempt)> {
    let mut calls: Vec<(i64, Attempt)> = Vec::new();
    for minute in minutes {
        // a channel that fails hands over within the same minute
        loop {
            let attempts: Vec<Attempt> = calls.iter().map(|(_, attempt)| attempt.clone()).collect();
            let due: Vec<Planned> = next_attempts(notice, rota, &attempts, at(minute))
                .into_iter()
                .filter(|call| call.due_at <= at(minute))
                .collect();
            if due.is_empty() {
                break;
            }
            for call in due {
                let state = if works(&call, minute) { AttemptState::Sent } else { AttemptState::Failed };
                let attempt = Attempt {
                    id: id(10_000 + calls.len() as u128),
                    notice: notice.id,
                    person: call.person,
                    route: call.route.id,
                    channel: call.route.channel,
                    address: call.route.address.clone(),
                    state,
                    due_at: call.due_at,
                    done_at: Some(at(minute)),
                    latency_ms: Some(1),
                    reason: String::new(),
                };
                calls.push((minute, attempt));
            }
        }
    }
    calls
}

fn first_calls(calls: &[(i64, Attempt)]) -> Vec<(i64, u128)> {
    let mut seen = BTreeSet::new();
    let firsts = calls.iter().filter(|(_, call)| seen.insert(call.person));
    firsts.map(|(minute, call)| (*minute, call.person.as_u128())).collect()
}

#[test]
fn who_is_on_duty_comes_first_then_deputies_then_everybody() {
    let people = vec![
        person(1, &[Channel::Mail]),
        person(2, &[Channel::Mail]),
        person(3, &[Channel::Mail]),
        person(4, &[Channel::Mail]),
        person(5, &[]),
    ];
    let rota = rota(people, vec![shift(2, &[5, 3])]);
    let calls = night(&notice(Level::Critical), &rota, 0..60, |_, _| true);
    assert_eq!(first_calls(&calls), vec![(0, 2), (10, 3), (20, 1), (20, 4)]);
    let high = night(&notice(Level::High), &rota, 0..70, |_, _| true);
    assert_eq!(first_calls(&high), vec![(0, 2), (30, 3), (60, 1), (60, 4)]);
}

#[test]
fn a_channel_that_fails_hands_over_at_once_and_all_failing_escalates_at_once() {
    let people = vec![person(1, &[Channel::Mail, Channel::Modem]), person(2, &[Channel::Mail])];
    let rota = rota(people, vec![shift(1, &[2])]);
    let modem_works = night(&notice(Level::Critical), &rota, 0..5, |call, _| call.route.channel == Channel::Modem);
    let channels: Vec<_> = modem_works.iter().map(|(minute, call)| (*minute, call.channel)).collect();
    assert_eq!(channels, vec![(0, Channel::Mail), (0, Channel::Modem)]);
    let nothing_works = night(&notice(Level::Critical), &rota, 0..1, |_, _| false);
    assert_eq!(first_calls(&nothing_works), vec![(0, 1), (0, 2)]);
}

#[test]
fn a_server_that_is_down_for_a_day_delivers_once_and_then_reminds() {
    let rota = rota(vec![person(1, &[Channel::Mail])], vec![shift(1, &[])]);
    let day = 24 * 60;
    let calls = night(&notice(Level::Medium), &rota, 0..day + 12 * 60, |_, minute| minute >= day);
    let sent: Vec<i64> = calls.iter().filter(|(_, call)| call.state == AttemptState::Sent).map(|one| one.0).collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!((day..day + 60).contains(&sent[0]), "{sent:?}");
    assert!(calls.len() < 40, "{} tries", calls.len());
}

#[test]
fn nobody_answering_is_reminded_up_to_the_limit() {
    let rota = rota(vec![person(1, &[Channel::Sms])], vec![shift(1, &[])]);
    let calls = night(&notice(Level::Critical), &rota, 0..24 * 60, |_, _| true);
    let minutes: Vec<i64> = calls.iter().map(|one| one.0).collect();
    assert_eq!(minutes, vec![0, 15, 30, 45]);
}

#[test]
fn quiet_hours_hold_for_what_can_wait_only() {
    let mut sleeper = person(1, &[Channel::Sms]);
    // 22:00 to 07:00; the night begins at 02:00
    sleeper.quiet = Some(Quiet { from_minute: 22 * 60, to_minute: 7 * 60, below: Level::Critical });
    let rota = rota(vec![sleeper.clone(), person(2, &[Channel::Sms])], vec![shift(1, &[2])]);
    let first = |notice: &Notice| night(notice, &rota, 0..12 * 60, |_, _| true).first().map(|one| one.0);
    assert_eq!(first(&notice(Level::Critical)), Some(0));
    assert_eq!(first(&notice(Level::High)), Some(5 * 60));
    let drill = Notice { drill: true, ..notice(Level::Critical) };
    assert_eq!(first(&drill), Some(5 * 60), "an exercise wakes nobody");
    let test = Notice { about: About::Test { route: id(100), at: at(0) }, ..notice(Level::Low) };
    assert_eq!(first(&test), Some(0), "somebody pressed a button just now");
    let woken = night(&notice(Level::High), &rota, 0..5 * 60, |_, _| true);
    assert!(woken.is_empty(), "the deputy is not woken because the first one sleeps: {woken:?}");
}

#[test]
fn a_handover_calls_the_new_person() {
    let people = vec![person(1, &[Channel::Mail]), person(2, &[Channel::Mail])];
    let mut early = shift(1, &[]);
    early.until = Some(at(5));
    let mut late = shift(2, &[]);
    late.from = at(5);
    let calls = night(&notice(Level::Medium), &rota(people, vec![early, late]), 0..30, |_, _| true);
    assert_eq!(first_calls(&calls), vec![(0, 1), (5, 2)]);
}

#[test]
fn a_test_calls_one_route_once() {
    let people = vec![person(1, &[Channel::Mail, Channel::Sms]), person(2, &[Channel::Mail])];
    let test = Notice { about: About::Test { route: id(101), at: at(0) }, ..notice(Level::Low) };
    let calls = night(&test, &rota(people, vec![shift(2, &[])]), 0..3 * 24 * 60, |_, _| false);
    let routes: Vec<_> = calls.iter().map(|(minute, call)| (*minute, call.channel)).collect();
    assert_eq!(routes, vec![(0, Channel::Sms)]);
}

#[test]
fn gaps_are_named() {
    let people = vec![person(1, &[Channel::Mail]), person(2, &[Channel::Sms])];
    let none = rota(people.clone(), vec![]);
    assert_eq!(none.gap(&[Channel::Modem], at(0)), Some(Gap::NoRoute));
    assert_eq!(none.gap(&[Channel::Mail], at(0)), Some(Gap::NoShift));
    let on = rota(people, vec![shift(1, &[2])]);
    assert_eq!(on.gap(&[Channel::Mail], at(0)), None);
    assert_eq!(on.gap(&[Channel::Sms], at(0)), None, "the deputy can be called");
    assert_eq!(on.gap(&[Channel::Sms], at(-601)), Some(Gap::NoShift));
}

#[test]
fn numbers_of_replies_are_compared_as_networks_write_them() {
    assert!(same_number("+40721000111", "0721000111"));
    assert!(same_number("+40 721 000 111", "0040721000111"));
    assert!(!same_number("+40721000111", "+40721000112"));
    assert!(!same_number("1", "1"), "too short to say anything");
}

prop_compose! {
    fn any_person(number: u128)(
        channels in prop::collection::vec(prop::sample::select(Channel::ALL.to_vec()), 0..4),
        quiet in prop::option::of((0_u16..1440, 0_u16..1440)),
    ) -> Reachable {
        let quiet = quiet.map(|(from_minute, to_minute)| Quiet { from_minute, to_minute, below: Level::Critical });
        Reachable { quiet, ..person(number, &channels) }
    }
}

prop_compose! {
    fn any_rota()(
        people in (any_person(1), any_person(2), any_person(3), any_person(4)),
        shifts in prop::collection::vec(
            (1_u128..5, prop::collection::vec(1_u128..5, 0..DEPUTIES_MAX), -600_i64..600, prop::option::of(-600_i64..3000)),
            0..4,
        ),
    ) -> Rota {
        let (one, two, three, four) = people;
        let shifts = shifts.into_iter().map(|(on, deputies, from, until)| Shift {
            from: at(from),
            until: until.map(at),
            ..shift(on, &deputies)
        });
        rota(vec![one, two, three, four], shifts.collect())
    }
}

fn any_level() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::Low, Level::Medium, Level::High, Level::Critical])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the rota: a critical notice calls somebody in its first minute, and everybody who has a route before
    /// all rungs have had their time.
    #[test]
    fn somebody_is_always_tried_before_the_limit(rota in any_rota(), seed in any::<u64>()) {
        let notice = notice(Level::Critical);
        let reachable: BTreeSet<Uuid> =
            rota.people.iter().filter(|one| !one.routes.is_empty()).map(|one| one.account).collect();
        let rungs = i64::try_from(DEPUTIES_MAX).unwrap() + 2;
        let minutes = rungs * escalate_after(Level::Critical).as_mins() + 1;
        let calls = night(&notice, &rota, 0..minutes, |call, minute| {
            (seed >> ((call.person.as_u128() as u64 + minute.unsigned_abs()) % 64)) & 1 == 1
        });
        let called: BTreeSet<Uuid> = calls.iter().map(|(_, call)| call.person).collect();
        prop_assert_eq!(&called, &reachable);
        prop_assert!(reachable.is_empty() || calls[0].0 == 0);
    }

    /// After an acknowledgement, and after it is over, nobody is called.
    #[test]
    fn nobody_is_called_after_an_acknowledgement(rota in any_rota(), level in any_level(), minute in 0_i64..5000) {
        let done = Acknowledged { by: id(1), at: at(minute), how: How::Link };
        for state in [NoticeState::Acknowledged(done), NoticeState::Over { at: at(minute) }] {
            let notice = Notice { state, ..notice(level) };
            prop_assert!(next_attempts(&notice, &rota, &[], at(minute)).is_empty());
        }
    }

    /// However everything fails, calls end at the written limits, and no person has two calls at a time.
    #[test]
    fn calls_are_bounded(rota in any_rota(), level in any_level()) {
        let notice = notice(level);
        let calls = night(&notice, &rota, (0..6 * 24 * 60).step_by(60), |_, _| false);
        for person in &rota.people {
            let tries = calls.iter().filter(|(_, call)| call.person == person.account).count();
            prop_assert!(tries <= person.routes.len() * PASSES_MAX);
        }
        let one = next_attempts(&notice, &rota, &[], at(0));
        let people: BTreeSet<Uuid> = one.iter().map(|call| call.person).collect();
        prop_assert_eq!(people.len(), one.len());
    }

    /// Quiet hours only move a call later, never earlier, and never what is critical.
    #[test]
    fn quiet_hours_never_call_earlier(from in 0_u16..1440, to in 0_u16..1440, minute in 0_i64..200_000, level in any_level()) {
        let mut sleeper = person(1, &[Channel::Sms]);
        sleeper.quiet = Some(Quiet { from_minute: from, to_minute: to, below: Level::High });
        let rota = rota(vec![sleeper.clone()], vec![]);
        let called = rota.awake(&sleeper, &notice(level), at(minute));
        prop_assert!(called >= at(minute));
        prop_assert!(called <= at(minute) + SignedDuration::from_hours(25));
        prop_assert!(level < Level::High || called == at(minute));
    }
}
