//! Serves *Members*: who is enrolled, inviting, revoking.

use app::{InviteOrder, Member, MemberRole, MemberState};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use domain::party::NodeId;
use jiff::SignedDuration;

use super::fault::{Answer, Fault};
use super::form::{Fields, Signed};
use super::names::{choices, clock_words, item_name};
use super::once::Shown;
use super::visitor::Visitor;
use crate::frame::{Place, Problem};
use crate::screen::Choice;
use crate::screen::cases::ConfirmPage;
use crate::screen::map::PLACES;
use crate::screen::members::{ConflictRow, InvitePage, LossRow, MemberRow, MembersPage};
use crate::words::Words;

/// How long ago a loss may have been told to stand on the page.
const LOSSES_SHOWN: SignedDuration = SignedDuration::from_hours(24 * 90);
/// The most losses, and the most conflicts, that one page shows.
const ROWS_MAX: usize = 50;

/// The page.
pub(super) async fn list(visitor: Visitor) -> Answer {
    let f = visitor.frame("members-title", Some(Place::Members)).await?;
    let (app, words) = (&visitor.console.app, visitor.words());
    let members = app.members().await?;
    let name = |node: &NodeId| {
        let found = members.iter().find(|member| member.node == *node);
        found.map_or_else(|| fingerprint(node), |member| member.name.clone())
    };
    let losses = app.member_gaps(words.now - LOSSES_SHOWN).await?;
    let losses = losses.into_iter().take(ROWS_MAX).map(|gap| LossRow {
        member: name(&gap.member),
        dropped: gap.dropped,
        from: gap.from,
        to: gap.to,
        told_at: gap.told_at,
    });
    let conflicts = app.conflicts().await?;
    let conflicts = conflicts.into_iter().take(ROWS_MAX).map(|conflict| ConflictRow {
        member: name(&conflict.origin),
        item: item_name(&words, &conflict.kind),
        name: format!("{:.8}, {}", conflict.key.simple().to_string(), conflict.version),
        at: conflict.at,
    });
    let page = MembersPage {
        f,
        total: members.len() as u64,
        losses: losses.collect(),
        conflicts: conflicts.collect(),
        rows: members.iter().map(|member| row(&words, member)).collect(),
    };
    Ok(Html(page.render()?).into_response())
}

fn row(words: &Words, member: &Member) -> MemberRow {
    let off = app::clock_off(member);
    MemberRow {
        fingerprint: fingerprint(&member.node),
        node: member.node.0.clone(),
        name: member.name.clone(),
        country: member.country.clone(),
        role: match member.role {
            MemberRole::Hospital => "hospital",
            MemberRole::National => "national",
        },
        state: match member.state {
            MemberState::Active => "active",
            MemberState::Revoked => "revoked",
        },
        last_seen_at: member.last_seen_at,
        certificate_until: member.certificate_until,
        clock: match (off, member.clock_off_ms) {
            (Some(off), _) => clock_words(words, off),
            (None, Some(_)) => words.t("clock-right"),
            (None, None) => words.t("clock-unknown"),
        },
        clock_wrong: off.is_some_and(|off| off.abs() >= app::CLOCK_GRAVE_FROM),
    }
}

/// The first twelve digits in groups of four, to read out on the phone.
fn fingerprint(node: &NodeId) -> String {
    let digits: Vec<char> = node.0.chars().take(12).collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// The form.
pub(super) async fn invite(visitor: Visitor) -> Answer {
    invite_page(&visitor, &Fields::default(), Vec::new()).await
}

async fn invite_page(visitor: &Visitor, fields: &Fields, problems: Vec<Problem>) -> Answer {
    let words = visitor.words();
    let mut f = visitor.frame("invite-title", Some(Place::Members)).await?;
    f.problems = problems;
    let own = visitor.console.app.country();
    let picked = if fields.get("country").is_empty() { own } else { fields.get("country") };
    let mut countries: Vec<Choice> = PLACES
        .iter()
        .map(|(code, ..)| Choice::new(code, words.t(&format!("country-{}", code.to_lowercase())), *code == picked))
        .collect();
    countries.sort_by(|one, other| one.label.cmp(&other.label));
    let role = if fields.get("role").is_empty() { "hospital" } else { fields.get("role") };
    let page = InvitePage {
        f,
        name: fields.get("name").to_owned(),
        countries,
        roles: choices(&words, "member-role", &["hospital", "national"], role),
    };
    Ok(Html(page.render()?).into_response())
}

/// Makes the code and goes to the page that shows it once.
pub(super) async fn make_invite(form: Signed) -> Answer {
    let words = form.visitor.words();
    let name = form.fields.get("name");
    if name.is_empty() {
        let problem = Problem { field: "name".to_owned(), says: words.t("invite-name-empty") };
        return invite_page(&form.visitor, &form.fields, vec![problem]).await;
    }
    let role = match form.fields.get("role") {
        "hospital" => MemberRole::Hospital,
        "national" => MemberRole::National,
        _ => return Err(Fault::Unreadable),
    };
    let console = &form.visitor.console;
    let order = InviteOrder { name: name.to_owned(), country: form.fields.get("country").to_owned(), role };
    let code = console.app.invite(&form.visitor.session.actor(), order).await?;
    let shown = Shown {
        title: words.with("invite-code-title", "name", name),
        once: words.t("invite-once"),
        lines: words.with("invite-use", "code", &code),
        secret: code,
        back: "/members",
    };
    let key = console.once.put(form.visitor.session.account, console.app.now(), shown)?;
    Ok(Redirect::to(&format!("/members/invited/{key}")).into_response())
}

/// Asks before a member is revoked.
pub(super) async fn ask_revoke(visitor: Visitor, Path(node): Path<String>) -> Answer {
    let words = visitor.words();
    let members = visitor.console.app.members().await?;
    let member = members.into_iter().find(|member| member.node.0 == node).ok_or(Fault::NotFound)?;
    let page = ConfirmPage {
        f: visitor.frame("revoke-title", Some(Place::Members)).await?,
        consequence: words.with("revoke-says", "name", &member.name),
        action: format!("/members/{node}/revoke"),
        field: "sure",
        question: String::new(),
        choices: Vec::new(),
        class: "grave",
        button: words.t("revoke-button"),
        cancel: "/members".to_owned(),
    };
    Ok(Html(page.render()?).into_response())
}

/// Revokes a member.
pub(super) async fn revoke(Path(node): Path<String>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.revoke_member(&form.visitor.session, &NodeId(node)).await?;
    Ok(Redirect::to("/members?done=revoked"))
}
