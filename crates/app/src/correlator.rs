//! The correlator of a hub: judges each new sighting against those that share something, and proposes.
//! Idempotent: a proposal's id comes from its cluster, so judging again after a kill proposes nothing twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::cluster::{self, Cluster, Judgement, Key, Seen};
use domain::marking::Marking;
use domain::party::Actor;
use domain::record::warning::{self, Stage, Warning};
use domain::record::{Command, Kind, RecordId, Refusal, State};
use domain::release::{Basis, ReleaseBody, Shared, WarningContent};
use domain::telemetry::Indicator;
use jiff::SignedDuration;
use store::RecordQuery;
use tokio::sync::watch;
use uuid::Uuid;

use crate::execute::Beside;
use crate::scanner::derived_id;
use crate::{App, Approval, Error, Result, desk, observe, received};

/// Sightings judged before the cursor is saved.
const JUDGED_AT_ONCE_MAX: u32 = 500;
/// Sightings that share one key with the new one and are looked at, newest first.
const RELATED_MAX: u32 = 500;
/// Releases looked at, newest first, when a new cluster may be one more side of an attack that was warned of.
const LATE_MAX: u32 = 100;
/// Warnings looked at when the correlator begins.
const RESUMED_MAX: u32 = 1_000;
/// How long the correlator rests when nothing wakes it.
const IDLE: Duration = Duration::from_secs(1);
/// The name under which the correlator proposes.
const PROPOSER: &str = "correlator";

