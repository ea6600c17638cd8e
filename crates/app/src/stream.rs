//! The link's use cases: what a hub does with a push and serves as its log, and what a member sends and confirms.
//! Everything here may happen twice: a push is idempotent, a page is read from a cursor, a receipt may get lost.

use std::collections::BTreeSet;

use domain::cluster::{self, Key};
use domain::record::hex;
use domain::release::SignedRelease;
use domain::telemetry::{SIGHTING_OBSERVABLES_MAX, Sighting};
use sha2::{Digest, Sha256};
use store::{
    Delivery, DeliveryState, Gap, InboxItem, Lane, Member, MemberRole, NewOutboxItem, NewPublication, NotTaken,
    Outcome, Policy, ReceivedSighting,
};

use crate::link::{
    ItemOutcome, ItemResult, LINK_FORMAT, OutboxGap, PUSH_BYTES_MAX, PUSH_ITEMS_MAX, PassedSighting, Push, PushItem,
    Receipt, StreamGap, StreamItem, StreamPage, VerdictNote, WireRelease, relay_signing_input,
};
use crate::{App, Error, Result, egress, keys, observe, received};

/// The longest reason of a hub that is kept, in characters.
const REASON_CHARS_MAX: usize = 500;
/// How many releases are looked at together when a member confirms.
const DELIVERED_PAGE: u32 = 500;
/// The most supplier and product tags of a sighting.
const TAGS_MAX: usize = 64;
/// The longest rule id, family or tag, in bytes.
const WORD_BYTES_MAX: usize = 200;
/// The longest observable, in bytes.
const VALUE_BYTES_MAX: usize = 2_048;

impl App {
    /// Takes a member's push. The answer is given after the commit; the same push again changes nothing.
    pub async fn receive_push(&self, from: &Member, push: Push) -> Result<Receipt> {
        if push.format != LINK_FORMAT || push.items.len() > PUSH_ITEMS_MAX {
            return Err(Error::Input { code: "input-push" });
        }
        let read: Vec<std::result::Result<Read, String>> =
            push.items.iter().map(|item| self.read_item(from, item)).collect();
        let mut items = Vec::new();
        let mut sightings = Vec::new();
        for (item, read) in push.items.iter().zip(&read) {
            let Ok(read) = read else { continue };
            items.push(InboxItem {
                kind: read.kind().to_owned(),
                key: item.key,
                version: item.version,
                hash: item.hash.clone(),
                body: item.body.clone(),
            });
            if let Read::Sighting(sighting) = read {
                sightings.push((**sighting).clone());
            }
        }
        let stored = self.store.receive(&from.node, push.epoch, &items, &sightings, self.now()).await?;
        let mut stored = stored.into_iter();
        let mut outcomes = Vec::with_capacity(read.len());
        for (item, read) in push.items.iter().zip(read) {
            let result = match read {
                Err(why) => ItemResult::Refused { why },
                Ok(read) => {
                    let outcome = stored.next().unwrap_or(Outcome::Duplicate);
                    self.after_item(from, read, &outcome).await?;
                    result_of(&outcome)
                }
            };
            if item.kind != crate::probe::KIND {
                self.count_item(&result);
            }
            outcomes.push(ItemOutcome { position: item.position, result });
        }
        self.note_member(from, &push).await?;
        if self.passes_sightings() {
            self.trim_waiting_sightings().await?;
        }
        self.sightings_arrived.notify_one();
        // a hub with a hub above passes sightings on
        self.wake_outbox();
        self.changed();
        Ok(Receipt { format: LINK_FORMAT, epoch: push.epoch, outcomes })
    }

