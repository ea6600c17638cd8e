//! Serves the audit: who did, read, changed or exported what; as a page with filters, and as CSV.

use app::{AuditQuery, AuditRow};
use askama::Template;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use futures_util::stream;

use super::fault::Answer;
use super::form::encoded;
use super::map::cell;
use super::visitor::Visitor;
use crate::moments::read_moment;
use crate::screen::account::AuditPage;
use crate::screen::{Choice, Pager};
use crate::words::Words;

/// Rows of one page of the audit.
const ROWS_MAX: u32 = 100;
/// Rows that one step of an export reads.
const EXPORT_ROWS: u32 = 1_000;

/// What the address asks for.
struct Asked {
    query: AuditQuery,
    /// The same as a query string, without the page.
    address: String,
}

impl Asked {
    fn of(visitor: &Visitor, words: &Words) -> Self {
        let get = |name: &str| visitor.query.get(name).to_owned();
        let filled = |text: String| (!text.is_empty()).then_some(text);
        let kept: Vec<String> = ["who", "what", "from", "to"]
            .into_iter()
            .filter(|name| !get(name).is_empty())
            .map(|name| format!("{name}={}", encoded(&get(name))))
            .collect();
        let query = AuditQuery {
            who: filled(get("who")),
            verb: filled(get("what")),
            from: read_moment(&get("from"), &words.zone),
            to: read_moment(&get("to"), &words.zone),
            after: get("after").parse().ok(),
        };
        Self { query, address: kept.join("&") }
    }
}

/// Who did what.
pub(super) async fn page(visitor: Visitor) -> Answer {
    let words = visitor.words();
    let app = &visitor.console.app;
    let asked = Asked::of(&visitor, &words);
    let rows = app.audit(&visitor.session, &asked.query, ROWS_MAX).await?;
    let people = app.audit_people(&visitor.session).await?;
    let full = rows.len() == ROWS_MAX as usize;
    let here = format!("/account/audit?{}", asked.address);
    let older = rows.last().filter(|_| full).map(|row| format!("{here}&after={}", row.entry.number));
    let picked = |value: &str, given: &Option<String>| given.as_deref() == Some(value);
    let any = |given: &Option<String>| Choice::new("", words.t("any"), given.is_none());
    let who = people.who.iter().map(|(key, name)| Choice::new(key, named(&words, name), picked(key, &asked.query.who)));
    let verbs = people.verbs.iter().map(|verb| Choice::new(verb, act(&words, verb), picked(verb, &asked.query.verb)));
    let page = AuditPage {
        who: std::iter::once(any(&asked.query.who)).chain(who).collect(),
        verbs: std::iter::once(any(&asked.query.verb)).chain(verbs).collect(),
        from: visitor.query.get("from").to_owned(),
        to: visitor.query.get("to").to_owned(),
        csv: format!("/account/audit.csv?{}", asked.address),
        rows: rows.into_iter().map(|row| shown(&words, row)).collect(),
        pager: Pager { newest: asked.query.after.map(|_| here), older },
        f: visitor.frame("audit-title", None).await?,
    };
    Ok(Html(page.render()?).into_response())
}

fn shown(words: &Words, row: AuditRow) -> crate::screen::account::AuditRow {
    let AuditRow { entry, who } = row;
    crate::screen::account::AuditRow {
        at: entry.at,
        who: named(words, &who),
        what: act(words, &entry.verb),
        object: entry.object,
        detail: entry.detail,
    }
}

/// A policy has a stable name, and words where we have some.
fn named(words: &Words, name: &str) -> String {
    let key = format!("who-policy-{name}");
    if words.has(&key) { words.t(&key) } else { name.to_owned() }
}

fn act(words: &Words, verb: &str) -> String {
    let key = format!("audit-verb-{verb}");
    if words.has(&key) { words.t(&key) } else { verb.to_owned() }
}

/// The same lines as CSV, all of them, moments in UTC. Taking them away is itself a line of the audit.
pub(super) async fn csv(visitor: Visitor) -> Answer {
    let words = visitor.words();
    let asked = Asked::of(&visitor, &words);
    let first = visitor.console.app.audit(&visitor.session, &asked.query, EXPORT_ROWS).await?;
    visitor.console.app.note_read(&visitor.session, "audit-exported", &asked.address).await?;
    let state = Some((visitor, asked.query, Some(first)));
    let lines = stream::unfold(state, |state| async move {
        let (visitor, mut query, ready) = state?;
        let rows = match ready {
            Some(rows) => rows,
            None => match visitor.console.app.audit(&visitor.session, &query, EXPORT_ROWS).await {
                Ok(rows) => rows,
                // the connection breaks off: a list that looks whole and is not would be worse
                Err(error) => return Some((Err(std::io::Error::other(error.to_string())), None)),
            },
        };
        let head = if query.after.is_none() { "number,at,who,what,object,detail\r\n" } else { "" };
        let text = rows.iter().fold(head.to_owned(), |text, row| text + &line(row));
        query.after = rows.last().map(|row| row.entry.number);
        let more = rows.len() == EXPORT_ROWS as usize;
        Some((Ok::<_, std::io::Error>(text), more.then_some((visitor, query, None))))
    });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"lazaret-audit.csv\""),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

fn line(row: &AuditRow) -> String {
    let entry = &row.entry;
    let cells = [&row.who, &entry.verb, &entry.object, &entry.detail].map(|text| cell(text));
    format!("{},{},{}\r\n", entry.number, entry.at, cells.join(","))
}