impl App {
    /// Judges sightings until told to stop.
    pub async fn run_correlator(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if let Err(error) = self.resume_warnings().await {
            tracing::error!(%error, "warnings that stopped half-way could not be resumed");
        }
        while !*stop.borrow() {
            let arrived = self.sightings_arrived.notified();
            match self.judge_waiting().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::error!(%error, "sightings could not be judged; they are tried again"),
            }
            tokio::select! { () = arrived => {}, () = tokio::time::sleep(IDLE) => {}, _ = stop.changed() => {} }
        }
    }

    /// Judges the sightings after the durable cursor. Returns how many.
    pub async fn judge_waiting(&self) -> Result<u64> {
        let after = self.store.judged_cursor().await?;
        let waiting = self.store.sightings_since_cursor(after, JUDGED_AT_ONCE_MAX).await?;
        let members = u32::try_from(self.organisations().await?).unwrap_or(u32::MAX);
        for (position, seen) in &waiting {
            self.judge(seen, members).await?;
            self.store.set_judged_cursor(*position).await?;
        }
        Ok(waiting.len() as u64)
    }

    /// Whether a sighting waits to be judged.
    pub async fn judging_waits(&self) -> Result<bool> {
        let after = self.store.judged_cursor().await?;
        Ok(!self.store.sightings_since_cursor(after, 1).await?.is_empty())
    }

    /// How many organisations this hub can hear: its members, or those its members speak for.
    async fn organisations(&self) -> Result<u64> {
        let members = self.store.members().await?.len() as u64;
        Ok(members.max(self.store.distinct_hospitals().await?))
    }

    async fn judge(&self, seen: &Seen, members: u32) -> Result<()> {
        let thresholds = &self.config.thresholds;
        let now = self.now();
        let since = now - SignedDuration::from_hours(i64::from(thresholds.window_hours_max()));
        let keys: Vec<String> = cluster::keys(&seen.sighting).iter().map(Key::text).collect();
        // key by key, so that a flood under one key hides nothing under another
        let mut related = Vec::new();
        for key in &keys {
            related.extend(self.store.related(std::slice::from_ref(key), since, RELATED_MAX).await?);
        }
        let mut seen = seen.clone();
        let suspected: BTreeSet<String> = self.suspected_rules().await?.into_iter().map(|rule| rule.rule_id).collect();
        for one in related.iter_mut().chain([&mut seen]) {
            // until a person has looked at it, what a suspected rule fires is nobody's attack
            one.familiar |= suspected.contains(&one.sighting.rule_id);
        }
        let seen = &seen;
        match cluster::judge(seen, &related, members, thresholds, now) {
            Judgement::Nothing => Ok(()),
            Judgement::RuleSuspected { rule_id, hospitals } => {
                self.store.note_suspected_rule(&rule_id, hospitals, now).await?;
                self.metrics.add("lazaret_rules_suspected_total", "", 1);
                self.tell(observe::What::RuleSuspected { rule_id, hospitals });
                self.changed();
                Ok(())
            }
            Judgement::Propose(cluster) => self.propose(*cluster, seen).await,
        }
    }

    /// Proposes a cluster, or the next version of the warning that speaks of it already and would say less.
    async fn propose(&self, cluster: Cluster, deciding: &Seen) -> Result<()> {
        let keys: Vec<String> = cluster.keys.iter().map(Key::text).collect();
        let known = match self.store.record_of_key(&keys).await? {
            Some(id) => match self.store.load(&[id]).await?.pop() {
                Some(record) => Some(record),
                // another hub's warning speaks of it already, and was passed on from here
                None => return Ok(()),
            },
            None => None,
        };
        let actor = Actor::Policy { name: PROPOSER.to_owned() };
        let content = content_of(&cluster);
        let Some(record) = known else {
            let id = RecordId(cluster.key.cluster());
            let attack = self.attack_of(&cluster, deciding).await?.unwrap_or(id.0);
            let command = warning::Command::Propose {
                cluster: attack,
                content: self.document(&serde_json::to_string(&content)?)?,
                basis: content.basis.clone(),
                marking: Marking::COMMUNITY,
                drill: deciding.sighting.drill,
            };
            let cluster_keys = keys.into_iter().map(|key| (key, id)).collect();
            let beside = Beside { cluster_keys, ..Beside::default() };
            match self.execute_with(Command::Warning(id, command), actor, beside).await {
                Ok(_) => {}
                Err(Error::Refused(Refusal::Exists)) => return Ok(()),
                Err(error) => return Err(error),
            }
            self.metrics.add("lazaret_proposals_total", "", 1);
            self.tell(observe::What::Proposed {
                cluster: attack,
                hospitals: u32::try_from(cluster.hospitals.len()).unwrap_or(u32::MAX),
                deciding: deciding.sighting.id,
            });
            return self.approve_by_policy(id, &content.basis).await;
        };
        let State::Warning(warning) = record.state else { return Ok(()) };
        match warning.stage {
            // a kill between proposing, approving and sending: go on where it stopped
            Stage::Proposed | Stage::Approved => self.approve_by_policy(record.id, &warning.basis).await,
            Stage::Sent => self.propose_update(record.id, content, keys, actor).await,
            Stage::Declined | Stage::Withdrawn => self.propose_again(&cluster, &warning, content, keys, deciding).await,
        }
    }

    /// Which attack a new cluster is one more side of, among the warnings that went out from here of late, this hub's and
    /// others'. So hospitals see one card an attack, however many values, families and hubs speak of it.
    async fn attack_of(&self, cluster: &Cluster, deciding: &Seen) -> Result<Option<Uuid>> {
        if cluster.suppliers.is_empty() {
            return Ok(None);
        }
        let since = self.now() - SignedDuration::from_hours(i64::from(cluster.window_hours));
        let head = self.store.published_head().await?;
        let recent = self.store.published_after((head - i64::from(LATE_MAX)).max(0), LATE_MAX).await?;
        let mut withdrawn = BTreeSet::new();
        for published in recent.iter().rev().filter(|one| one.published_at >= since) {
            let Ok(release) = received::read_release(&published.release) else { continue };
            let content = match &release.body {
                ReleaseBody::Withdrawal { .. } => {
                    withdrawn.insert((release.issuer.clone(), release.id));
                    continue;
                }
                ReleaseBody::Warning(content) => content,
            };
            let gone = withdrawn.contains(&(release.issuer.clone(), release.id));
            let keys = desk::content_keys(content);
            if gone || release.drill != deciding.sighting.drill || keys.is_empty() || content.suppliers.is_empty() {
                continue;
            }
            let seen = self.store.related(&keys, since, RELATED_MAX).await?;
            let hospitals = seen.into_iter().map(|seen| seen.hospital).collect();
            if cluster::is_one_more_side(cluster, &content.suppliers, &hospitals) {
                return Ok(Some(release.cluster));
            }
        }
        Ok(None)
    }

    /// What somebody declined or took back is proposed again, as a new record, when more hospitals show it than then.
    async fn propose_again(
        &self,
        cluster: &Cluster,
        warning: &Warning,
        content: WarningContent,
        keys: Vec<String>,
        deciding: &Seen,
    ) -> Result<()> {
        let hospitals = u32::try_from(cluster.hospitals.len()).unwrap_or(u32::MAX);
        if matches!(warning.basis, Basis::Correlated { hospitals: then, .. } if hospitals <= then) {
            return Ok(());
        }
        let id = RecordId(derived_id(&["again", &cluster.key.cluster().to_string(), &hospitals.to_string()]));
        let command = warning::Command::Propose {
            cluster: warning.cluster,
            content: self.document(&serde_json::to_string(&content)?)?,
            basis: content.basis.clone(),
            marking: Marking::COMMUNITY,
            drill: deciding.sighting.drill,
        };
        let cluster_keys = keys.into_iter().map(|key| (key, id)).collect();
        let actor = Actor::Policy { name: PROPOSER.to_owned() };
        let beside = Beside { cluster_keys, ..Beside::default() };
        match self.execute_with(Command::Warning(id, command), actor, beside).await {
            Ok(_) => {}
            Err(Error::Refused(Refusal::Exists)) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.metrics.add("lazaret_proposals_total", "", 1);
        let proposed = observe::What::Proposed { cluster: warning.cluster, hospitals, deciding: deciding.sighting.id };
        self.tell(proposed);
        // somebody said no before: a person decides
        self.changed();
        Ok(())
    }

    /// Sends what was approved and not sent, and lets the policy decide what it covers: after a kill in between.
    async fn resume_warnings(&self) -> Result<()> {
        for stage in [Stage::Proposed, Stage::Approved] {
            let facets = vec![("stage".to_owned(), stage.as_str().to_owned())];
            let query = RecordQuery { kind: Kind::Warning, facets, limit: RESUMED_MAX, ..RecordQuery::default() };
            for record in self.store.list_records(query).await?.items {
                let State::Warning(warning) = record.state else { continue };
                match (&warning.stage, warning.approver) {
                    (Stage::Approved, Some(approver)) => {
                        self.execute(Command::Warning(record.id, warning::Command::Send), approver).await?;
                    }
                    _ => self.approve_by_policy(record.id, &warning.basis).await?,
                }
            }
        }
        Ok(())
    }

    async fn propose_update(
        &self,
        id: RecordId,
        content: WarningContent,
        keys: Vec<String>,
        actor: Actor,
    ) -> Result<()> {
        let record = self.store.load(&[id]).await?.pop().ok_or(Error::NotFound)?;
        let State::Warning(Warning { content: told, .. }) = record.state else { return Ok(()) };
        let told: WarningContent = serde_json::from_str(&self.text_of(told.id).await?)?;
        let known = |indicator: &Indicator| {
            told.indicators.iter().any(|one| one.kind == indicator.kind && one.value == indicator.value)
        };
        let more: Vec<Indicator> = content.indicators.iter().filter(|one| !known(one)).cloned().collect();
        if more.is_empty() {
            return Ok(());
        }
        let mut next = told;
        next.indicators.extend(more);
        next.level = next.level.max(content.level);
        next.basis = content.basis;
        next.countries = content.countries;
        let document = self.document(&serde_json::to_string(&next)?)?;
        let command = warning::Command::Update { content: document, basis: next.basis.clone() };
        let cluster_keys = keys.into_iter().map(|key| (key, id)).collect();
        self.execute_with(Command::Warning(id, command), actor, Beside { cluster_keys, ..Beside::default() }).await?;
        self.approve_by_policy(id, &next.basis).await
    }

    /// Approves and sends what the written policy covers; the rest waits for a person.
    async fn approve_by_policy(&self, id: RecordId, basis: &Basis) -> Result<()> {
        let Basis::Correlated { shared, .. } = *basis else { return Ok(()) };
        let name = match (self.config.approval, shared) {
            (Approval::SharedIndicator | Approval::SharedIndicatorOrSupplier, Shared::Indicator) => "shared-indicator",
            (Approval::SharedIndicatorOrSupplier, Shared::Supplier) => "shared-supplier",
            _ => return Ok(()),
        };
        let actor = Actor::Policy { name: name.to_owned() };
        self.approve_and_send(id, actor).await
    }

    /// Approves a proposal and sends it; what is approved already is only sent.
    pub(crate) async fn approve_and_send(&self, id: RecordId, actor: Actor) -> Result<()> {
        match self.execute(Command::Warning(id, warning::Command::Approve), actor.clone()).await {
            Ok(_) | Err(Error::Refused(Refusal::Warning(warning::Refusal::NotProposed))) => {}
            Err(error) => return Err(error),
        }
        self.execute(Command::Warning(id, warning::Command::Send), actor).await.map(drop)
    }
}

