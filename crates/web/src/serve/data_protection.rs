//! Serves *Data protection*: the statements, the switch of rules that observe staff, and four documents filled in from
//! the running node. A file of its own because everything else behind the account's name is about accounts.

use app::{DataProtection, LinkState, Observing, Outgoing, Statements};
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use domain::party::Role;
use jiff::civil::Date;

use super::fault::{Answer, Fault};
use super::form::{Fields, Signed};
use super::visitor::Visitor;
use crate::frame::Problem;
use crate::screen::data_protection::{DataProtectionPage, DocumentPage, DocumentRow, Section, StatementField};
use crate::words::Words;

/// The documents, in the order of the page.
const DOCUMENTS: [&str; 4] = ["record", "assessment", "retention", "agreement"];

/// The page.
pub(super) async fn page(visitor: Visitor) -> Answer {
    let kept = visitor.console.app.data_protection().await?;
    shown(&visitor, kept, Vec::new(), None).await
}

async fn shown(visitor: &Visitor, kept: DataProtection, problems: Vec<Problem>, typed: Option<&Fields>) -> Answer {
    visitor.session.needs(Role::Admin)?;
    let words = visitor.words();
    let mut f = visitor.frame("dp-title", None).await?;
    f.problems = problems;
    let missing: Vec<String> = kept.statements.missing().into_iter().map(|name| words.word("dp-name", name)).collect();
    let hint = |key: String| if words.has(&key) { words.t(&key) } else { String::new() };
    let field = |(name, value): (&'static str, String)| StatementField {
        label: words.word("dp", name),
        hint: if name.contains("-on") { words.t("dp-date-hint") } else { hint(format!("dp-{name}-hint")) },
        value: typed.map_or(value, |typed| typed.get(name).to_owned()),
        name,
    };
    let document = |id: &'static str| DocumentRow {
        id,
        name: words.word("dp-doc", id),
        hint: words.t(&format!("dp-doc-{id}-hint")),
    };
    let page = DataProtectionPage {
        f,
        on: kept.observing == Observing::Staff,
        missing: match missing.is_empty() {
            true => String::new(),
            false => words.with("dp-missing", "what", &missing.join(", ")),
        },
        rules: kept.rules.into_iter().map(|rule| (rule.title, rule.description)).collect(),
        fields: fields_of(&kept.statements).map(field).to_vec(),
        documents: DOCUMENTS.map(document).to_vec(),
    };
    Ok(Html(page.render()?).into_response())
}

fn fields_of(statements: &Statements) -> [(&'static str, String); 7] {
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    [
        ("controller", statements.controller.clone()),
        ("officer", statements.officer.clone()),
        ("legal-basis", statements.legal_basis.clone()),
        ("representation", statements.representation.clone()),
        ("agreed-on", date(statements.agreed_on)),
        ("assessed-by", statements.assessed_by.clone()),
        ("assessed-on", date(statements.assessed_on)),
    ]
}

/// Keeps the statements.
pub(super) async fn save(form: Signed) -> Answer {
    let words = form.visitor.words();
    let mut problems = Vec::new();
    let mut date = |name: &'static str| -> Option<Date> {
        let text = form.fields.get(name);
        let read = text.parse().ok();
        if read.is_none() && !text.is_empty() {
            problems.push(Problem { field: name.to_owned(), says: words.t("dp-date-wrong") });
        }
        read
    };
    let (agreed_on, assessed_on) = (date("agreed-on"), date("assessed-on"));
    let said = |name: &str| form.fields.get(name).to_owned();
    let statements = Statements {
        controller: said("controller"),
        officer: said("officer"),
        legal_basis: said("legal-basis"),
        representation: said("representation"),
        agreed_on,
        assessed_by: said("assessed-by"),
        assessed_on,
    };
    let app = &form.visitor.console.app;
    if !problems.is_empty() {
        let kept = app.data_protection().await?;
        return shown(&form.visitor, kept, problems, Some(&form.fields)).await;
    }
    app.set_statements(&form.visitor.session, statements).await?;
    Ok(Redirect::to("/account/data-protection?done=dp-saved").into_response())
}

