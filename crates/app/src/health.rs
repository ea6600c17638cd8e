//! How a hub's members are, as far as their pushes tell: whether their clocks are right, and what they had to drop.
//! A file of its own because nothing here changes what a push does; it only makes trouble elsewhere visible.

use domain::party::NodeId;
use jiff::{SignedDuration, Timestamp};
use store::{Member, MemberGap, MemberState};

use crate::link::Push;
use crate::{App, Result};

/// From here on the Members page shows that a member's clock is off. Source: our default; a push takes seconds.
pub const CLOCK_SHOWN_FROM: SignedDuration = SignedDuration::from_mins(5);
/// From here on it is counted and somebody is asked to act: times this wrong are not believed in events either.
pub const CLOCK_GRAVE_FROM: SignedDuration = SignedDuration::from_hours(24);
/// How much a clock has to move before the stored distance is written anew.
const CLOCK_STEP_MS: u64 = 10_000;
/// The most gaps that a page looks at.
const GAPS_MAX: u32 = 1_000;

/// How far a member's clock is from this hub's, where that is worth a word; above zero: behind.
pub fn clock_off(member: &Member) -> Option<SignedDuration> {
    let off = SignedDuration::from_millis(member.clock_off_ms?);
    (off.abs() >= CLOCK_SHOWN_FROM).then_some(off)
}

impl App {
    /// What a push says about its sender besides its items. The same push again says nothing new.
    pub(crate) async fn note_member(&self, from: &Member, push: &Push) -> Result<()> {
        let now = self.now();
        self.note_clock(from, now.duration_since(push.sent_at)).await?;
        if push.gaps.is_empty() {
            return Ok(());
        }
        let gap = |gap: &crate::link::OutboxGap| MemberGap {
            member: from.node.clone(),
            epoch: push.epoch,
            id: gap.id,
            dropped: gap.dropped,
            from: gap.from,
            to: gap.to,
            told_at: now,
        };
        let gaps: Vec<MemberGap> = push.gaps.iter().map(gap).collect();
        let dropped = self.store.note_member_gaps(&gaps).await?;
        if dropped > 0 {
            tracing::warn!(member = from.name, dropped, "a member dropped sightings at its limit");
            self.metrics.add("lazaret_members_dropped_total", "", dropped);
        }
        Ok(())
    }

    async fn note_clock(&self, from: &Member, off: SignedDuration) -> Result<()> {
        if off.abs() >= CLOCK_GRAVE_FROM {
            tracing::warn!(member = from.name, ?off, "a member's clock is a day or more off");
            self.metrics.add("lazaret_members_clock_off_total", "", 1);
        }
        let off_ms = i64::try_from(off.as_millis()).unwrap_or(if off.is_negative() { i64::MIN } else { i64::MAX });
        if from.clock_off_ms.is_none_or(|known| known.abs_diff(off_ms) >= CLOCK_STEP_MS) {
            self.store.set_member_clock(&from.node, off_ms).await?;
        }
        Ok(())
    }

    /// What members said they dropped, told since then, newest first.
    pub async fn member_gaps(&self, since: Timestamp) -> Result<Vec<MemberGap>> {
        Ok(self.store.member_gaps(since, GAPS_MAX).await?)
    }

    /// Active members whose clock is so far off that somebody has to act, by name.
    pub(crate) async fn wrong_clocks(&self) -> Result<Vec<(NodeId, String, SignedDuration)>> {
        let members = self.store.members().await?.into_iter().filter(|member| member.state == MemberState::Active);
        let wrong = |member: Member| {
            let off = clock_off(&member).filter(|off| off.abs() >= CLOCK_GRAVE_FROM)?;
            Some((member.node, member.name, off))
        };
        Ok(members.filter_map(wrong).collect())
    }
}
