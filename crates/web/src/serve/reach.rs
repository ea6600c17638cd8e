//! Serves people and rota, notices with their calls, and the page behind the link of a message.
//!
//! The link's page needs no login: whoever holds the link is whom it was sent to. Reading it changes nothing, because
//! mail scanners open links; only the button acknowledges.

use std::sync::Arc;

use app::{App, NoticeView, RotaView, ShiftOrder, Told};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{Html, IntoResponse, Redirect};
use domain::reach::{About, AttemptState, Channel, Gap, NoticeState, Quiet};
use domain::telemetry::Level;
use jiff::Timestamp;
use uuid::Uuid;

use super::Console;
use super::fault::{Answer, Fault};
use super::form::{Fields, Open, Signed};
use super::names::{Names, choices};
use super::visitor::{Visitor, outside_frame};
use crate::frame::Problem;
use crate::letters::notice_title;
use crate::screen::Choice;
use crate::screen::entry::{message, message_of};
use crate::screen::reach::{
    AcknowledgePage, CallRow, NoticePage, NoticeShown, QuietRow, RotaPage, RouteRow, ShiftRow, Typed,
};
use crate::words::Words;

/// How many of a notice's calls a page shows; the newest ones.
const CALLS_SHOWN_MAX: usize = 50;

/// People and rota.
pub(super) async fn rota(visitor: Visitor) -> Answer {
    rota_page(&visitor, &Fields::default(), Vec::new()).await
}