    /// What follows from an item besides its being stored. Idempotent, so it also follows a duplicate: the first try
    /// may have been cut off before the receipt.
    async fn after_item(&self, from: &Member, read: Read, outcome: &Outcome) -> Result<()> {
        if matches!(outcome, Outcome::Conflict { .. }) {
            return Ok(());
        }
        match read {
            Read::Sighting(sighting) => {
                if *outcome == Outcome::New {
                    let id = sighting.sighting.id;
                    self.tell(observe::What::SightingReceived { id, from: from.node.clone() });
                }
            }
            Read::Probe => {}
            Read::Verdict(note) => {
                let published = self.store.publications(&[note.release]).await?;
                let published = published.iter().find(|one| one.version == note.version);
                let reached = Reached { release: note.release, version: note.version, published };
                let delivery = self.delivery(from, &reached, DeliveryState::Verdict(note.verdict));
                self.store.upsert_deliveries(&[delivery]).await?;
            }
            Read::Release(publication) => {
                let keys = Self::keys_of(&publication.release);
                let head = self.store.publish(*publication, self.now()).await?;
                if let Some(head) = head {
                    self.published.send_modify(|known| *known = head.max(*known));
                }
                self.note_known_keys(keys).await?;
            }
        }
        Ok(())
    }

    fn read_item(&self, from: &Member, item: &PushItem) -> std::result::Result<Read, String> {
        if hex(&Sha256::digest(&item.body)) != item.hash {
            return Err("the hash is not that of the body".to_owned());
        }
        let unreadable = |why: serde_json::Error| format!("the body is not readable: {why}");
        match item.kind.as_str() {
            "sighting" => {
                let sighting: Sighting = serde_json::from_slice(&item.body).map_err(unreadable)?;
                let pseudonym = from.pseudonym.clone();
                let relay = self.passes_sightings().then(|| pass_on(&sighting, pseudonym, item.version)).transpose();
                let relay = relay.map_err(unreadable)?;
                read_sighting(from, from.node.0.clone(), sighting, item, relay)
            }
            "passed-sighting" => {
                speaks_for_hospitals(from)?;
                let passed: PassedSighting = serde_json::from_slice(&item.body).map_err(unreadable)?;
                if passed.pseudonym.len() != 32 || !passed.pseudonym.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err("a pseudonym has 32 hexadecimal digits".to_owned());
                }
                read_sighting(from, format!("{}/{}", from.country, passed.pseudonym), passed.sighting, item, None)
            }
            crate::probe::KIND => Self::read_probe(&item.body).map(|()| Read::Probe).map_err(|why| why.to_string()),
            "verdict" => Ok(Read::Verdict(serde_json::from_slice(&item.body).map_err(unreadable)?)),
            "release" => {
                speaks_for_hospitals(from)?;
                let wire: WireRelease = serde_json::from_slice(&item.body).map_err(unreadable)?;
                let signed = SignedRelease::from(wire);
                let signed_by_sender = signed.key == from.public_key
                    && keys::verify(
                        &signed.key,
                        &domain::release::release_signing_input(&signed.bytes),
                        &signed.signature,
                    );
                if !signed_by_sender {
                    return Err("the release is not signed by the member that sends it".to_owned());
                }
                let release = received::read_release(&signed).map_err(str::to_owned)?;
                if release.issuer_name != from.name {
                    return Err("the release names its issuer differently than this hub does".to_owned());
                }
                if !egress::may_cross(release.marking) {
                    return Err("the release's marking does not let it cross".to_owned());
                }
                Ok(Read::Release(Box::new(NewPublication {
                    id: release.id,
                    version: release.version,
                    cluster: release.cluster,
                    issued_at: release.issued_at,
                    skip: Some(from.node.clone()),
                    release: signed,
                })))
            }
            other => Err(format!("the kind {other:?} is not known here")),
        }
    }

    fn passes_sightings(&self) -> bool {
        self.config.passes_on && self.hub_key().is_some()
    }

    fn count_item(&self, result: &ItemResult) {
        let label = match result {
            ItemResult::New => r#"result="new""#,
            ItemResult::Duplicate => r#"result="duplicate""#,
            ItemResult::Conflict => r#"result="conflict""#,
            ItemResult::Refused { .. } => r#"result="refused""#,
        };
        self.metrics.add("lazaret_push_items_total", label, 1);
    }

    /// A page of the published log for a member; its confirmed cursor is noted by [`App::acknowledge`].
    pub async fn stream_page(&self, member: &Member, after: i64) -> Result<StreamPage> {
        let limit = u32::try_from(self.config.limits.stream_page_items_max).unwrap_or(u32::MAX);
        let floor = self.store.published_floor().await?;
        let gap = (after < floor).then_some(StreamGap { from: after + 1, to: floor });
        if gap.is_some() && after > 0 {
            tracing::warn!(member = member.name, after, floor, "a member was away longer than the log is kept");
            self.metrics.add("lazaret_limit_hits_total", r#"limit="published-log""#, 1);
        }
        let own = self.keys.public_key();
        let (mut items, mut releases) = (Vec::new(), Vec::new());
        let mut end = after;
        for published in self.store.published_after(after, limit).await? {
            end = published.position;
            if published.skip.as_ref() == Some(&member.node) {
                continue;
            }
            let relay = if published.release.key == own {
                Vec::new()
            } else {
                self.keys.sign(&relay_signing_input(&published.release))
            };
            releases.push((published.id, published.version));
            items.push(StreamItem { position: published.position, release: published.release.into(), relay });
        }
        let head = end.max(self.store.published_head().await?);
        Ok(StreamPage { items, releases, end, head, gap })
    }

    /// Notes what was handed to a member's stream: see [`StreamPage::releases`].
    pub async fn note_sent(&self, member: &Member, releases: &[(uuid::Uuid, u32)]) -> Result<()> {
        let sent = |&(release, version): &(uuid::Uuid, u32)| {
            self.delivery(member, &Reached { release, version, published: None }, DeliveryState::Sent)
        };
        let deliveries: Vec<Delivery> = releases.iter().map(sent).collect();
        if !deliveries.is_empty() {
            self.store.upsert_deliveries(&deliveries).await?;
            self.changed();
        }
        Ok(())
    }

    /// Notes how far a member has durably read, and that it received what lies before.
    pub async fn acknowledge(&self, member: &Member, position: i64) -> Result<()> {
        let delivered = self.delivered(member, position).await?;
        let received = |published: &store::Published| {
            let (release, version) = (published.id, published.version);
            self.delivery(member, &Reached { release, version, published: Some(published) }, DeliveryState::Received)
        };
        let deliveries: Vec<Delivery> = delivered.iter().map(received).collect();
        self.store.upsert_deliveries(&deliveries).await?;
        self.store.set_member_cursor(&member.node, position).await?;
        self.store.touch_member(&member.node, self.now()).await?;
        self.changed();
        Ok(())
    }

    /// How far a release came at a member. The latency is between two moments of this hub's clock: a member's clock
    /// may be wrong.
    fn delivery(&self, member: &Member, reached: &Reached<'_>, state: DeliveryState) -> Delivery {
        let at = self.now();
        let latency = |published: &store::Published| {
            i64::try_from(at.duration_since(published.published_at).as_millis()).unwrap_or(i64::MAX).max(0)
        };
        let (release, version) = (reached.release, reached.version);
        let latency_ms = reached.published.map(latency);
        Delivery { release, version, member: member.node.clone(), state, at, latency_ms }
    }

    /// What lies between a member's confirmed cursor and a newer position and was meant for it.
    async fn delivered(&self, member: &Member, position: i64) -> Result<Vec<store::Published>> {
        let mut delivered = Vec::new();
        let mut after = member.cursor;
        while after < position {
            let page = self.store.published_after(after, DELIVERED_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            let meant = |published: &store::Published| {
                published.position <= position && published.skip.as_ref() != Some(&member.node)
            };
            delivered.extend(page.into_iter().filter(meant));
        }
        Ok(delivered)
    }

    /// The next push: what waits, records before releases before sightings, within the limits of one push.
    pub async fn next_push(&self) -> Result<Option<Push>> {
        let mut bytes = 0;
        let waiting = self.store.outbox_pending(u32::try_from(PUSH_ITEMS_MAX).unwrap_or(u32::MAX)).await?;
        let items: Vec<PushItem> = waiting
            .into_iter()
            .take_while(|item| {
                bytes += item.body.len();
                bytes <= PUSH_BYTES_MAX || bytes == item.body.len()
            })
            .map(|item| PushItem {
                position: item.position,
                kind: item.kind,
                key: item.key,
                version: item.version,
                hash: item.hash,
                body: item.body,
            })
            .collect();
        let gaps: Vec<OutboxGap> = self
            .store
            .outbox_gaps_unsent()
            .await?
            .into_iter()
            .map(|gap| OutboxGap { id: gap.id, dropped: gap.dropped, from: gap.from, to: gap.to })
            .collect();
        if items.is_empty() && gaps.is_empty() {
            return Ok(None);
        }
        let epoch = self.store.node().await?.epoch;
        Ok(Some(Push { format: LINK_FORMAT, epoch, sent_at: self.now(), items, gaps }))
    }

    /// Takes a receipt: what the hub has is no longer waiting. What it did not take is not sent again; it is kept with
    /// the hub's reason, shown and logged. Only what the push held is confirmed, whatever the receipt names.
    pub async fn push_confirmed(&self, push: &Push, receipt: &Receipt) -> Result<()> {
        let sent: BTreeSet<i64> = push.items.iter().map(|item| item.position).collect();
        let (mut taken, mut not_taken) = (Vec::new(), Vec::new());
        for outcome in receipt.outcomes.iter().filter(|outcome| sent.contains(&outcome.position)) {
            match &outcome.result {
                ItemResult::New | ItemResult::Duplicate => taken.push(outcome.position),
                ItemResult::Refused { why } => {
                    tracing::error!(why, position = outcome.position, "the hub refused an item; it is not sent again");
                    let why = why.chars().take(REASON_CHARS_MAX).collect();
                    not_taken.push((outcome.position, NotTaken::Refused { why }));
                }
                ItemResult::Conflict => {
                    tracing::error!(position = outcome.position, "the hub holds other bytes under this item's name");
                    not_taken.push((outcome.position, NotTaken::Conflict));
                }
            }
        }
        self.store.outbox_confirm(&taken, &not_taken, self.now()).await?;
        self.metrics.add("lazaret_items_not_taken_total", "", not_taken.len() as u64);
        self.probe_acknowledged(&push.items);
        for gap in &push.gaps {
            let confirmed = Gap { id: gap.id, lane: Lane::Sighting, dropped: gap.dropped, from: gap.from, to: gap.to };
            self.store.outbox_confirm_gap(&confirmed, self.now()).await?;
        }
        self.changed();
        Ok(())
    }

    /// How far the hub's log was durably read here.
    pub async fn down_cursor(&self) -> Result<i64> {
        Ok(self.store.down_cursor().await?)
    }

    /// Items whose name was taken by other bytes, newest first: a restored member, or worse.
    pub async fn conflicts(&self) -> Result<Vec<store::InboxConflict>> {
        Ok(self.store.inbox_conflicts(100).await?)
    }

    fn keys_of(signed: &SignedRelease) -> Option<(Vec<String>, uuid::Uuid)> {
        use domain::release::ReleaseBody;
        let release = received::read_release(signed).ok()?;
        let ReleaseBody::Warning(content) = &release.body else { return None };
        Some((crate::desk::content_keys(content), release.id))
    }

    /// Remembers that another node's warning speaks of these values already, so that the correlator does not propose it
    /// again, nor what hospitals hit because of it. What this hub's own warnings speak of stays theirs.
    pub(crate) async fn note_known_keys(&self, keys: Option<(Vec<String>, uuid::Uuid)>) -> Result<()> {
        let Some((keys, release)) = keys else { return Ok(()) };
        let mut cluster_keys = Vec::new();
        for key in keys {
            if self.store.record_of_key(std::slice::from_ref(&key)).await?.is_none() {
                cluster_keys.push((key, domain::record::RecordId(release)));
            }
        }
        let commit = store::Commit { at: self.now(), cluster_keys, ..store::Commit::default() };
        self.store.commit(commit).await?;
        Ok(())
    }
}

/// Only a hub speaks for others: a hospital passes on nobody's sightings and issues no releases.
fn speaks_for_hospitals(from: &Member) -> std::result::Result<(), String> {
    match from.role {
        MemberRole::National => Ok(()),
        MemberRole::Hospital => Err("only a national hub sends this".to_owned()),
    }
}

/// A release on its way to a member, and its place in the published log where that is known.
struct Reached<'a> {
    release: uuid::Uuid,
    version: u32,
    published: Option<&'a store::Published>,
}

