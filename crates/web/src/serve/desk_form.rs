//! Serves the form of a warning: proposing on one source and updating one in force, each checked before it is sent.
//! A file of its own because here raw text becomes a warning's content, and nowhere else.

use std::net::IpAddr;

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect};
use domain::marking::{Marking, Tlp};
use domain::record::RecordId;
use domain::release::{Basis, OutsideSource, WARNING_INDICATORS_MAX, WarningContent};
use domain::telemetry::{Indicator, Level, ObservableKind, is_public_address};
use uuid::Uuid;

use super::fault::{Answer, Fault};
use super::form::{Fields, Signed};
use super::names::{choices, supplier_choices, supplier_names};
use super::visitor::Visitor;
use crate::frame::{Place, Problem};
use crate::screen::Choice;
use crate::screen::cases::{Answer as Given, CheckPage};
use crate::screen::desk::DeskFormPage;
use crate::words::Words;

const LEVELS: [&str; 4] = ["critical", "high", "medium", "low"];
const TLPS: [Tlp; 4] = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict];
const NAMES: [&str; 8] = ["title", "summary", "advice", "level", "indicators", "supplier", "source", "tlp"];

/// What the form is for.
#[derive(Clone, Copy, PartialEq)]
enum For {
    New,
    Update(Uuid),
}

impl For {
    fn action(self) -> String {
        match self {
            Self::New => "/desk/new".to_owned(),
            Self::Update(id) => format!("/desk/{id}/update"),
        }
    }

    fn post(self) -> String {
        match self {
            Self::New => "/desk/propose".to_owned(),
            Self::Update(id) => format!("/desk/{id}/update/propose"),
        }
    }

    fn cancel(self) -> String {
        match self {
            Self::New => "/desk".to_owned(),
            Self::Update(id) => format!("/desk/{id}"),
        }
    }
}

/// The empty form.
pub(super) async fn new(visitor: Visitor) -> Answer {
    form_page(&visitor, For::New, &Fields::default(), Vec::new()).await
}

/// The form with the content in force.
pub(super) async fn update(visitor: Visitor, Path(id): Path<Uuid>) -> Answer {
    let content = visitor.console.app.warning(RecordId(id)).await?.row.content;
    let values: Vec<&str> = content.indicators.iter().map(|indicator| indicator.value.as_str()).collect();
    let fields = [
        ("title", content.title.clone()),
        ("summary", content.summary.clone()),
        ("advice", content.advice.clone()),
        ("level", content.level.as_str().to_owned()),
        ("indicators", values.join("\n")),
        ("supplier", content.suppliers.first().cloned().unwrap_or_default()),
    ];
    let fields = Fields(fields.map(|(name, value)| (name.to_owned(), value)).to_vec());
    form_page(&visitor, For::Update(id), &fields, Vec::new()).await
}

async fn form_page(visitor: &Visitor, purpose: For, fields: &Fields, problems: Vec<Problem>) -> Answer {
    let words = visitor.words();
    let app = &visitor.console.app;
    let (title, lead) = match purpose {
        For::New => ("desk-new-title", "desk-new-lead"),
        For::Update(_) => ("desk-update-title", "desk-update-lead"),
    };
    let mut f = visitor.frame(title, Some(Place::Desk)).await?;
    f.problems = problems;
    let level = if fields.get("level").is_empty() { "high" } else { fields.get("level") };
    let tlp = if fields.get("tlp").is_empty() { Tlp::Green.label() } else { fields.get("tlp") };
    let sources: Vec<&str> = OutsideSource::ALL.iter().map(|source| source.as_str()).collect();
    let is_new = purpose == For::New;
    let page = DeskFormPage {
        f,
        lead: words.t(lead),
        action: purpose.action(),
        title: fields.get("title").to_owned(),
        summary: fields.get("summary").to_owned(),
        advice: fields.get("advice").to_owned(),
        levels: choices(&words, "level", &LEVELS, level),
        indicators: fields.get("indicators").to_owned(),
        suppliers: supplier_choices(app, words.t("desk-form-supplier-any"), fields.get("supplier")),
        sources: if is_new { choices(&words, "source", &sources, fields.get("source")) } else { Vec::new() },
        tlps: TLPS.iter().map(|one| Choice::new(one.label(), one.label().to_owned(), one.label() == tlp)).collect(),
        cancel: purpose.cancel(),
    };
    Ok(Html(page.render()?).into_response())
}

/// Checks a new one.
pub(super) async fn check_new(form: Signed) -> Answer {
    check(&form, For::New).await
}