/// The words of a machine's warning. Releases carry one authoritative language; screens add the reader's words for
/// verdict, basis and level.
fn content_of(cluster: &Cluster) -> WarningContent {
    let hospitals = u32::try_from(cluster.hospitals.len()).unwrap_or(u32::MAX);
    let family = cluster.families.first().cloned().unwrap_or_default();
    let countries: Vec<String> = cluster.countries.iter().cloned().collect();
    let seen_in = countries.join(", ");
    let shared = match cluster.key.shared() {
        Shared::Indicator => "the same address, domain or file on the attacker's side",
        Shared::Supplier => "the same supplier and the same kind of activity",
        Shared::Family => "the same kind of activity within a day",
    };
    let sightings = u32::try_from(cluster.sightings.len()).unwrap_or(u32::MAX);
    WarningContent {
        title: format!("{} at {hospitals} hospitals ({seen_in})", title_word(&family)),
        summary: format!(
            "{hospitals} hospitals in {seen_in} reported {shared} within {} hours ({sightings} sightings; the threshold \
             is {}).",
            cluster.window_hours, cluster.threshold
        ),
        advice: "Look at the machines that are hit first: isolate them from the network, leave them switched on, and \
                 open a case. Where nothing was found, check remote access, backups and administrator accounts today."
            .to_owned(),
        level: cluster.level,
        family,
        suppliers: cluster.suppliers.clone(),
        products: Vec::new(),
        countries,
        indicators: cluster
            .observables
            .iter()
            .map(|observable| Indicator {
                kind: observable.kind,
                value: observable.value.clone(),
                origin: "sightings".to_owned(),
            })
            .collect(),
        rules: Vec::new(),
        basis: Basis::Correlated {
            hospitals,
            sightings,
            threshold: cluster.threshold,
            window_hours: cluster.window_hours,
            shared: cluster.key.shared(),
        },
    }
}

/// A family's word as a title begins: `backup-sabotage` becomes `Backup sabotage`, a technique stays as it is.
fn title_word(family: &str) -> String {
    let words = family.replace('-', " ");
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => "Suspicious activity".to_owned(),
    }
}