/// Lets rules observe staff.
pub(super) async fn switch_on(form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.set_observing(&form.visitor.session, Observing::Staff).await?;
    Ok(Redirect::to("/account/data-protection?done=dp-on"))
}

/// Stops them.
pub(super) async fn switch_off(form: Signed) -> Result<Redirect, Fault> {
    form.visitor.console.app.set_observing(&form.visitor.session, Observing::Nobody).await?;
    Ok(Redirect::to("/account/data-protection?done=dp-off"))
}

/// One document to print.
pub(super) async fn document(visitor: Visitor, Path(id): Path<String>) -> Answer {
    visitor.session.needs(Role::Admin)?;
    let id = DOCUMENTS.into_iter().find(|known| *known == id).ok_or(Fault::NotFound)?;
    let words = visitor.words();
    let facts = Facts::of(&visitor).await?;
    let mut f = visitor.frame("dp-title", None).await?;
    f.name = words.word("dp-doc", id);
    let moment = words.near_moment(&visitor.console.app.now());
    let page = DocumentPage {
        f,
        draft: words.with_all("dp-draft", &[("node", visitor.console.app.name()), ("moment", &moment)]),
        sections: match id {
            "record" => facts.record(),
            "assessment" => facts.assessment(),
            "retention" => facts.retention(),
            _ => facts.agreement(),
        },
    };
    Ok(Html(page.render()?).into_response())
}

/// What the documents are filled in with.
struct Facts {
    words: Words,
    kept: DataProtection,
    node: String,
    country: String,
    hub: Option<String>,
    outgoing: Outgoing,
    storage: app::Kept,
    sources: Vec<(String, String)>,
    accounts: [usize; 4],
}

impl Facts {
    async fn of(visitor: &Visitor) -> Result<Self, Fault> {
        let app = &visitor.console.app;
        let words = visitor.words();
        let accounts = app.accounts(&visitor.session).await?;
        let count = |role: Role| accounts.iter().filter(|account| account.role == role && !account.disabled).count();
        let source = |source: app::Source| {
            let parts = [
                ("carrier", source.carrier.as_str()),
                ("format", source.format.as_str()),
                ("events", &words.number(&source.stored)),
            ];
            (source.name.clone(), words.with_all("dp-source", &parts))
        };
        Ok(Self {
            sources: app.sources().await?.into_iter().map(source).collect(),
            accounts: [Role::Viewer, Role::Operator, Role::Approver, Role::Admin].map(count),
            kept: app.data_protection().await?,
            node: app.name().to_owned(),
            country: words.t(&format!("country-{}", app.country().to_ascii_lowercase())),
            hub: match app.link_state() {
                LinkState::Alone => None,
                LinkState::Connected { peer, .. } | LinkState::Disconnected { peer, .. } => Some(peer),
            },
            outgoing: app.sharing_policy().await?,
            storage: app.config().kept,
            words,
        })
    }

    fn section(&self, key: &str, paragraphs: Vec<String>) -> Section {
        Section { title: self.words.t(key), paragraphs, rows: Vec::new() }
    }

    fn text(&self, heading: &str, body: &str) -> Section {
        self.section(heading, vec![self.words.t(body)])
    }

    fn stated(&self, text: &str) -> String {
        if text.is_empty() { self.words.t("dp-unstated") } else { text.to_owned() }
    }

    fn head(&self) -> Vec<Section> {
        let system = [("node", self.node.as_str()), ("country", self.country.as_str())];
        vec![
            self.section("dp-h-controller", vec![self.stated(&self.kept.statements.controller)]),
            self.section("dp-h-officer", vec![self.stated(&self.kept.statements.officer)]),
            self.section("dp-h-system", vec![self.words.with_all("dp-system", &system)]),
            self.text("dp-h-purpose", "dp-purpose"),
        ]
    }

    fn sources(&self) -> Section {
        let none = self.sources.is_empty().then(|| self.words.t("dp-source-none"));
        Section { rows: self.sources.clone(), ..self.section("dp-h-sources", none.into_iter().collect()) }
    }

    fn recipients(&self) -> Section {
        let Some(hub) = &self.hub else { return self.text("dp-h-recipients", "dp-recipients-none") };
        let policy = match self.outgoing {
            Outgoing::Send => "dp-sightings-send",
            Outgoing::Hold => "dp-sightings-hold",
        };
        self.section("dp-h-recipients", vec![self.words.with("dp-recipients", "hub", hub), self.words.t(policy)])
    }

