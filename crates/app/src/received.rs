//! Warnings as a hospital receives them: believed or not, tried on the last day, put in force or held for a person,
//! looked back for, answered. A national hub receives the union's the same way and passes them on.
//!
//! A hub's word is not law here: what would match too much is held, and *ignore* is one click.

use std::sync::Arc;

use domain::party::{NodeId, Role};
use domain::release::{
    RELEASE_FORMAT, Release, ReleaseBody, SignedRelease, WARNING_INDICATORS_MAX, WARNING_RULE_BYTES_MAX,
    WARNING_RULES_MAX, WarningContent, release_signing_input,
};
use domain::telemetry::Verdict;
use jiff::{SignedDuration, Timestamp};
use store::{Lane, NewOutboxItem, NewPublication, Policy, ReceivedQuery, ReceivedState, ReceivedWarning};
use uuid::Uuid;

use crate::link::{StreamItem, VerdictNote, relay_signing_input};
use crate::lookback::{Found, verdict_of};
use crate::{Alert, AlertQuery, App, Error, RawLine, Result, Session, egress, keys, observe};

/// The most received warnings a page or a decision looks at, newest first.
const RECEIVED_MAX: u32 = 1_000;

/// What became of a release from the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is in force, tried and looked back for.
    InForce(Verdict),
    /// It is kept, and held for a person.
    Held,
    /// It took a warning back.
    Withdrawn,
    /// The same or a newer version was here already.
    Known,
    /// It is not believed or not readable; the reason is logged and counted.
    Refused(&'static str),
}

/// One received warning with everything a page shows.
#[derive(Debug, Clone)]
pub struct ReceivedView {
    /// The warning.
    pub warning: ReceivedWarning,
    /// Lines of its hits, as far as they are kept.
    pub lines: Vec<RawLine>,
    /// Alerts that its indicators and rules raised here.
    pub alerts: Vec<Alert>,
    /// Other nodes' warnings of the same attack: one card for all of them.
    pub others: Vec<ReceivedWarning>,
}

impl App {
    /// Takes one item of the hub's log and moves the durable cursor. Idempotent: an older or equal version changes
    /// nothing but the cursor.
    pub async fn take_release(&self, item: StreamItem) -> Result<Taken> {
        let signed = SignedRelease::from(item.release);
        let release = match self.believe(&signed, &item.relay) {
            Ok(release) => release,
            Err(reason) => {
                tracing::warn!(reason, position = item.position, "a release from the hub is refused");
                self.metrics.add("lazaret_releases_taken_total", r#"result="refused""#, 1);
                self.store.set_down_cursor(item.position).await?;
                return Ok(Taken::Refused(reason));
            }
        };
        let known = self.store.received_one(&release.issuer, release.id).await?;
        if known.as_ref().is_some_and(|known| known.version >= release.version) || release.issuer == self.node() {
            self.store.set_down_cursor(item.position).await?;
            return Ok(Taken::Known);
        }
        let taken = match release.body.clone() {
            ReleaseBody::Warning(content) => self.take_warning(release, signed, *content, item.position).await?,
            ReleaseBody::Withdrawal { .. } => self.take_withdrawal(release, signed, known, item.position).await?,
        };
        let result = match taken {
            Taken::InForce(_) => r#"result="in-force""#,
            Taken::Held => r#"result="held""#,
            Taken::Withdrawn => r#"result="withdrawn""#,
            Taken::Known => r#"result="known""#,
            Taken::Refused(_) => r#"result="refused""#,
        };
        self.metrics.add("lazaret_releases_taken_total", result, 1);
        self.changed();
        Ok(taken)
    }

    /// Whether a release is what it says: signed by its issuer, and that is our hub or our hub vouches for it.
    fn believe(&self, signed: &SignedRelease, relay: &[u8]) -> std::result::Result<Release, &'static str> {
        if !keys::verify(&signed.key, &release_signing_input(&signed.bytes), &signed.signature) {
            return Err("its signature does not hold");
        }
        let hub = self.hub_key().ok_or("no hub is configured")?;
        let vouched = signed.key == hub || keys::verify(&hub, &relay_signing_input(signed), relay);
        if !vouched {
            return Err("our hub does not vouch for its issuer");
        }
        read_release(signed)
    }

