//! What a hub forgets, and when: sightings and what members sent after a year, its published log after the configured
//! time. A file of its own because forgetting too early would be silent, and each rule against that stands here.

use domain::party::Actor;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Member, MemberState};

use crate::link::StreamGap;
use crate::{App, Result};

/// How long a hub keeps sightings and what else members sent.
const SIGHTINGS_KEPT: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The setting that holds the last gap of the hub's log.
const HUB_GAP: &str = "hub-log-gap";

/// Releases that the hub above no longer kept when this node came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HubGap {
    /// How many positions of its log.
    pub missing: u64,
    /// When this node learnt of it.
    pub at: Timestamp,
}

impl App {
    pub(crate) async fn retain_federation(&self) -> Result<()> {
        let dropped = self.store.retain_sightings(self.now() - SIGHTINGS_KEPT).await?;
        if dropped > 0 {
            tracing::info!(dropped, "sightings were dropped by retention");
        }
        self.retain_published().await.map(drop)
    }

    /// Lets the published log forget what is older than it is kept, but nothing that a member still has to read which
    /// was here within that time. Who was away longer reads an explicit gap. Returns how many releases.
    pub async fn retain_published(&self) -> Result<u64> {
        let before = self.now().checked_sub(self.config.limits.published_kept).unwrap_or(Timestamp::MIN);
        let aged = self.store.published_before(before).await?;
        let members = self.store.members().await?;
        let unread = members.iter().filter(|member| is_waited_for(member, before)).map(|member| member.cursor).min();
        let up_to = unread.map_or(aged, |cursor| aged.min(cursor));
        if up_to <= self.store.published_floor().await? {
            return Ok(0);
        }
        let dropped = self.store.published_trim(up_to).await?;
        tracing::info!(
            dropped,
            up_to,
            "the published log forgot what every member has read, or was away from too long"
        );
        Ok(dropped)
    }

    /// Notes that the hub no longer keeps some positions: counted, logged and shown, and reading goes on after them.
    /// A node that has read nothing yet misses nothing: it was no member then.
    pub async fn note_gap(&self, gap: StreamGap) -> Result<()> {
        let missing = u64::try_from(gap.to - gap.from + 1).unwrap_or_default();
        if self.store.down_cursor().await? > 0 && missing > 0 {
            tracing::warn!(from = gap.from, to = gap.to, "the hub no longer keeps these positions");
            self.metrics.add("lazaret_limit_hits_total", r#"limit="hub-log""#, missing);
            let json = serde_json::to_string(&HubGap { missing, at: self.now() })?;
            let actor = Actor::Policy { name: "link".to_owned() };
            let audit = self.audit_line(actor, "hub-log-gap", &format!("{}-{}", gap.from, gap.to), "");
            self.store.set_setting(HUB_GAP, &json, audit).await?;
        }
        self.store.set_down_cursor(gap.to).await?;
        self.changed();
        Ok(())
    }

    /// The last gap of the hub's log that this node met.
    pub(crate) async fn hub_gap(&self) -> Result<Option<HubGap>> {
        let json = self.store.setting(HUB_GAP).await?;
        Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
    }
}

/// Whether the log keeps for a member what it has not read: it may connect, and was heard of since then.
fn is_waited_for(member: &Member, since: Timestamp) -> bool {
    member.state == MemberState::Active && member.last_seen_at.unwrap_or(member.enrolled_at) >= since
}
