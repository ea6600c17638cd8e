//! Serves *Members*: who is enrolled, inviting, revoking.

use app::{InviteOrder, MemberRole, MemberState};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use domain::party::NodeId;

use super::fault::{Answer, Fault};
use super::form::{Fields, Signed};
use super::names::choices;
use super::once::Shown;
use super::visitor::Visitor;
use crate::frame::{Place, Problem};
use crate::screen::Choice;
use crate::screen::cases::ConfirmPage;
use crate::screen::map::PLACES;
use crate::screen::members::{InvitePage, MemberRow, MembersPage};

/// The page.
pub(super) async fn list(visitor: Visitor) -> Answer {
    let f = visitor.frame("members-title", Some(Place::Members)).await?;
    let members = visitor.console.app.members().await?;
    let rows: Vec<MemberRow> = members
        .into_iter()
        .map(|member| MemberRow {
            fingerprint: fingerprint(&member.node),
            node: member.node.0,
            name: member.name,
            country: member.country,
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
        })
        .collect();
    Ok(Html(MembersPage { f, total: rows.len() as u64, rows }.render()?).into_response())
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