/// Checks an update.
pub(super) async fn check_update(Path(id): Path<Uuid>, form: Signed) -> Answer {
    check(&form, For::Update(id)).await
}

async fn check(form: &Signed, purpose: For) -> Answer {
    let words = form.visitor.words();
    if form.fields.get("step") == "change" {
        return form_page(&form.visitor, purpose, &form.fields, Vec::new()).await;
    }
    let read = match read(&words, &form.fields, purpose) {
        Ok(read) => read,
        Err(problems) => return form_page(&form.visitor, purpose, &form.fields, problems).await,
    };
    let app = &form.visitor.console.app;
    let mut f = form.visitor.frame("desk-check-title", Some(Place::Desk)).await?;
    f.tlp = read.source.map(|_| read.marking.tlp);
    let values: Vec<&str> = read.content.indicators.iter().map(|indicator| indicator.value.as_str()).collect();
    let given = |key: &str, value: String| Given { name: words.t(key), value, change: None };
    let mut answers = vec![
        given("desk-form-title", read.content.title.clone()),
        given("desk-form-summary", read.content.summary.clone()),
        given("desk-form-advice", read.content.advice.clone()),
        given("desk-form-level", words.word("level", read.content.level.as_str())),
        given("desk-form-indicators", if values.is_empty() { words.t("none") } else { values.join(", ") }),
        given(
            "desk-form-supplier",
            match supplier_names(app, &read.content) {
                names if names.is_empty() => words.t("desk-form-supplier-any"),
                names => names,
            },
        ),
    ];
    if let Some(source) = read.source {
        answers.push(given("desk-form-source", words.word("source", source.as_str())));
        answers.push(given("desk-form-tlp", read.marking.tlp.label().to_owned()));
    }
    let page = CheckPage {
        f,
        answers,
        consequence: words.t("desk-check-says"),
        action: purpose.post(),
        fields: NAMES.iter().map(|name| (*name, form.fields.exact(name).to_owned())).collect(),
        button: words.t("desk-propose"),
        edit_action: Some(purpose.action()),
        cancel: purpose.cancel(),
    };
    Ok(Html(page.render()?).into_response())
}

/// Proposes the warning that was checked.
pub(super) async fn propose(form: Signed) -> Answer {
    let words = form.visitor.words();
    let read = match read(&words, &form.fields, For::New) {
        Ok(read) => read,
        Err(problems) => return form_page(&form.visitor, For::New, &form.fields, problems).await,
    };
    let source = read.source.ok_or(Fault::Unreadable)?;
    let (app, session) = (&form.visitor.console.app, &form.visitor.session);
    let id = app.propose_warning(session, read.content, source, read.marking).await?;
    Ok(Redirect::to(&format!("/desk/{id}?done=desk-proposed")).into_response())
}

/// Proposes the update that was checked. What the form does not ask stays as it is in force.
pub(super) async fn propose_update(Path(id): Path<Uuid>, form: Signed) -> Answer {
    let words = form.visitor.words();
    let purpose = For::Update(id);
    let read = match read(&words, &form.fields, purpose) {
        Ok(read) => read,
        Err(problems) => return form_page(&form.visitor, purpose, &form.fields, problems).await,
    };
    let app = &form.visitor.console.app;
    let before = app.warning(RecordId(id)).await?.row.content;
    let same_supplier = before.suppliers.first() == read.content.suppliers.first();
    let content = WarningContent {
        family: before.family,
        products: if same_supplier { before.products } else { Vec::new() },
        suppliers: if same_supplier { before.suppliers } else { read.content.suppliers },
        countries: before.countries,
        rules: before.rules,
        basis: before.basis,
        ..read.content
    };
    app.update_warning(&form.visitor.session, RecordId(id), content).await?;
    Ok(Redirect::to(&format!("/desk/{id}?done=desk-proposed")).into_response())
}

/// A form that can be used.
struct Read {
    content: WarningContent,
    source: Option<OutsideSource>,
    marking: Marking,
}

