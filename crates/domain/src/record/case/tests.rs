//! Given facts, when a command, then facts or a refusal that leaves the state unchanged.

use super::*;
use crate::record::{Refusal as AnyRefusal, State, fold};

fn person(role: Role) -> Context {
    Context { now: "2026-11-25T02:00:00Z".parse().unwrap(), actor: Actor::Person { account: Uuid::from_u128(7), role } }
}

fn text(words: &str) -> Document {
    Document { id: Uuid::from_u128(1), salt: [3; 16], text: words.to_owned() }
}

fn open() -> Command {
    Command::Open {
        sort: Sort::Incident,
        title: text("backups deleted"),
        alert: Some(Uuid::from_u128(9)),
        warning: None,
        evidence: vec![text("the line")],
        drill: false,
    }
}

/// Runs the commands as one operator and returns the state and the facts, or the first refusal.
fn run(commands: &[Command]) -> Result<(Case, Vec<Fact>), AnyRefusal> {
    let mut facts = Vec::new();
    let mut state: Option<Case> = None;
    for command in commands {
        for fact in decide(state.as_ref(), command, &person(Role::Operator))? {
            match &mut state {
                None => state = first(&fact),
                Some(state) => apply(state, &fact),
            }
            facts.push(fact);
        }
    }
    Ok((state.ok_or(AnyRefusal::NotFound)?, facts))
}

#[test]
fn a_case_lives_from_open_to_closed_and_back() {
    let commands = [open(), Command::Take, Command::Contain, Command::Close(Outcome::Resolved), Command::Reopen];
    let (state, facts) = run(&commands).unwrap();
    assert_eq!(state.stage, Stage::Open);
    assert_eq!(state.outcome, None);
    assert_eq!(state.owner, Some(Uuid::from_u128(7)));
    let journal: Vec<_> = facts.into_iter().map(crate::record::Fact::Case).collect();
    assert_eq!(fold(&journal), Some(State::Case(state)));
}

#[test]
fn refusals_name_their_reason() {
    let check = |commands: &[Command], refusal: AnyRefusal| assert_eq!(run(commands).unwrap_err(), refusal);
    let closed = [open(), Command::Close(Outcome::FalseAlarm)];
    check(&[closed.as_slice(), &[Command::Contain]].concat(), Refusal::Closed.into());
    check(&[closed.as_slice(), &[Command::Note(text("late"))]].concat(), Refusal::Closed.into());
    check(&[open(), Command::Reopen], Refusal::NotClosed.into());
    check(&[open(), Command::Contain, Command::Contain], Refusal::NotOpen.into());
    check(&[open(), open()], AnyRefusal::Exists);
    check(&[Command::Take], AnyRefusal::NotFound);
    let again = Command::AddAlert { alert: Uuid::from_u128(9), evidence: vec![] };
    check(&[open(), again], Refusal::AlertAlreadyAdded.into());
}

#[test]
fn a_viewer_changes_nothing() {
    assert_eq!(decide(None, &open(), &person(Role::Viewer)), Err(AnyRefusal::RoleTooLow { needs: Role::Operator }));
}

#[test]
fn facts_hold_no_free_text() {
    let (_, facts) = run(&[open(), Command::Note(text("nurse Ana saw it"))]).unwrap();
    let stored = serde_json::to_string(&facts).unwrap();
    assert!(!stored.contains("Ana") && !stored.contains("backups deleted"), "{stored}");
}

#[test]
fn an_open_case_without_owner_is_a_duty_until_taken() {
    let (state, _) = run(&[open()]).unwrap();
    assert_eq!(duties(&state)[0].due_at, "2026-11-25T03:00:00Z".parse().unwrap());
    let (state, _) = run(&[open(), Command::Take]).unwrap();
    assert!(duties(&state).is_empty());
}
