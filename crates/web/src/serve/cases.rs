//! Serves *Cases*: the list, one case, opening one (with check-your-answers), and its steps.

use app::RecordQuery;
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::record::case::{Command as CaseCommand, Outcome, Sort};
use domain::record::{Command, Kind, RecordId};
use uuid::Uuid;

use super::fault::{Answer, Fault};
use super::form::{Fields, Signed, encoded};
use super::names::{alert_row, choices, choices_or_any, fact, received_title, source_names};
use super::visitor::Visitor;
use crate::frame::{Place, Problem};
use crate::screen::cases::{
    Answer as Given, CaseFormPage, CasePage, CaseRow, CasesPage, CheckPage, ConfirmPage, NoteShown,
};
use crate::screen::{Happened, Pager};
use crate::words::Words;

/// Rows of one page of the list.
const ROWS_MAX: u32 = 50;
/// The longest a title may be, in characters.
const TITLE_CHARS_MAX: usize = 200;
const SORTS: [&str; 4] = ["incident", "near-miss", "partner-outage", "suspected-device-incident"];

fn row(words: &Words, row: app::CaseRow) -> CaseRow {
    CaseRow {
        id: row.id.to_string(),
        title: if row.title.is_empty() { words.t("case-erased") } else { row.title },
        sort: row.case.sort.as_str(),
        stage: row.case.stage.as_str(),
        owner: row
            .owner_name
            .unwrap_or_else(|| words.t(if row.case.owner.is_some() { "case-somebody" } else { "case-nobody" })),
        opened_at: row.case.opened_at,
        drill: row.case.drill,
    }
}

/// The list; the URL is the view.
pub(super) async fn list(visitor: Visitor) -> Answer {
    let f = visitor.frame("cases-title", Some(Place::Cases)).await?;
    let words = visitor.words();
    let (stage, after) = (visitor.query.get("stage"), visitor.query.get("after"));
    let facets = if stage.is_empty() { Vec::new() } else { vec![("stage".to_owned(), stage.to_owned())] };
    let query = RecordQuery { kind: Kind::Case, facets, after: after.parse().ok().map(RecordId), limit: ROWS_MAX };
    let found = visitor.console.app.cases(query).await?;
    let here = format!("/cases?stage={}", encoded(stage));
    let older = found.items.last().filter(|_| found.more).map(|last| format!("{here}&after={}", last.id));
    let page = CasesPage {
        f,
        total: found.total,
        stages: choices_or_any(&words, "stage", &["open", "contained", "closed"], stage),
        rows: found.items.into_iter().map(|case| row(&words, case)).collect(),
        pager: Pager { newest: (!after.is_empty()).then_some(here), older },
    };
    Ok(Html(page.render()?).into_response())
}

/// One case.
pub(super) async fn one(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    shown(&visitor, RecordId(id), Vec::new(), String::new()).await
}

async fn shown(visitor: &Visitor, id: RecordId, problems: Vec<Problem>, draft: String) -> Answer {
    let app = &visitor.console.app;
    let words = visitor.words();
    let view = app.case(id).await?;
    if !view.evidence.is_empty() {
        app.note_read(&visitor.session, "case-evidence-read", &id.0.to_string()).await?;
    }
    let (names, sources) = (app.account_names().await?, source_names(app).await?);
    let mut f = visitor.frame("cases-title", Some(Place::Cases)).await?;
    let case = &view.row.case;
    f.tlp = Some(case.marking.tlp);
    f.drill = case.drill.into();
    let mine = case.owner == Some(visitor.session.account);
    let outcome = case.outcome.map(Outcome::as_str);
    let row = row(&words, view.row);
    f.name.clone_from(&row.title);
    f.problems = problems;
    let mut journal: Vec<Happened> =
        view.journal.iter().map(|entry| Happened { at: entry.at, says: fact(&words, &names, &entry.fact) }).collect();
    journal.reverse();
    let page = CasePage {
        mine,
        outcome,
        happened_at: view.alerts.iter().map(|alert| alert.first_at).min(),
        duties: view.duties.iter().map(|row| (words.word("case-duty", &row.duty.key), row.duty.due_at)).collect(),
        notes: view.notes.into_iter().map(|(note, text, who)| NoteShown { at: note.at, who, text }).collect(),
        draft,
        evidence_count: view.evidence.len() as u64,
        evidence: view.evidence,
        alerts: view.alerts.into_iter().map(|alert| alert_row(alert, &sources)).collect(),
        warnings: view
            .warnings
            .iter()
            .map(|warning| (warning.release.to_string(), received_title(&words, warning)))
            .collect(),
        journal,
        row,
        f,
    };
    Ok(Html(page.render()?).into_response())
}