async fn rota_page(visitor: &Visitor, fields: &Fields, problems: Vec<Problem>) -> Answer {
    let words = visitor.words();
    let app = &visitor.console.app;
    let view = app.rota_view().await?;
    let names = app.account_names().await?;
    let mut f = visitor.frame("rota-title", None).await?;
    f.problems = problems;
    let manages = f.may_manage();
    let own = visitor.session.account;
    let known = |id: &Uuid| names.get(id).cloned().unwrap_or_default();
    let person = |id: &Uuid| Choice::new(&id.to_string(), known(id), *id == own);
    let people: Vec<Choice> =
        view.people.iter().filter(|one| manages || one.account == own).map(|one| person(&one.account)).collect();
    let mut deputies = vec![Choice::new("", words.t("rota-deputy-none"), true)];
    deputies.extend(view.people.iter().map(|one| Choice::new(&one.account.to_string(), known(&one.account), false)));
    let page = RotaPage {
        gap: gap_says(&words, view.gap),
        channels_says: channels_say(&words, &view.channels),
        routes: route_rows(&view, &known, |account| manages || account == own),
        quiet: quiet_rows(&words, &view, &known),
        shifts: shift_rows(&view, &known),
        people,
        deputies,
        channels: choices(&words, "channel", &Channel::ALL.map(Channel::as_str), fields.get("channel")),
        levels: choices(&words, "level", &["medium", "high", "critical"], "high"),
        typed: Typed {
            address: fields.get("address").to_owned(),
            from: fields.get("from").to_owned(),
            until: fields.get("until").to_owned(),
            quiet_from: fields.get("quiet_from").to_owned(),
            quiet_to: fields.get("quiet_to").to_owned(),
        },
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// Why nobody would be reached, in words.
pub(super) fn gap_says(words: &Words, gap: Option<Gap>) -> String {
    match gap {
        None => String::new(),
        Some(Gap::NoRoute) => words.t("rota-gap-no-route"),
        Some(Gap::NoShift) => words.t("rota-gap-no-shift"),
    }
}

fn channels_say(words: &Words, channels: &[Channel]) -> String {
    let names: Vec<String> = channels.iter().map(|channel| words.word("channel", channel.as_str())).collect();
    match names.is_empty() {
        true => words.t("rota-channels-none"),
        false => words.with("rota-channels-some", "channels", &names.join(", ")),
    }
}

fn route_rows(view: &RotaView, known: &impl Fn(&Uuid) -> String, mine: impl Fn(Uuid) -> bool) -> Vec<RouteRow> {
    let rows = view.people.iter().flat_map(|person| person.routes.iter().map(move |route| (person, route)));
    rows.map(|(person, route)| RouteRow {
        id: route.id.to_string(),
        person: known(&person.account),
        channel: route.channel.as_str(),
        address: route.address.clone(),
        usable: view.channels.contains(&route.channel),
        mine: mine(person.account),
    })
    .collect()
}

fn quiet_rows(words: &Words, view: &RotaView, known: &impl Fn(&Uuid) -> String) -> Vec<QuietRow> {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let row = |person: &domain::reach::Reachable| {
        let quiet = person.quiet?;
        let (from, to) = (clock(quiet.from_minute), clock(quiet.to_minute));
        let level = words.word("level", quiet.below.as_str());
        let values = [("from", from.as_str()), ("to", to.as_str()), ("level", level.as_str())];
        Some(QuietRow { person: known(&person.account), says: words.with_all("rota-quiet-says", &values) })
    };
    view.people.iter().filter_map(row).collect()
}

fn shift_rows(view: &RotaView, known: &impl Fn(&Uuid) -> String) -> Vec<ShiftRow> {
    let row = |shift: &domain::reach::Shift| ShiftRow {
        id: shift.id.to_string(),
        person: known(&shift.person),
        deputies: shift.deputies.iter().map(known).collect::<Vec<_>>().join(", "),
        from: shift.from,
        until: shift.until,
    };
    view.shifts.iter().map(row).collect()
}

/// Adds a channel.
pub(super) async fn add_route(form: Signed) -> Answer {
    let person: Uuid = form.fields.get("person").parse().map_err(|_| Fault::Unreadable)?;
    let channel = Channel::from_word(form.fields.get("channel")).ok_or(Fault::Unreadable)?;
    let app = &form.visitor.console.app;
    let added = app.add_route(&form.visitor.session, person, channel, form.fields.get("address")).await;
    corrected(&form, "address", added.map(drop), "route-added").await
}

/// The page again with what is to be corrected, or back to it with what was done.
async fn corrected(form: &Signed, field: &str, done: app::Result<()>, notice: &str) -> Answer {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/account/rota?done={notice}")).into_response()),
        Err(app::Error::Input { code }) => {
            let problem = Problem { field: field.to_owned(), says: form.visitor.words().t(code) };
            rota_page(&form.visitor, &form.fields, vec![problem]).await
        }
        Err(error) => Err(Fault::App(error)),
    }
}

/// Calls a channel first.
pub(super) async fn first_route(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.put_route_first(&form.visitor.session, id).await?;
    Ok(Redirect::to("/account/rota?done=route-first"))
}

/// Takes a channel away.
pub(super) async fn remove_route(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.remove_route(&form.visitor.session, id).await?;
    Ok(Redirect::to("/account/rota?done=route-removed"))
}

/// Tests a channel and shows what becomes of it.
pub(super) async fn test_route(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    let notice = form.visitor.console.app.test_route(&form.visitor.session, id).await?;
    Ok(Redirect::to(&format!("/notices/{notice}")))
}

/// Sets quiet hours; two empty times take them away.
pub(super) async fn set_quiet(form: Signed) -> Answer {
    let person: Uuid = form.fields.get("person").parse().map_err(|_| Fault::Unreadable)?;
    let below: Level = form.fields.get("below").parse().map_err(|_| Fault::Unreadable)?;
    let (from, to) = (form.fields.get("quiet_from"), form.fields.get("quiet_to"));
    let quiet = match (minute_of(from), minute_of(to)) {
        _ if from.is_empty() && to.is_empty() => Ok(None),
        (Some(from_minute), Some(to_minute)) => Ok(Some(Quiet { from_minute, to_minute, below })),
        _ => Err(app::Error::Input { code: "input-time-of-day" }),
    };
    let app = &form.visitor.console.app;
    let done = match quiet {
        Ok(quiet) => app.set_quiet(&form.visitor.session, person, quiet).await,
        Err(error) => Err(error),
    };
    corrected(&form, "quiet_from", done, "quiet-saved").await
}

fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// Adds a shift.
pub(super) async fn add_shift(form: Signed) -> Answer {
    let person: Uuid = form.fields.get("person").parse().map_err(|_| Fault::Unreadable)?;
    let deputies: Vec<Uuid> = form.fields.get("deputy").parse::<Uuid>().into_iter().collect();
    let app = &form.visitor.console.app;
    let moment = |text: &str| match text.is_empty() {
        true => Ok(None),
        false => moment_of(app, text).map(Some).ok_or(app::Error::Input { code: "input-shift-time" }),
    };
    let times = moment(form.fields.get("from")).and_then(|from| Ok((from, moment(form.fields.get("until"))?)));
    let done = match times {
        Ok((from, until)) => {
            let order = ShiftOrder { person, deputies, from, until };
            app.add_shift(&form.visitor.session, order).await
        }
        Err(error) => Err(error),
    };
    corrected(&form, "until", done, "shift-added").await
}

/// A local time as browsers send it, in the node's zone.
fn moment_of(app: &App, text: &str) -> Option<Timestamp> {
    let local: jiff::civil::DateTime = text.parse().ok()?;
    app.zone().to_timestamp(local).ok()
}

/// Takes a shift away.
pub(super) async fn remove_shift(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.remove_shift(&form.visitor.session, id).await?;
    Ok(Redirect::to("/account/rota?done=shift-removed"))
}

/// One notice with its calls.
pub(super) async fn notice(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let view = visitor.console.app.notice(id).await?;
    let words = visitor.words();
    let mut f = visitor.frame("call-title", None).await?;
    f.drill = view.notice.drill.into();
    f.name = notice_title(&words, &view.notice);
    let matter = match &view.notice.about {
        About::Alert { alert, .. } => Some(format!("/alerts/{alert}")),
        About::Hit { release } => Some(format!("/warnings/{release}")),
        About::Test { .. } | About::MonthlyTest { .. } => Some("/account/rota".to_owned()),
        About::Trouble { .. } => None,
    };
    let page = NoticePage { f, notice: shown(&words, &view), matter };
    Ok(Html(page.render()?).into_response())
}

/// A notice as pages show it.
pub(super) fn shown(words: &Words, view: &NoticeView) -> NoticeShown {
    let name = |id: &Uuid| person_name(words, &view.names, id);
    let says = match &view.notice.state {
        NoticeState::Open => words.t("call-by-open"),
        NoticeState::Acknowledged(by) => {
            let (name, moment) = (name(&by.by), words.near_moment(&by.at));
            let how = words.word("how", by.how.as_str());
            words.with_all("call-by", &[("name", &name), ("moment", &moment), ("how", &how)])
        }
        NoticeState::Over { at } => words.with("call-by-over", "moment", &words.near_moment(at)),
    };
    let next = view.next.as_ref().map_or_else(String::new, |next| {
        let (person, moment) = (name(&next.person), words.near_moment(&next.due_at));
        let channel = words.word("channel", next.route.channel.as_str());
        words.with_all("call-next", &[("person", &person), ("channel", &channel), ("moment", &moment)])
    });
    let first = view.attempts.len().saturating_sub(CALLS_SHOWN_MAX);
    let calls = view.attempts.iter().skip(first).map(|call| CallRow {
        person: name(&call.person),
        channel: call.channel.as_str(),
        address: call.address.clone(),
        state: call.state.as_str(),
        at: call.done_at.unwrap_or(call.due_at),
        took: match (call.state, call.latency_ms) {
            (AttemptState::Waiting | AttemptState::Dropped, _) | (_, None) => String::new(),
            (_, Some(ms)) => words.with("call-took", "ms", &words.number(&ms)),
        },
        reason: call.reason.clone(),
    });
    NoticeShown {
        id: view.notice.id.to_string(),
        title: notice_title(words, &view.notice),
        level: view.notice.level,
        raised_at: view.notice.raised_at,
        open: view.notice.state == NoticeState::Open,
        says,
        next,
        calls: calls.collect(),
    }
}

fn person_name(words: &Words, names: &Names, id: &Uuid) -> String {
    names.get(id).cloned().unwrap_or_else(|| words.t("who-unknown"))
}

/// Acknowledges in the console.
pub(super) async fn acknowledge(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    let told = form.visitor.console.app.acknowledge_notice(&form.visitor.session, id).await?;
    let done = if told == Told::First { "acknowledged" } else { "acknowledged-already" };
    Ok(Redirect::to(&format!("/notices/{id}?done={done}")))
}

/// The page behind the link of a message: shows, changes nothing.
pub(super) async fn ask(State(console): State<Arc<Console>>, uri: Uri, Path(token): Path<String>) -> Answer {
    let f = outside_frame(&console, &uri, "ack-title");
    let Some(view) = console.app.notice_by_token(&token).await? else { return gone(f) };
    match &view.notice.state {
        NoticeState::Open => {
            let mut f = f;
            f.drill = view.notice.drill.into();
            let page = AcknowledgePage {
                title: notice_title(&f, &view.notice),
                level: view.notice.level,
                hospital: console.app.name().to_owned(),
                raised_at: view.notice.raised_at,
                action: format!("/acknowledge/{}", super::form::encoded(&token)),
                f,
            };
            Ok(Html(page.render()?).into_response())
        }
        NoticeState::Acknowledged(by) => {
            let name = view.names.get(&by.by).cloned().unwrap_or_default();
            Ok(already(f, &name, by.at))
        }
        NoticeState::Over { .. } => Ok(over(f)),
    }
}

/// Acknowledges by the link of a message.
pub(super) async fn answer(
    State(console): State<Arc<Console>>,
    uri: Uri,
    Path(token): Path<String>,
    _fields: Open,
) -> Answer {
    let mut f = outside_frame(&console, &uri, "ack-title");
    match console.app.acknowledge_by_token(&token).await {
        Ok(Told::First) => {
            f.name = f.t("ack-done");
            Ok(Html(message(f, "ack-done", "ack-done-hint")).into_response())
        }
        Ok(Told::Already { by, at }) => Ok(already(f, &by, at)),
        Ok(Told::Over) => Ok(over(f)),
        Err(app::Error::NotFound) => gone(f),
        Err(error) => Err(Fault::App(error)),
    }
}

fn already(f: crate::frame::Frame, name: &str, at: Timestamp) -> axum::response::Response {
    let says = f.with_all("ack-already", &[("name", name), ("moment", &f.near_moment(&at))]);
    let hint = f.t("ack-already-hint");
    Html(message_of(f, says, hint)).into_response()
}

fn over(f: crate::frame::Frame) -> axum::response::Response {
    Html(message(f, "ack-over", "ack-over-hint")).into_response()
}

fn gone(mut f: crate::frame::Frame) -> Answer {
    f.name = f.t("ack-gone");
    let page = Html(message(f, "ack-gone", "ack-gone-hint"));
    Ok((axum::http::StatusCode::NOT_FOUND, page).into_response())
}