fn read(words: &Words, fields: &Fields, purpose: For) -> Result<Read, Vec<Problem>> {
    let mut problems = Vec::new();
    for (field, key) in [
        ("title", "desk-form-title-empty"),
        ("summary", "desk-form-summary-empty"),
        ("advice", "desk-form-advice-empty"),
    ] {
        if fields.get(field).is_empty() {
            problems.push(Problem { field: field.to_owned(), says: words.t(key) });
        }
    }
    let indicators = match read_indicators(words, fields.get("indicators")) {
        Ok(indicators) => indicators,
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    };
    let source = OutsideSource::ALL.into_iter().find(|source| source.as_str() == fields.get("source"));
    if purpose == For::New && source.is_none() {
        problems.push(Problem { field: "source".to_owned(), says: words.t("desk-form-source-empty") });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let tlp = TLPS.into_iter().find(|tlp| tlp.label() == fields.get("tlp")).unwrap_or(Tlp::AmberStrict);
    let supplier = fields.get("supplier");
    Ok(Read {
        content: WarningContent {
            title: fields.get("title").to_owned(),
            summary: fields.get("summary").to_owned(),
            advice: fields.get("advice").to_owned(),
            level: fields.get("level").parse().unwrap_or(Level::High),
            family: String::new(),
            suppliers: if supplier.is_empty() { Vec::new() } else { vec![supplier.to_owned()] },
            products: Vec::new(),
            countries: Vec::new(),
            indicators,
            rules: Vec::new(),
            basis: Basis::OneSource { source: source.unwrap_or(OutsideSource::Mail) },
        },
        source,
        marking: Marking { tlp, ..Marking::COMMUNITY },
    })
}

fn read_indicators(words: &Words, text: &str) -> Result<Vec<Indicator>, Problem> {
    let wrong = |says: String| Problem { field: "indicators".to_owned(), says };
    let mut indicators = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let Some((kind, value)) = read_value(line.trim()) else {
            return Err(wrong(words.with("desk-form-indicators-wrong", "number", &(index + 1).to_string())));
        };
        indicators.push(Indicator { kind, value, origin: "desk".to_owned() });
    }
    if indicators.len() > WARNING_INDICATORS_MAX {
        let limit = words.number(&(WARNING_INDICATORS_MAX as u64));
        return Err(wrong(words.with("desk-form-indicators-many", "number", &limit)));
    }
    Ok(indicators)
}

/// One value as people paste it: also with `[.]` and `hxxp`, as mails and reports write what must not be clicked.
fn read_value(text: &str) -> Option<(ObservableKind, String)> {
    let text = text.replace("[.]", ".").replace("hxxp", "http");
    let lower = text.to_lowercase();
    let address = |text: &str| text.parse::<IpAddr>().ok().filter(|address| is_public_address(*address));
    let (head, tail) = lower.split_once('/').map_or((lower.as_str(), None), |(head, tail)| (head, Some(tail)));
    if let Some(found) = address(head) {
        let bits_max = if found.is_ipv4() { 32 } else { 128 };
        if tail.is_some_and(|bits| bits.parse::<u8>().map_or(true, |bits| bits < 8 || bits > bits_max)) {
            return None;
        }
        let kind = if found.is_ipv4() { ObservableKind::Ipv4Addr } else { ObservableKind::Ipv6Addr };
        return Some((kind, lower));
    }
    if head.parse::<IpAddr>().is_ok() || lower.contains(char::is_whitespace) {
        return None;
    }
    if lower.starts_with("http://") || lower.starts_with("https://") || lower.starts_with("ftp://") {
        return Some((ObservableKind::Url, text));
    }
    if matches!(lower.len(), 32 | 40 | 64) && lower.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some((ObservableKind::FileHash, lower));
    }
    if let Some((name, domain)) = lower.split_once('@') {
        return (!name.is_empty() && is_domain(domain)).then(|| (ObservableKind::EmailAddr, lower.clone()));
    }
    let domain = lower.trim_end_matches('.');
    is_domain(domain).then(|| (ObservableKind::DomainName, domain.to_owned()))
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-' || letter == '_')
    };
    text.contains('.') && text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_paste_them() {
        let check = |text: &str, read: Option<(ObservableKind, &str)>| {
            assert_eq!(read_value(text), read.map(|(kind, value)| (kind, value.to_owned())), "{text}");
        };
        check("185.220.101[.]44", Some((ObservableKind::Ipv4Addr, "185.220.101.44")));
        check("185.220.101.0/24", Some((ObservableKind::Ipv4Addr, "185.220.101.0/24")));
        check("185.220.101.0/4", None);
        check("10.0.0.1", None);
        check("2a00:1450::1", Some((ObservableKind::Ipv6Addr, "2a00:1450::1")));
        check("hxxps://Evil[.]example/A", Some((ObservableKind::Url, "https://Evil.example/A")));
        check("Evil.Example.", Some((ObservableKind::DomainName, "evil.example")));
        check("d41d8cd98f00b204e9800998ecf8427e", Some((ObservableKind::FileHash, "d41d8cd98f00b204e9800998ecf8427e")));
        check("bad@evil.example", Some((ObservableKind::EmailAddr, "bad@evil.example")));
        check("two words", None);
        check("localhost", None);
        check("-a.example", None);
    }
}
