//! Data protection by default: rules that observe staff stay off until the organisation has stated who is responsible,
//! who agreed and who assessed it; then an administrator may switch them on, and off at any time.
//! A file of its own because this is the one switch of the engine that depends on people and not on rules.
//! Source: GDPR Art. 25(2) (protection by default), Art. 30(1), Art. 35(7), Art. 88.

use domain::party::Role;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::engine::Observing;
use crate::{App, Error, Result, Session};

/// The setting under which the statements are kept.
pub(crate) const SETTING: &str = "data-protection";
/// The longest statement, in characters.
const STATEMENT_CHARS_MAX: usize = 500;

/// What the organisation states.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statements {
    /// The controller: name and address (GDPR Art. 4(7)).
    pub controller: String,
    /// The data protection officer and how to reach them (GDPR Art. 37).
    pub officer: String,
    /// The law or agreement that observing staff rests on (GDPR Art. 6, 88).
    pub legal_basis: String,
    /// The staff's representation that agreed.
    pub representation: String,
    /// When it agreed.
    pub agreed_on: Option<Date>,
    /// Who decided the impact assessment (GDPR Art. 35).
    pub assessed_by: String,
    /// When.
    pub assessed_on: Option<Date>,
}

impl Statements {
    /// The names of what is still missing, in the order of the form.
    pub fn missing(&self) -> Vec<&'static str> {
        let text = |name, value: &String| value.is_empty().then_some(name);
        let date = |name, value: Option<Date>| value.is_none().then_some(name);
        [
            text("controller", &self.controller),
            text("officer", &self.officer),
            text("legal-basis", &self.legal_basis),
            text("representation", &self.representation),
            date("agreed-on", self.agreed_on),
            text("assessed-by", &self.assessed_by),
            date("assessed-on", self.assessed_on),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What is kept under [`SETTING`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    statements: Statements,
    pub(crate) observing: Observing,
}

/// One rule that observes staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRule {
    /// Its title.
    pub title: String,
    /// What it looks at, in words.
    pub description: String,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataProtection {
    /// What was stated.
    pub statements: Statements,
    /// Whether the rules run.
    pub observing: Observing,
    /// The rules.
    pub rules: Vec<StaffRule>,
}

impl App {
    /// What was stated, and whether rules observe staff.
    pub async fn data_protection(&self) -> Result<DataProtection> {
        let kept = self.kept_statements().await?;
        let rule = |meta: &detect::engine::RuleMeta| StaffRule {
            title: meta.title.clone(),
            description: meta.description.clone().unwrap_or_default(),
        };
        let rules = self.engine.staff_rules().iter().map(rule).collect();
        Ok(DataProtection { statements: kept.statements, observing: kept.observing, rules })
    }

    async fn kept_statements(&self) -> Result<Kept> {
        match self.store.setting(SETTING).await? {
            Some(json) => Ok(serde_json::from_str(&json)?),
            None => Ok(Kept::default()),
        }
    }

    /// Keeps what an administrator states. Where something is missing then, rules that observe staff are switched off.
    pub async fn set_statements(&self, session: &Session, statements: Statements) -> Result<()> {
        session.needs(Role::Admin)?;
        let texts = [
            &statements.controller,
            &statements.officer,
            &statements.legal_basis,
            &statements.representation,
            &statements.assessed_by,
        ];
        if texts.iter().any(|text| text.chars().count() > STATEMENT_CHARS_MAX) {
            return Err(Error::Input { code: "input-text" });
        }
        let observing = match statements.missing().is_empty() {
            true => self.kept_statements().await?.observing,
            false => Observing::Nobody,
        };
        self.keep_statements(session, Kept { statements, observing }, "data-protection-stated").await
    }

    /// Switches rules that observe staff on or off. Errors: something is not stated yet.
    pub async fn set_observing(&self, session: &Session, observing: Observing) -> Result<()> {
        session.needs(Role::Admin)?;
        let kept = self.kept_statements().await?;
        if observing == Observing::Staff && !kept.statements.missing().is_empty() {
            return Err(Error::Input { code: "input-statements" });
        }
        let verb = match observing {
            Observing::Staff => "staff-rules-on",
            Observing::Nobody => "staff-rules-off",
        };
        self.keep_statements(session, Kept { observing, ..kept }, verb).await
    }

    async fn keep_statements(&self, session: &Session, kept: Kept, verb: &str) -> Result<()> {
        let audit = self.audit_line(session.actor(), verb, SETTING, "");
        self.store.set_setting(SETTING, &serde_json::to_string(&kept)?, audit).await?;
        let engine = std::sync::Arc::clone(&self.engine);
        tokio::task::spawn_blocking(move || engine.observe(kept.observing)).await?;
        self.count_rebuild();
        self.changed();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_in_the_order_of_the_form() {
        let mut statements = Statements { controller: "Klinik".into(), ..Statements::default() };
        assert_eq!(statements.missing().first(), Some(&"officer"));
        assert_eq!(statements.missing().len(), 6);
        statements = Statements {
            officer: "x".into(),
            legal_basis: "x".into(),
            representation: "x".into(),
            agreed_on: Some(Date::constant(2026, 11, 1)),
            assessed_by: "x".into(),
            assessed_on: Some(Date::constant(2026, 11, 2)),
            ..statements
        };
        assert!(statements.missing().is_empty());
    }
}