/// Where a new case comes from: the form's address, and the sentence that says so.
struct From {
    action: String,
    says: Option<String>,
    warning: Option<String>,
    cancel: String,
    consequence: &'static str,
}

/// Opens a case from nothing, or from a warning named in the query.
pub(super) async fn new(visitor: Visitor) -> Answer {
    let words = visitor.words();
    let warning = visitor.query.get("warning");
    let says = match warning.parse::<Uuid>() {
        Ok(release) => {
            let view = visitor.console.app.received_one(release).await?;
            Some(words.with("case-from-warning", "title", &received_title(&words, &view.warning)))
        }
        Err(_) => None,
    };
    let from = From {
        action: "/cases/new".to_owned(),
        says,
        warning: (!warning.is_empty()).then(|| warning.to_owned()),
        cancel: "/cases".to_owned(),
        consequence: "case-check-says-plain",
    };
    asked(&visitor, from, "/cases".to_owned()).await
}

/// Opens a case from an alert.
pub(super) async fn new_from_alert(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let alert = visitor.console.app.alert(id).await?.alert;
    let values = [("title", alert.rule_title.as_str()), ("host", alert.host.as_str())];
    let from = From {
        action: format!("/alerts/{id}/case"),
        says: Some(visitor.words().with_all("case-from-alert", &values)),
        warning: None,
        cancel: format!("/alerts/{id}"),
        consequence: "case-check-says",
    };
    asked(&visitor, from, format!("/alerts/{id}/case")).await
}

async fn asked(visitor: &Visitor, from: From, post: String) -> Answer {
    let words = visitor.words();
    let (title, sort) = (visitor.query.get("title"), visitor.query.get("sort"));
    let checking = visitor.query.get("step") == "check";
    let problems = if checking { problems(&words, &visitor.query) } else { Vec::new() };
    if checking && problems.is_empty() {
        return check(visitor, &from, post).await;
    }
    let mut f = visitor.frame("case-new-title", Some(Place::Cases)).await?;
    f.problems = problems;
    let page = CaseFormPage {
        f,
        from: from.says,
        action: from.action,
        warning: from.warning,
        title: title.to_owned(),
        sorts: choices(&words, "sort", &SORTS, if sort.is_empty() { "incident" } else { sort }),
    };
    Ok(Html(page.render()?).into_response())
}

async fn check(visitor: &Visitor, from: &From, post: String) -> Answer {
    let words = visitor.words();
    let (title, sort) = (visitor.query.get("title"), visitor.query.get("sort"));
    let warning = from.warning.clone().unwrap_or_default();
    let change = format!("{}?title={}&sort={sort}&warning={warning}", from.action, encoded(title));
    let given = |key: &str, value: String, field: &str| Given {
        name: words.t(key),
        value,
        change: Some(format!("{change}#{field}")),
    };
    let page = CheckPage {
        f: visitor.frame("case-check-title", Some(Place::Cases)).await?,
        answers: vec![
            given("case-title", title.to_owned(), "title"),
            given("case-sort", words.word("sort", sort), "sort"),
        ],
        consequence: words.t(from.consequence),
        action: post,
        fields: vec![("title", title.to_owned()), ("sort", sort.to_owned()), ("warning", warning)],
        button: words.t("alert-open-case"),
        edit_action: None,
        cancel: from.cancel.clone(),
    };
    Ok(Html(page.render()?).into_response())
}

fn sort_of(fields: &Fields) -> Option<Sort> {
    Sort::ALL.into_iter().find(|sort| sort.as_str() == fields.get("sort"))
}

