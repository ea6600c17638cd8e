//! Sources as people see them: who sends what, what the rules would need, and tokens for HTTP senders.

use std::collections::BTreeMap;

use domain::party::Role;
use store::{Source, SourceEdit};

use crate::accounts::{hash_token, secret};
use crate::{App, Error, Result, Session};

/// The longest a source's name may be, in characters.
const NAME_CHARS_MAX: usize = 120;

/// What the rules need, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// One row a kind of log that rules need.
    pub rows: Vec<CoverageRow>,
}

/// One kind of log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// Its Sigma logsource, e.g. `windows/sysmon`.
    pub logsource: String,
    /// How many rules of the engine need it.
    pub rules: u64,
    /// The sources that send a format which can carry it.
    pub sources: Vec<String>,
}

impl App {
    /// The sources, by number.
    pub async fn sources(&self) -> Result<Vec<Source>> {
        Ok(self.store.sources().await?)
    }

    /// Names a source, sets the zone of its times that carry none, and which supplier it belongs to.
    pub async fn set_source(&self, session: &Session, number: u32, edit: SourceEdit) -> Result<()> {
        session.needs(Role::Admin)?;
        crate::cases::checked(&edit.name, NAME_CHARS_MAX, "input-name")?;
        if edit.zone.as_ref().is_some_and(|zone| jiff::tz::TimeZone::get(zone).is_err()) {
            return Err(Error::Input { code: "input-zone" });
        }
        let audit = self.audit_line(session.actor(), "source-set", &number.to_string(), "");
        self.store.set_source(number, edit, audit).await?;
        self.changed();
        Ok(())
    }

    /// Makes a token for an HTTP sender; it is shown once and kept as a hash.
    pub async fn new_source_token(&self, by: domain::party::Actor, name: &str) -> Result<String> {
        if let domain::party::Actor::Person { role, .. } = &by
            && *role < Role::Admin
        {
            return Err(Error::Forbidden { needs: Role::Admin });
        }
        let name = crate::cases::checked(name, NAME_CHARS_MAX, "input-name")?;
        let token = secret()?;
        let audit = self.audit_line(by, "source-token-made", name, "");
        self.store.add_source_token(name, &hash_token(&token), audit).await?;
        self.changed();
        Ok(token)
    }

    /// Which kinds of log the engine's rules need, and which sources send a format that can carry them.
    pub async fn coverage(&self) -> Result<Coverage> {
        let engine = self.engine.engine();
        let sources = self.store.sources().await?;
        let mut rows: BTreeMap<String, CoverageRow> = BTreeMap::new();
        for rule in engine.rules() {
            let row = rows.entry(rule.logsource.to_string()).or_insert_with_key(|logsource| CoverageRow {
                logsource: logsource.clone(),
                rules: 0,
                sources: sources
                    .iter()
                    .filter(|source| engine.mappings().shape_sees(&source.format, &rule.logsource))
                    .map(|source| source.name.clone())
                    .collect(),
            });
            row.rules += 1;
        }
        Ok(Coverage { rows: rows.into_values().collect() })
    }
}