    async fn take_warning(
        &self,
        release: Release,
        signed: SignedRelease,
        content: WarningContent,
        cursor: i64,
    ) -> Result<Taken> {
        let engine = Arc::new(self.engine.only(release.id, &content));
        let mut found = self.search_back(&engine, Timestamp::MIN).await?;
        // the scanner went on meanwhile: with its turn in hand, what it read since is searched too, so that no event
        // falls between the look-back and the running engine
        let _turn = self.taking.lock().await;
        let since = found.to.checked_add(SignedDuration::from_micros(1)).unwrap_or(found.to);
        found.add(self.search_back(&engine, since).await?);
        let answers = self.supplier_answers().await?;
        let (verdict, why) = verdict_of(&content, &found, &answers);
        let known = self.store.received_one(&release.issuer, release.id).await?;
        let ignored = known.is_some_and(|known| known.state == ReceivedState::Ignored);
        let state = if ignored { ReceivedState::Ignored } else { self.trial_state(&found) };
        if state == ReceivedState::Live {
            self.put_in_force(&release.issuer, release.id, content.clone()).await?;
        } else {
            self.take_out_of_force(&release.issuer, release.id).await?;
        }
        let now = self.now();
        let received = ReceivedWarning {
            cluster: release.cluster,
            release: release.id,
            version: release.version,
            issuer: release.issuer.clone(),
            issuer_name: release.issuer_name.clone(),
            content: Some(content.clone()),
            signed: signed.clone(),
            marking: release.marking,
            drill: release.drill,
            received_at: now,
            state,
            verdict,
            verdict_why: why,
            decided_at: now,
            seen_by: None,
        };
        let answer = vec![verdict_item(&received)?];
        let publish = self.passed_on(&release, signed);
        if publish.is_some() {
            self.note_known_keys(Some((crate::desk::content_keys(&content), release.id))).await?;
        }
        self.publish_passed_on(publish).await?;
        self.store.save_received(received, answer, Some(cursor)).await?;
        self.after_received(&release, verdict, content.title);
        Ok(if matches!(state, ReceivedState::Held { .. }) { Taken::Held } else { Taken::InForce(verdict) })
    }

    fn trial_state(&self, found: &Found) -> ReceivedState {
        if found.trial_hits > self.config.trial.matches_max {
            ReceivedState::Held { would_match: found.trial_hits }
        } else {
            ReceivedState::Live
        }
    }

    async fn take_withdrawal(
        &self,
        release: Release,
        signed: SignedRelease,
        known: Option<ReceivedWarning>,
        cursor: i64,
    ) -> Result<Taken> {
        let _turn = self.taking.lock().await;
        self.take_out_of_force(&release.issuer, release.id).await?;
        let now = self.now();
        let before = known.unwrap_or_else(|| never_seen(&release, &signed, now));
        let verdict = before.verdict;
        let received = ReceivedWarning {
            version: release.version,
            signed: signed.clone(),
            state: ReceivedState::Withdrawn,
            ..before
        };
        let answer = vec![verdict_item(&received)?];
        let publish = self.passed_on(&release, signed);
        self.publish_passed_on(publish).await?;
        self.store.save_received(received, answer, Some(cursor)).await?;
        self.after_received(&release, verdict, String::new());
        Ok(Taken::Withdrawn)
    }

    /// What a hub passes on to its own members: every release it believes and whose marking lets it cross.
    fn passed_on(&self, release: &Release, signed: SignedRelease) -> Option<NewPublication> {
        (self.config.passes_on && egress::may_cross(release.marking)).then_some(NewPublication {
            release: signed,
            id: release.id,
            version: release.version,
            cluster: release.cluster,
            issued_at: release.issued_at,
            skip: None,
        })
    }

    /// Publishes before the cursor moves: a kill between the two publishes again, and that changes nothing.
    async fn publish_passed_on(&self, publication: Option<NewPublication>) -> Result<()> {
        let Some(publication) = publication else { return Ok(()) };
        if let Some(position) = self.store.publish(publication, self.now()).await? {
            self.published.send_modify(|head| *head = position.max(*head));
        }
        Ok(())
    }

    fn after_received(&self, release: &Release, verdict: Verdict, title: String) {
        self.wake_outbox();
        self.tell(observe::What::Received {
            cluster: release.cluster,
            release: release.id,
            version: release.version,
            verdict,
            withdrawal: matches!(release.body, ReleaseBody::Withdrawal { .. }),
            title,
        });
    }