fn problems(words: &Words, fields: &Fields) -> Vec<Problem> {
    let title = fields.get("title");
    let mut problems = Vec::new();
    let mut wrong = |field: &str, key: &str| {
        problems.push(Problem { field: field.to_owned(), says: words.t(key) });
    };
    if title.is_empty() {
        wrong("title", "case-title-empty");
    } else if title.chars().count() > TITLE_CHARS_MAX {
        wrong("title", "case-title-long");
    }
    if sort_of(fields).is_none() {
        wrong("sort", "case-sort-empty");
    }
    problems
}

/// Opens the case that was checked.
pub(super) async fn open(form: Signed) -> Result<Redirect, Fault> {
    let sort = sort_of(&form.fields).ok_or(Fault::Unreadable)?;
    let warning = form.fields.get("warning").parse().ok();
    let (app, session) = (&form.visitor.console.app, &form.visitor.session);
    let id = app.open_case(session, sort, form.fields.get("title"), warning).await?;
    Ok(Redirect::to(&format!("/cases/{id}?done=case-opened")))
}

/// Opens the case that was checked, with the alert's lines as evidence.
pub(super) async fn open_from_alert(Path(alert): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    let sort = sort_of(&form.fields).ok_or(Fault::Unreadable)?;
    let (app, session) = (&form.visitor.console.app, &form.visitor.session);
    let id = app.open_case_from_alert(session, alert, sort, form.fields.get("title")).await?;
    Ok(Redirect::to(&format!("/cases/{id}?done=case-opened")))
}

async fn step(form: &Signed, id: Uuid, command: CaseCommand, done: &str) -> Result<Redirect, Fault> {
    let actor = form.visitor.session.actor();
    form.visitor.console.app.execute(Command::Case(RecordId(id), command), actor).await?;
    Ok(Redirect::to(&format!("/cases/{id}?done={done}")))
}

/// Becomes its owner.
pub(super) async fn take(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    step(&form, id, CaseCommand::Take, "case-taken").await
}

/// Says that it no longer spreads.
pub(super) async fn contain(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    step(&form, id, CaseCommand::Contain, "case-contained").await
}

/// Goes on with a closed one.
pub(super) async fn reopen(Path(id): Path<Uuid>, form: Signed) -> Result<Redirect, Fault> {
    step(&form, id, CaseCommand::Reopen, "case-reopened").await
}

/// Writes a note.
pub(super) async fn note(Path(id): Path<Uuid>, form: Signed) -> Answer {
    let text = form.fields.exact("note");
    if text.trim().is_empty() {
        let says = form.visitor.words().t("case-note-empty");
        let problems = vec![Problem { field: "note".to_owned(), says }];
        return shown(&form.visitor, RecordId(id), problems, String::new()).await;
    }
    form.visitor.console.app.note_case(&form.visitor.session, RecordId(id), text).await?;
    Ok(Redirect::to(&format!("/cases/{id}?done=case-noted")).into_response())
}

async fn confirm_close(visitor: &Visitor, id: Uuid, problems: Vec<Problem>) -> Result<Response, Fault> {
    let words = visitor.words();
    let mut f = visitor.frame("case-close-title", Some(Place::Cases)).await?;
    f.problems = problems;
    let page = ConfirmPage {
        f,
        consequence: words.t("case-close-says"),
        action: format!("/cases/{id}/close"),
        field: "outcome",
        question: words.t("case-close-question"),
        choices: choices(&words, "outcome", &["resolved", "false-alarm", "duplicate"], ""),
        class: "primary",
        button: words.t("case-close"),
        cancel: format!("/cases/{id}"),
    };
    Ok(Html(page.render()?).into_response())
}

/// Asks how it ended.
pub(super) async fn ask_close(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    confirm_close(&visitor, id, Vec::new()).await
}

/// Closes it.
pub(super) async fn close(Path(id): Path<Uuid>, form: Signed) -> Answer {
    let picked = form.fields.get("outcome");
    let Some(outcome) = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == picked) else {
        let says = form.visitor.words().t("case-close-empty");
        return confirm_close(&form.visitor, id, vec![Problem { field: "outcome".to_owned(), says }]).await;
    };
    Ok(step(&form, id, CaseCommand::Close(outcome), "case-closed").await?.into_response())
}
