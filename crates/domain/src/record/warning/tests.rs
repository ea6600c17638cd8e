//! Given facts, when a command, then facts or a refusal that leaves the state unchanged.

use super::*;
use crate::record::{Refusal as AnyRefusal, State, fold};
use crate::release::{OutsideSource, Shared};

const ANA: u128 = 1;
const BO: u128 = 2;

fn by(account: u128, role: Role) -> Context {
    Context {
        now: "2026-11-25T02:00:00Z".parse().unwrap(),
        actor: Actor::Person { account: Uuid::from_u128(account), role },
    }
}

fn policy() -> Context {
    Context { actor: Actor::Policy { name: "two-hospitals-one-indicator".to_owned() }, ..by(0, Role::Viewer) }
}

fn correlated(hospitals: u32) -> Basis {
    Basis::Correlated { hospitals, sightings: hospitals, threshold: 2, window_hours: 72, shared: Shared::Indicator }
}

fn one_source() -> Basis {
    Basis::OneSource { source: OutsideSource::Phone }
}

fn content() -> Document {
    Document { id: Uuid::from_u128(5), salt: [1; 16], text: "{}".to_owned() }
}

fn propose(basis: Basis) -> Command {
    Command::Propose {
        cluster: Uuid::from_u128(9),
        content: content(),
        basis,
        marking: Marking::COMMUNITY,
        drill: false,
    }
}

fn run(steps: &[(Context, Command)]) -> Result<(Warning, Vec<Fact>), AnyRefusal> {
    let mut facts = Vec::new();
    let mut state: Option<Warning> = None;
    for (context, command) in steps {
        for fact in decide(state.as_ref(), command, context)? {
            match &mut state {
                None => state = first(&fact),
                Some(state) => apply(state, &fact),
            }
            facts.push(fact);
        }
    }
    Ok((state.ok_or(AnyRefusal::NotFound)?, facts))
}

fn sent() -> Vec<(Context, Command)> {
    vec![
        (by(ANA, Role::Operator), propose(correlated(2))),
        (by(BO, Role::Approver), Command::Approve),
        (policy(), Command::Send),
    ]
}

#[test]
fn a_warning_lives_from_proposal_through_update_to_withdrawal() {
    let mut steps = sent();
    steps.push((by(BO, Role::Approver), Command::Update { content: content(), basis: correlated(3) }));
    let (state, _) = run(&steps).unwrap();
    assert_eq!((state.stage, state.version), (Stage::Proposed, 2));
    assert_eq!(state.sent.as_ref().map(|sent| sent.version), Some(1), "version 1 stays in force");
    steps.push((by(ANA, Role::Approver), Command::Approve));
    steps.push((policy(), Command::Send));
    steps.push((by(ANA, Role::Approver), Command::Withdraw(WithdrawalReason::Over)));
    let (state, facts) = run(&steps).unwrap();
    assert_eq!((state.stage, state.sent.as_ref().map(|sent| sent.version)), (Stage::Withdrawn, Some(2)));
    let journal: Vec<_> = facts.into_iter().map(crate::record::Fact::Warning).collect();
    assert_eq!(fold(&journal), Some(State::Warning(state)));
}

#[test]
fn refusals_name_their_reason() {
    let check = |steps: &[(Context, Command)], refusal: AnyRefusal| assert_eq!(run(steps).unwrap_err(), refusal);
    let ana = || by(ANA, Role::Approver);
    check(&[(policy(), propose(correlated(1)))], Refusal::TooFewHospitals.into());
    check(&[(policy(), propose(one_source()))], Refusal::OneSourceNeedsAPerson.into());
    check(&[(ana(), propose(one_source())), (ana(), Command::Approve)], Refusal::ProposerApproves.into());
    check(&[(ana(), propose(one_source())), (policy(), Command::Approve)], Refusal::PolicyOnOneSource.into());
    check(&[(ana(), propose(correlated(2))), (ana(), Command::Send)], Refusal::NotApproved.into());
    check(
        &[(ana(), propose(correlated(2))), (ana(), Command::Withdraw(WithdrawalReason::Over))],
        Refusal::NotSent.into(),
    );
    let declined = [(ana(), propose(correlated(2))), (ana(), Command::Decline)];
    check(&[declined.as_slice(), &[(by(BO, Role::Approver), Command::Approve)]].concat(), Refusal::NotProposed.into());
    check(
        &[(by(ANA, Role::Operator), propose(correlated(2))), (by(BO, Role::Operator), Command::Approve)],
        AnyRefusal::RoleTooLow { needs: Role::Approver },
    );
    check(&[(ana(), propose(correlated(2))), (ana(), propose(correlated(2)))], AnyRefusal::Exists);
}

#[test]
fn a_person_may_warn_on_one_source_with_a_second_pair_of_eyes() {
    let steps = [(by(ANA, Role::Operator), propose(one_source())), (by(BO, Role::Approver), Command::Approve)];
    assert_eq!(run(&steps).unwrap().0.stage, Stage::Approved);
}

#[test]
fn a_proposal_is_a_duty_until_decided() {
    let (state, _) = run(&sent()[..1]).unwrap();
    assert_eq!(duties(&state)[0].key, "decide");
    let (state, _) = run(&sent()).unwrap();
    assert!(duties(&state).is_empty());
}

#[test]
fn only_sending_and_withdrawing_tell_others_and_versions_rise() {
    let mut steps = sent();
    steps.push((by(BO, Role::Approver), Command::Update { content: content(), basis: correlated(3) }));
    steps.push((by(ANA, Role::Approver), Command::Withdraw(WithdrawalReason::FalseAlarm)));
    let mut state: Option<Warning> = None;
    let mut told = Vec::new();
    for (context, command) in &steps {
        for fact in decide(state.as_ref(), command, context).unwrap() {
            match &mut state {
                None => state = first(&fact),
                Some(state) => apply(state, &fact),
            }
            told.extend(state.as_ref().and_then(|state| outgoing(state, &fact)).map(|told| told.version));
        }
    }
    assert_eq!(told, [1, 3], "version 2 was proposed and never sent");
}