    async fn put_in_force(&self, issuer: &NodeId, release: Uuid, content: WarningContent) -> Result<()> {
        let (engine, issuer) = (Arc::clone(&self.engine), issuer.0.clone());
        tokio::task::spawn_blocking(move || engine.put(&issuer, release, content)).await?;
        self.count_rebuild();
        Ok(())
    }

    async fn take_out_of_force(&self, issuer: &NodeId, release: Uuid) -> Result<()> {
        let (engine, issuer) = (Arc::clone(&self.engine), issuer.0.clone());
        if tokio::task::spawn_blocking(move || engine.remove(&issuer, release)).await? {
            self.count_rebuild();
        }
        Ok(())
    }

    /// Received warnings, one a cluster (the most recent stands for the others), newest first.
    pub async fn received(&self) -> Result<Vec<ReceivedWarning>> {
        let mut cards: Vec<ReceivedWarning> = Vec::new();
        for warning in self.all_received().await? {
            match cards.iter_mut().find(|card| same_attack(card, &warning)) {
                Some(card) if rank(&warning) > rank(card) => *card = warning,
                Some(_) => {}
                None => cards.push(warning),
            }
        }
        Ok(cards)
    }

    /// One received warning with everything a page shows.
    pub async fn received_one(&self, release: Uuid) -> Result<ReceivedView> {
        let warning = self.one_received(release).await?;
        let lines = self.lines(warning.verdict_why.hits.iter().map(|hit| hit.seq).take(20).collect()).await?;
        let alerts = self.store.alerts(AlertQuery { limit: 500, ..AlertQuery::default() }).await?.items;
        let origin = store::AlertOrigin::Warning(release);
        let alerts = alerts.into_iter().filter(|alert| alert.origin == origin).collect();
        let others = self.all_received().await?;
        let others = others.into_iter().filter(|other| other.release != release && same_attack(other, &warning));
        Ok(ReceivedView { lines, alerts, others: others.collect(), warning })
    }

    /// Says that somebody has read it.
    pub async fn mark_seen(&self, session: &Session, release: Uuid) -> Result<()> {
        let warning = self.one_received(release).await?;
        self.store.mark_received_seen(&warning.issuer, release, session.account, self.now()).await?;
        self.changed();
        Ok(())
    }

    /// Takes a warning out of the engine here and keeps it out, whatever its hub says next.
    pub async fn ignore_received(&self, session: &Session, release: Uuid) -> Result<()> {
        session.needs(Role::Operator)?;
        let _turn = self.taking.lock().await;
        let warning = self.one_received(release).await?;
        self.take_out_of_force(&warning.issuer, release).await?;
        let audit = self.audit_line(session.actor(), "warning-ignored", &release.to_string(), "");
        self.store.set_received_state(&warning.issuer, release, ReceivedState::Ignored, audit).await?;
        self.changed();
        Ok(())
    }

    /// Puts a held or ignored warning in force after a person looked.
    pub async fn accept_received(&self, session: &Session, release: Uuid) -> Result<()> {
        session.needs(Role::Operator)?;
        let _turn = self.taking.lock().await;
        let warning = self.one_received(release).await?;
        let (ReceivedState::Held { .. } | ReceivedState::Ignored, Some(content)) = (&warning.state, warning.content)
        else {
            return Err(Error::Input { code: "refusal-warning-not-held" });
        };
        let audit = self.audit_line(session.actor(), "warning-accepted", &release.to_string(), "");
        self.store.set_received_state(&warning.issuer, release, ReceivedState::Live, audit).await?;
        self.put_in_force(&warning.issuer, release, content).await?;
        self.changed();
        Ok(())
    }

    /// Searches the kept events again and decides the verdict anew.
    pub async fn look_back(&self, session: &Session, release: Uuid) -> Result<Verdict> {
        session.needs(Role::Operator)?;
        let warning = self.one_received(release).await?;
        let content = warning.content.as_ref().ok_or(Error::NotFound)?;
        let engine = Arc::new(self.engine.only(release, content));
        let found = self.search_back(&engine, Timestamp::MIN).await?;
        self.decide_again(warning, &found).await
    }

    /// Decides the verdicts of warnings in force anew, after an answer about suppliers changed; what was found in the
    /// kept events stays what it was.
    pub(crate) async fn decide_verdicts_again(&self) -> Result<()> {
        for warning in self.store.live_warnings().await? {
            let found = Found::from(&warning.verdict_why);
            self.decide_again(warning, &found).await?;
        }
        Ok(())
    }