/// What an item of a push turned out to be.
enum Read {
    Sighting(Box<ReceivedSighting>),
    Verdict(VerdictNote),
    Release(Box<NewPublication>),
    Probe,
}

impl Read {
    /// The kind under which the inbox keeps it: a sighting is a sighting, whoever passed it on.
    fn kind(&self) -> &'static str {
        match self {
            Self::Sighting(_) => "sighting",
            Self::Verdict(_) => "verdict",
            Self::Release(_) => "release",
            Self::Probe => crate::probe::KIND,
        }
    }
}

fn is_oversized(sighting: &Sighting) -> bool {
    let tags = || sighting.suppliers.iter().chain(&sighting.products);
    let mut words = [&sighting.rule_id, &sighting.family].into_iter().chain(tags());
    tags().count() > TAGS_MAX
        || words.any(|word| word.len() > WORD_BYTES_MAX)
        || sighting.observables.iter().any(|observable| observable.value.len() > VALUE_BYTES_MAX)
}

fn read_sighting(
    from: &Member,
    hospital: String,
    sighting: Sighting,
    item: &PushItem,
    relay: Option<NewOutboxItem>,
) -> std::result::Result<Read, String> {
    if sighting.id != item.key {
        return Err("the item's key is not the sighting's id".to_owned());
    }
    if sighting.observables.len() > SIGHTING_OBSERVABLES_MAX {
        return Err(format!("a sighting carries at most {SIGHTING_OBSERVABLES_MAX} observables"));
    }
    if sighting.country != from.country {
        return Err(format!("the sighting says country {:?}; this member's is {:?}", sighting.country, from.country));
    }
    if is_oversized(&sighting) {
        return Err(format!(
            "a sighting carries at most {TAGS_MAX} tags, words of {WORD_BYTES_MAX} bytes and values of {VALUE_BYTES_MAX}"
        ));
    }
    let keys = cluster::keys(&sighting).iter().map(Key::text).collect();
    Ok(Read::Sighting(Box::new(ReceivedSighting { hospital, sighting, keys, relay })))
}

/// The same sighting for the hub above, under a pseudonym.
fn pass_on(sighting: &Sighting, pseudonym: String, version: u64) -> serde_json::Result<NewOutboxItem> {
    let passed = PassedSighting { pseudonym, sighting: sighting.clone() };
    Ok(NewOutboxItem {
        lane: Lane::Sighting,
        kind: "passed-sighting".to_owned(),
        key: sighting.id,
        version,
        body: serde_json::to_vec(&passed)?,
        policy: Policy::Send,
    })
}

fn result_of(outcome: &Outcome) -> ItemResult {
    match outcome {
        Outcome::New => ItemResult::New,
        Outcome::Duplicate => ItemResult::Duplicate,
        Outcome::Conflict { .. } => ItemResult::Conflict,
    }
}
