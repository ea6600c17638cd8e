//! Cases as people see them: lists, one case with its texts, and opening one from an alert with its events as evidence.

use domain::party::Role;
use domain::record::case::{self, Case, Note, Sort};
use domain::record::{Command, Document, RecordId, State};
use store::{Alert, AlertQuery, DutyRow, JournalEntry, Page, RecordQuery};
use uuid::Uuid;

use crate::execute::Beside;
use crate::{App, Error, ReceivedWarning, Result, Session};

/// The longest a case's title may be, in characters.
const TITLE_CHARS_MAX: usize = 200;
/// The longest a note may be, in characters.
const NOTE_CHARS_MAX: usize = 10_000;

/// A case in a list.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// Its id.
    pub id: RecordId,
    /// Its version.
    pub version: u64,
    /// Its state.
    pub case: Case,
    /// Its title; empty where it was erased.
    pub title: String,
    /// The owner's name.
    pub owner_name: Option<String>,
}

/// One case with everything a page shows.
#[derive(Debug, Clone)]
pub struct CaseView {
    /// The row.
    pub row: CaseRow,
    /// Notes with their text and who wrote them.
    pub notes: Vec<(Note, String, String)>,
    /// Events kept as evidence.
    pub evidence: Vec<String>,
    /// The alerts it grew from, as far as they are kept.
    pub alerts: Vec<Alert>,
    /// The received warnings it belongs to.
    pub warnings: Vec<ReceivedWarning>,
    /// What happened to it, oldest first.
    pub journal: Vec<JournalEntry>,
    /// What must happen by when.
    pub duties: Vec<DutyRow>,
}

impl App {
    /// Opens a case from an alert: its events are copied into evidence before telemetry expires, and the alert says
    /// which case it is in.
    pub async fn open_case_from_alert(
        &self,
        session: &Session,
        alert: Uuid,
        sort: Sort,
        title: &str,
    ) -> Result<RecordId> {
        let view = self.alert(alert).await?;
        let evidence = view.lines.iter().map(|line| self.document(&line.text)).collect::<Result<Vec<_>>>()?;
        let id = self.new_record_id()?;
        let open = case::Command::Open {
            sort,
            title: self.document(checked(title, TITLE_CHARS_MAX, "input-title")?)?,
            alert: Some(alert),
            warning: None,
            evidence,
            drill: view.alert.drill,
        };
        let beside = Beside { link_alerts: vec![(alert, id)], ..Beside::default() };
        self.execute_with(Command::Case(id, open), session.actor(), beside).await?;
        Ok(id)
    }

    /// Opens a case that grows from no alert.
    pub async fn open_case(
        &self,
        session: &Session,
        sort: Sort,
        title: &str,
        warning: Option<Uuid>,
    ) -> Result<RecordId> {
        let id = self.new_record_id()?;
        let open = case::Command::Open {
            sort,
            title: self.document(checked(title, TITLE_CHARS_MAX, "input-title")?)?,
            alert: None,
            warning,
            evidence: Vec::new(),
            drill: false,
        };
        self.execute(Command::Case(id, open), session.actor()).await?;
        Ok(id)
    }

    /// Writes a note.
    pub async fn note_case(&self, session: &Session, id: RecordId, text: &str) -> Result<()> {
        let note = self.document(checked(text, NOTE_CHARS_MAX, "input-note")?)?;
        self.execute(Command::Case(id, case::Command::Note(note)), session.actor()).await.map(drop)
    }

    /// Cases, newest first. Shape: `query.kind` is ignored.
    pub async fn cases(&self, query: RecordQuery) -> Result<Page<CaseRow>> {
        let page = self.store.list_records(RecordQuery { kind: domain::record::Kind::Case, ..query }).await?;
        let names = self.account_names().await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in page.items {
            let State::Case(case) = record.state else { continue };
            items.push(CaseRow {
                id: record.id,
                version: record.version,
                title: self.text_of(case.title.id).await?,
                owner_name: case.owner.and_then(|owner| names.get(&owner).cloned()),
                case,
            });
        }
        Ok(Page { items, more: page.more, total: page.total })
    }

    /// One case with everything a page shows.
    pub async fn case(&self, id: RecordId) -> Result<CaseView> {
        let record = self.store.load(&[id]).await?.pop().ok_or(Error::NotFound)?;
        let State::Case(case) = record.state else { return Err(Error::NotFound) };
        let names = self.account_names().await?;
        let mut notes = Vec::new();
        for note in &case.notes {
            let who = crate::audit::actor_name(&note.by, &names);
            notes.push((note.clone(), self.text_of(note.document.id).await?, who));
        }
        let evidence_ids: Vec<Uuid> = case.evidence.iter().map(|reference| reference.id).collect();
        let evidence = self.store.documents(&evidence_ids).await?.into_iter().map(|document: Document| document.text);
        let alerts = self.store.alerts(AlertQuery { case: Some(id), limit: 100, ..AlertQuery::default() }).await?.items;
        let mut warnings = Vec::new();
        for warning in &case.warnings {
            warnings.extend(self.received_of(*warning).await?);
        }
        let duties = self.store.duties(1_000).await?.into_iter().filter(|duty| duty.record == id).collect();
        Ok(CaseView {
            notes,
            evidence: evidence.collect(),
            alerts,
            warnings,
            journal: self.store.journal(id).await?,
            duties,
            row: CaseRow {
                id,
                version: record.version,
                title: self.text_of(case.title.id).await?,
                owner_name: case.owner.and_then(|owner| names.get(&owner).cloned()),
                case,
            },
        })
    }

    /// The text of a document; empty where it was erased.
    pub(crate) async fn text_of(&self, document: Uuid) -> Result<String> {
        Ok(self.store.documents(&[document]).await?.pop().map(|document| document.text).unwrap_or_default())
    }
}

/// A text from a form, trimmed, neither empty nor too long.
pub(crate) fn checked<'a>(text: &'a str, chars_max: usize, code: &'static str) -> Result<&'a str> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > chars_max { Err(Error::Input { code }) } else { Ok(text) }
}

impl Session {
    /// Refuses where the role is too low.
    pub fn needs(&self, needs: Role) -> Result<()> {
        if self.role < needs { Err(Error::Forbidden { needs }) } else { Ok(()) }
    }
}
