//! Verifying the journal: every chain is computed again, every state folded again, every document hashed again.
//! A file of its own because it trusts nothing that the rest of the crate wrote.

use std::collections::BTreeSet;

use domain::record::{Fact, RecordId, State, apply, chain_hash};
use uuid::Uuid;

use crate::column::from_json;
use crate::db::{Row, Tx, bind};
use crate::{Error, Store, records};

/// Records read at a time.
const PAGE: u32 = 200;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalReport {
    /// Records looked at.
    pub records: u64,
    /// Facts looked at.
    pub facts: u64,
    /// What is wrong.
    pub broken: Vec<Broken>,
}

/// One thing that is wrong in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// In which record.
    pub record: RecordId,
    /// At which fact; 0 where it is the state or a document.
    pub seq: u64,
    /// What is wrong.
    pub why: String,
}

impl Store {
    /// Verifies every journal. `progress` is told how many records of how many are done.
    pub async fn verify_journal(&self, progress: &mut (dyn FnMut(u64, u64) + Send)) -> Result<JournalReport, Error> {
        let mut tx = self.db.snapshot().await?;
        let total = tx.row("SELECT COUNT(*) AS total FROM record", Vec::new()).await?;
        let total = total.map_or(Ok(0), |row| row.count("total"))?;
        let mut report = JournalReport::default();
        let mut after = Uuid::nil();
        loop {
            let sql = "SELECT id, version, state, head_hash FROM record WHERE id > $1 ORDER BY id LIMIT $2";
            let rows = tx.rows(sql, bind![after, PAGE]).await?;
            let Some(last) = rows.last() else { break };
            after = last.get("id")?;
            for row in &rows {
                verify_record(&mut tx, row, &mut report).await?;
                report.records += 1;
                progress(report.records, total);
            }
        }
        Ok(report)
    }
}

/// What the walk along one journal has found so far.
#[derive(Default)]
struct Walk {
    facts: u64,
    seq: u64,
    head: Option<String>,
    state: Option<State>,
    document_hashes: BTreeSet<String>,
}

async fn verify_record(tx: &mut Tx, row: &Row, report: &mut JournalReport) -> Result<(), Error> {
    let record = RecordId(row.get("id")?);
    let mut broken = |seq: u64, why: String| report.broken.push(Broken { record, seq, why });
    let facts = tx
        .rows("SELECT seq, body, hash, previous_hash FROM fact WHERE record = $1 ORDER BY seq", bind![record])
        .await?;
    let mut walk = Walk::default();
    for fact in &facts {
        if let Err(why) = walk.step(fact)? {
            broken(walk.seq, why);
        }
    }
    if walk.facts != row.count("version")? {
        broken(0, format!("the record counts {} facts, its journal {}", row.count("version")?, walk.facts));
    }
    if walk.head != Some(row.get("head_hash")?) {
        broken(0, "the record's head is not its newest fact".to_owned());
    }
    let state = row.get::<String>("state")?;
    if from_json::<State>(&state, "state").ok() != walk.state {
        broken(0, "the state is not what the facts add up to".to_owned());
    }
    let sql = "SELECT id, salt, body FROM document WHERE record = $1 AND erased_at IS NULL ORDER BY id";
    for document in tx.rows(sql, bind![record]).await? {
        let document = records::document(&document)?;
        if !walk.document_hashes.contains(&document.reference().hash) {
            broken(0, format!("no fact names document {} with this text", document.id));
        }
    }
    report.facts += walk.facts;
    Ok(())
}

impl Walk {
    /// Takes the next fact; the inner error says what is wrong with it.
    fn step(&mut self, row: &Row) -> Result<Result<(), String>, Error> {
        let (body, hash): (String, String) = (row.get("body")?, row.get("hash")?);
        let previous: Option<String> = row.get("previous_hash")?;
        let seq = row.count("seq")?;
        let in_order = seq == self.seq + 1;
        self.seq = seq;
        self.facts += 1;
        let linked = previous == self.head;
        let expected = chain_hash(self.head.as_deref(), body.as_bytes());
        self.head = Some(hash.clone());
        let fact = from_json::<Fact>(&body, "fact");
        if let Ok(fact) = &fact {
            self.state = apply(self.state.take(), fact);
        }
        if let Ok(value) = serde_json::from_str(&body) {
            collect_hashes(&value, &mut self.document_hashes);
        }
        Ok(match () {
            () if !in_order => Err("a fact is missing before it".to_owned()),
            () if !linked => Err("it does not name the fact before it".to_owned()),
            () if expected != hash => Err("its bytes do not give its hash".to_owned()),
            () => fact.map(drop).map_err(|error| error.to_string()),
        })
    }
}

/// Every document hash that a fact names: the `hash` of each object that has exactly `id` and `hash`.
fn collect_hashes(value: &serde_json::Value, hashes: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(object) => {
            if let (2, true, Some(hash)) = (object.len(), object.contains_key("id"), object.get("hash")) {
                hashes.extend(hash.as_str().map(str::to_owned));
            }
            object.values().for_each(|value| collect_hashes(value, hashes));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect_hashes(value, hashes)),
        _ => {}
    }
}