    async fn decide_again(&self, warning: ReceivedWarning, found: &Found) -> Result<Verdict> {
        let content = warning.content.clone().ok_or(Error::NotFound)?;
        let (verdict, verdict_why) = verdict_of(&content, found, &self.supplier_answers().await?);
        let now = self.now();
        let decided = ReceivedWarning { verdict, verdict_why: verdict_why.clone(), decided_at: now, ..warning.clone() };
        let answer = vec![verdict_item(&decided)?];
        self.store.set_received_verdict(&warning, (verdict, verdict_why), answer, now).await?;
        self.wake_outbox();
        self.changed();
        Ok(verdict)
    }

    async fn one_received(&self, release: Uuid) -> Result<ReceivedWarning> {
        let mut all = self.received_of(release).await?;
        all.sort_by_key(rank);
        all.pop().ok_or(Error::NotFound)
    }

    async fn all_received(&self) -> Result<Vec<ReceivedWarning>> {
        Ok(self.store.received(ReceivedQuery { limit: RECEIVED_MAX, ..ReceivedQuery::default() }).await?)
    }

    /// What is kept under a release id: one a issuer, for two hubs derive the same id from the same attack.
    pub(crate) async fn received_of(&self, release: Uuid) -> Result<Vec<ReceivedWarning>> {
        Ok(self.all_received().await?.into_iter().filter(|one| one.release == release).collect())
    }
}

/// Reads a release whose signature was checked, within the limits of its format.
pub(crate) fn read_release(signed: &SignedRelease) -> std::result::Result<Release, &'static str> {
    let release: Release = serde_json::from_slice(&signed.bytes).map_err(|_| "it is not readable")?;
    if release.format != RELEASE_FORMAT {
        return Err("its format is not known here");
    }
    if release.issuer != keys::node_id_of(&signed.key) {
        return Err("it names another issuer than its signer");
    }
    if let ReleaseBody::Warning(content) = &release.body {
        let oversized = |rule: &String| rule.len() > WARNING_RULE_BYTES_MAX;
        if content.indicators.len() > WARNING_INDICATORS_MAX
            || content.rules.len() > WARNING_RULES_MAX
            || content.rules.iter().any(oversized)
        {
            return Err("it is larger than a warning may be");
        }
    }
    Ok(release)
}

/// One attack: the same cluster, or a value that both warn of.
fn same_attack(one: &ReceivedWarning, other: &ReceivedWarning) -> bool {
    if one.cluster == other.cluster {
        return true;
    }
    let (Some(one), Some(other)) = (&one.content, &other.content) else { return false };
    one.indicators.iter().any(|indicator| {
        other.indicators.iter().any(|more| more.kind == indicator.kind && more.value == indicator.value)
    })
}

/// Which of two warnings of one attack stands for both: in force first, then the graver verdict.
fn rank(warning: &ReceivedWarning) -> (bool, std::cmp::Reverse<Verdict>) {
    (warning.state == ReceivedState::Live, std::cmp::Reverse(warning.verdict))
}

fn verdict_item(received: &ReceivedWarning) -> Result<NewOutboxItem> {
    let note = VerdictNote {
        release: received.release,
        version: received.version,
        verdict: received.verdict,
        at: received.decided_at,
    };
    let body = serde_json::to_vec(&note)?;
    // a later decision about the same version replaces the earlier one: its time makes the number
    let version = u64::try_from(received.decided_at.as_microsecond()).unwrap_or_default();
    let key = crate::scanner::derived_id(&["verdict", &received.issuer.0, &received.release.to_string()]);
    Ok(NewOutboxItem { lane: Lane::Release, kind: "verdict".to_owned(), key, version, body, policy: Policy::Send })
}

/// What stands for a warning whose withdrawal arrives first.
fn never_seen(release: &Release, signed: &SignedRelease, now: Timestamp) -> ReceivedWarning {
    ReceivedWarning {
        cluster: release.cluster,
        release: release.id,
        version: release.version,
        issuer: release.issuer.clone(),
        issuer_name: release.issuer_name.clone(),
        content: None,
        signed: signed.clone(),
        marking: release.marking,
        drill: release.drill,
        received_at: now,
        state: ReceivedState::Withdrawn,
        verdict: Verdict::NotConcerned,
        verdict_why: store::VerdictWhy::default(),
        decided_at: now,
        seen_by: None,
    }
}
