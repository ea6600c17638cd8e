//! The one door of records: load the set a command touches, decide, apply, and save states, facts, duties, facets,
//! documents and what must be sent in one transaction. A file of its own because no kind is named here.

use std::collections::BTreeMap;

use domain::party::Actor;
use domain::record::warning::{Outgoing, Says};
use domain::record::{self, Command, Context, Document, DocumentRef, Fact, RecordId, Records, Refusal, State};
use domain::release::{RELEASE_FORMAT, Release, ReleaseBody};
use store::{Commit, Lane, NewOutboxItem, NewPublication, Policy, RecordWrite, StoredRecord};
use uuid::Uuid;

use crate::{App, Error, Result, egress, keys, observe};

/// How often a command is decided anew when somebody else was faster.
const CONFLICT_RETRIES_MAX: usize = 8;

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The first record it changed.
    pub id: RecordId,
    /// That record's version now.
    pub version: u64,
}

/// What goes into the same transaction besides the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// Keys under which the hub finds the record again.
    pub cluster_keys: Vec<(String, RecordId)>,
    /// Alerts that become part of a case.
    pub link_alerts: Vec<(Uuid, RecordId)>,
}

impl App {
    /// Executes one command. Not visible is not found; a refusal leaves everything as it was; a version conflict is
    /// decided anew a few times before it is an error.
    pub async fn execute(&self, command: Command, actor: Actor) -> Result<Executed> {
        self.execute_with(command, actor, Beside::default()).await
    }

    pub(crate) async fn execute_with(&self, command: Command, actor: Actor, beside: Beside) -> Result<Executed> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            match self.try_execute(&command, &actor, &beside).await {
                Err(Error::Store(store::Error::Conflict { .. })) => {}
                other => return other,
            }
        }
        Err(Error::Conflict)
    }

    async fn try_execute(&self, command: &Command, actor: &Actor, beside: &Beside) -> Result<Executed> {
        let touched = command.touches();
        let stored = self.store.load(&touched).await?;
        let context = Context { now: self.now(), actor: actor.clone() };
        let records: Records = stored.iter().map(|record| (record.id, record.state.clone())).collect();
        let facts = record::decide(&records, command, &context)?;
        let Some(&id) = touched.first() else { return Err(Refusal::NotFound.into()) };
        if facts.is_empty() {
            let version = stored.iter().find(|record| record.id == id).map_or(0, |record| record.version);
            return Ok(Executed { id, version });
        }
        let fresh: BTreeMap<Uuid, &Document> =
            command.documents().into_iter().map(|document| (document.id, document)).collect();
        let (writes, told) = apply_all(&stored, facts, &fresh);
        let mut publish = Vec::new();
        let mut outbox = Vec::new();
        for (id, state, told) in told {
            let (publication, item) = self.release(id, &state, told, &fresh).await?;
            outbox.extend(item);
            publish.push(publication);
        }
        let sent: Vec<_> = publish.iter().map(|one| (one.cluster, one.id, one.version)).collect();
        let version = writes.first().map_or(0, |write| write.expected_version + write.facts.len() as u64);
        let committed = self
            .store
            .commit(Commit {
                at: context.now,
                records: writes,
                outbox,
                publish,
                audit: Vec::new(),
                cluster_keys: beside.cluster_keys.clone(),
                link_alerts: beside.link_alerts.clone(),
            })
            .await?;
        if let Some(&head) = committed.positions.last() {
            self.published.send_modify(|known| *known = head.max(*known));
        }
        for (cluster, release, version) in sent {
            self.tell(observe::What::Sent { cluster, release, version });
        }
        self.wake_outbox();
        self.changed();
        Ok(Executed { id, version })
    }

    /// Makes and signs the release that a fact causes: one for the members below, and the same for the hub above where
    /// its marking lets it cross.
    async fn release(
        &self,
        id: RecordId,
        state: &State,
        told: Outgoing,
        fresh: &BTreeMap<Uuid, &Document>,
    ) -> Result<(NewPublication, Option<NewOutboxItem>)> {
        let body = match &told.says {
            Says::Content(reference) => {
                let text = self.document_text(reference, fresh).await?;
                ReleaseBody::Warning(serde_json::from_str(&text)?)
            }
            Says::Withdrawal(reason) => ReleaseBody::Withdrawal { reason: *reason },
        };
        let issued_at = self.now();
        let cluster = state.cluster().unwrap_or(id.0);
        let release = Release {
            format: RELEASE_FORMAT,
            id: id.0,
            version: told.version,
            cluster,
            issuer: self.node(),
            issuer_name: self.config.name.clone(),
            issued_at,
            marking: state.marking(),
            drill: state.drill(),
            body,
        };
        let signed = self.keys.sign_release(&release)?;
        let up = (egress::may_cross(release.marking) && self.hub_key().is_some())
            .then(|| {
                Ok::<_, serde_json::Error>(NewOutboxItem {
                    lane: Lane::Release,
                    kind: "release".to_owned(),
                    key: id.0,
                    version: u64::from(told.version),
                    body: serde_json::to_vec(&crate::link::WireRelease::from(signed.clone()))?,
                    policy: Policy::Send,
                })
            })
            .transpose()?;
        let publication =
            NewPublication { release: signed, id: id.0, version: told.version, cluster, issued_at, skip: None };
        Ok((publication, up))
    }

    async fn document_text(&self, reference: &DocumentRef, fresh: &BTreeMap<Uuid, &Document>) -> Result<String> {
        if let Some(document) = fresh.get(&reference.id) {
            return Ok(document.text.clone());
        }
        let mut found = self.store.documents(&[reference.id]).await?;
        found.pop().map(|document| document.text).ok_or(Error::NotFound)
    }

    /// A document with a fresh id and salt.
    pub fn document(&self, text: &str) -> Result<Document> {
        Ok(Document { id: self.new_id()?, salt: keys::random()?, text: text.to_owned() })
    }

    /// A fresh record id.
    pub fn new_record_id(&self) -> Result<RecordId> {
        self.new_id().map(RecordId)
    }

    /// A UUIDv7 of the node's clock: sorts by time.
    pub(crate) fn new_id(&self) -> Result<Uuid> {
        let random: [u8; 10] = keys::random()?;
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

type Told = Vec<(RecordId, State, Outgoing)>;

/// Applies facts to the loaded states: one write a record, and what each fact tells others.
fn apply_all(
    stored: &[StoredRecord],
    facts: Vec<(RecordId, Fact)>,
    fresh: &BTreeMap<Uuid, &Document>,
) -> (Vec<RecordWrite>, Told) {
    let mut told = Vec::new();
    let mut writes: BTreeMap<RecordId, (u64, Vec<Fact>, Option<State>)> =
        stored.iter().map(|record| (record.id, (record.version, Vec::new(), Some(record.state.clone())))).collect();
    for (id, fact) in facts {
        let (_, written, state) = writes.entry(id).or_insert_with(|| (0, Vec::new(), None));
        *state = record::apply(state.take(), &fact);
        if let Some(state) = &*state {
            told.extend(state.outgoing(&fact).map(|outgoing| (id, state.clone(), outgoing)));
        }
        written.push(fact);
    }
    let mut documents: Vec<Document> = fresh.values().map(|document| (*document).clone()).collect();
    let writes = writes
        .into_iter()
        .filter(|(_, (_, facts, _))| !facts.is_empty())
        .filter_map(|(id, (expected_version, facts, state))| {
            // a command's documents belong to the first record it writes
            let documents = std::mem::take(&mut documents);
            Some(RecordWrite { id, expected_version, facts, state: state?, documents })
        })
        .collect();
    (writes, told)
}