    fn times(&self) -> Section {
        let days = |days: u64| self.words.number(&days);
        let size = format!("{} GiB", self.words.number(&(self.storage.events_bytes >> 30)));
        let events = [("days", days(self.storage.events_days)), ("size", size)];
        let events: Vec<(&str, &str)> = events.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let lines = vec![
            self.words.with_all("dp-kept-events", &events),
            self.words.with("dp-kept-alerts", "days", &days(self.storage.alerts_days)),
            self.words.t("dp-kept-cases"),
            self.words.t("dp-kept-audit"),
        ];
        self.section("dp-h-kept", lines)
    }

    fn measures(&self) -> Section {
        let counts = self.accounts.map(|count| self.words.number(&(count as u64)));
        let names = ["viewers", "operators", "approvers", "admins"];
        let counts: Vec<(&str, &str)> = names.into_iter().zip(counts.iter().map(String::as_str)).collect();
        let store = self.words.with("dp-measures-local", "store", &self.words.t("dp-store-local"));
        let lines = vec![
            self.words.with_all("dp-measures-access", &counts),
            self.words.t("dp-measures-link"),
            self.words.t("dp-measures-minimum"),
            store,
        ];
        self.section("dp-h-measures", lines)
    }

    fn record(&self) -> Vec<Section> {
        let mut sections = self.head();
        sections.extend([
            self.text("dp-h-basis", "dp-basis"),
            self.text("dp-h-people", "dp-people"),
            self.text("dp-h-data", "dp-data"),
            self.sources(),
            self.recipients(),
            self.text("dp-h-third", "dp-third"),
            self.times(),
            self.measures(),
        ]);
        sections
    }

    fn assessment(&self) -> Vec<Section> {
        let risk =
            |name: &str| (self.words.t(&format!("dp-risk-{name}")), self.words.t(&format!("dp-risk-{name}-done")));
        let risks = ["control", "suspicion", "leak", "breach", "long"].map(risk).to_vec();
        let statements = &self.kept.statements;
        let decision = match statements.assessed_on {
            Some(date) => self.words.with_all(
                "dp-decision",
                &[("who", &self.stated(&statements.assessed_by)), ("date", &date.to_string())],
            ),
            None => self.words.t("dp-decision-open"),
        };
        let mut sections = self.head();
        sections.extend([
            self.text("dp-h-describe", "dp-describe"),
            self.text("dp-h-people", "dp-people"),
            self.text("dp-h-data", "dp-data"),
            self.sources(),
            self.recipients(),
            self.times(),
            self.text("dp-h-need", "dp-need"),
            Section { rows: risks, ..self.section("dp-h-risks", Vec::new()) },
            self.measures(),
            self.section("dp-h-opinion", Vec::new()),
            self.section("dp-h-decision", vec![decision]),
        ]);
        sections
    }

    fn retention(&self) -> Vec<Section> {
        let mut sections = self.head();
        sections.extend([self.times(), self.sources()]);
        sections
    }

    fn agreement(&self) -> Vec<Section> {
        let statements = &self.kept.statements;
        let parties = [
            ("controller", self.stated(&statements.controller)),
            ("representation", self.stated(&statements.representation)),
        ];
        let parties: Vec<(&str, &str)> = parties.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let observes = if self.kept.rules.is_empty() { "dp-observes-none" } else { "dp-observes" };
        let rules = self.kept.rules.iter().map(|rule| (rule.title.clone(), rule.description.clone())).collect();
        vec![
            self.section("dp-h-parties", vec![self.words.with_all("dp-parties", &parties)]),
            self.section("dp-h-rests", vec![self.stated(&statements.legal_basis)]),
            self.text("dp-h-limits", "dp-limits"),
            Section { rows: rules, ..self.text("dp-h-observes", observes) },
            self.text("dp-h-finding", "dp-finding"),
            self.times(),
            self.recipients(),
            self.text("dp-h-insight", "dp-insight"),
            self.text("dp-h-change", "dp-change"),
            self.text("dp-h-signed", "dp-signed"),
        ]
    }
}
