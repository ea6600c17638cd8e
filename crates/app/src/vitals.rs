//! How this node itself is: what a person must know before it fails. The page *This node* shows all of it, and what is
//! wrong stands on *Now*. A file of its own because these are the node's own troubles, not an attacker's.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::party::NodeId;
use domain::telemetry::Level;
use jiff::{SignedDuration, Timestamp};
use store::{Member, MemberState};

use crate::{App, Backups, Probe, ProbeStuck, Result, Silence, Urgency};

/// Below this many times the reserve of the event log, space is short.
const SHORT_FACTOR: u64 = 2;
/// A clock further from the hub's is worth a word.
const DRIFT_MAX: SignedDuration = SignedDuration::from_mins(2);
/// A certificate that ends sooner is worth a word.
const CERTIFICATE_LEFT: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The certificate of the link renews itself at half its life; later than this it has failed to.
const LINK_CERTIFICATE_LEFT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A member that was not heard for longer is worth a word. It shows itself every 15 seconds while it is connected.
const MEMBER_SILENT: Duration = Duration::from_secs(30 * 60);
/// A member's last sign is written down at most this often.
const MEMBER_WRITTEN_EVERY: Duration = Duration::from_secs(5 * 60);

/// How this node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Backups; none where this node is not told to make any.
    pub backups: Option<Backups>,
    /// Space on the disk of the event log; none where it does not say.
    pub disk: Option<Disk>,
    /// The daily probe; none where this node takes no logs.
    pub probe: Option<Probe>,
    /// How far the hub's clock is ahead; none where it was not asked yet.
    pub hub_ahead: Option<SignedDuration>,
    /// Certificates and their ends.
    pub certificates: Vec<Certificate>,
    /// What is wrong.
    pub troubles: Vec<Trouble>,
}

/// Space on a disk. Units: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Free.
    pub free: u64,
    /// Below this, events are refused; the rest is for records.
    pub reserve: u64,
}

/// A certificate that this node shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Where.
    pub of: CertificateOf,
    /// Until when it holds.
    pub until: Timestamp,
    /// How long that is, by the real clock that TLS uses.
    pub left: SignedDuration,
}

/// Where a certificate is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateOf {
    /// By the console.
    Console,
    /// By the log listeners.
    Listeners,
    /// To the hub.
    Link,
}

/// Something that is wrong with this node, or about to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The last backup failed, or is too old.
    Backup(Backups),
    /// The disk is nearly full, or full: then events are refused.
    Disk(Disk),
    /// A source has fallen silent.
    Silent(Silence),
    /// The daily probe did not come through.
    Probe(ProbeStuck),
    /// The clocks of this node and its hub differ: this much ahead is the hub's.
    Clock(SignedDuration),
    /// A certificate ends soon, or has ended.
    Certificate(Certificate),
    /// A member shows no sign of life.
    Member {
        /// Its name.
        name: String,
        /// Its last sign; none where it never showed one.
        since: Option<Timestamp>,
    },
}

impl Trouble {
    /// How a message tells it: a code with a text of its own, what of several, and how grave it is.
    pub(crate) fn told(&self) -> (&'static str, String, Level) {
        let alone = |code, level| (code, String::new(), level);
        match self {
            Self::Backup(backups) if backups.failed.is_some() => alone("backup-failed", Level::High),
            Self::Backup(_) => alone("backup-old", Level::Medium),
            Self::Disk(disk) if disk.free <= disk.reserve => alone("disk-full", Level::Critical),
            Self::Disk(_) => alone("disk-filling", Level::High),
            Self::Silent(silence) => ("source-silent", silence.source.to_string(), Level::Medium),
            Self::Probe(_) => alone("probe-failed", Level::High),
            Self::Clock(_) => alone("clock-drifts", Level::Medium),
            Self::Certificate(certificate) if certificate.left <= SignedDuration::ZERO => {
                alone("certificate-over", Level::High)
            }
            Self::Certificate(_) => alone("certificate-ending", Level::Medium),
            Self::Member { name, .. } => ("member-silent", name.clone(), Level::Medium),
        }
    }

    /// How soon somebody must look.
    pub(crate) fn urgency(&self) -> Urgency {
        match self {
            Self::Disk(disk) if disk.free <= disk.reserve => Urgency::Now,
            Self::Probe(_) => Urgency::Now,
            Self::Certificate(certificate) if certificate.left <= SignedDuration::ZERO => Urgency::Now,
            _ => Urgency::Today,
        }
    }
}

/// What was told from outside, and when members were heard, by the monotonic clock.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Mutex<Told>,
    since: Instant,
}

#[derive(Debug, Default)]
struct Told {
    certificates: Vec<Certificate>,
    hub_ahead: Option<SignedDuration>,
    /// Heard, and written down.
    members: BTreeMap<NodeId, (Instant, Instant)>,
}

impl Default for Watched {
    fn default() -> Self {
        Self { inner: Mutex::default(), since: Instant::now() }
    }
}

impl Watched {
    fn told<T>(&self, with: impl FnOnce(&mut Told) -> T) -> T {
        with(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a sign of life; answers whether it should be written down.
    fn heard(&self, node: &NodeId, now: Instant) -> bool {
        self.told(|told| match told.members.get_mut(node) {
            Some((heard, written)) => {
                *heard = now;
                let due = now.duration_since(*written) >= MEMBER_WRITTEN_EVERY;
                if due {
                    *written = now;
                }
                due
            }
            None => {
                told.members.insert(node.clone(), (now, now));
                true
            }
        })
    }

    fn is_silent(&self, node: &NodeId, now: Instant) -> bool {
        let heard = self.told(|told| told.members.get(node).map(|(heard, _)| *heard));
        now.duration_since(heard.unwrap_or(self.since)) > MEMBER_SILENT
    }
}

impl App {
    /// Tells which certificates this node shows and until when they hold.
    pub fn note_certificates(&self, certificates: Vec<Certificate>) {
        self.watched.told(|told| told.certificates = certificates);
    }

    /// Tells how far the hub's clock is ahead of this machine's.
    pub fn note_hub_clock(&self, ahead: SignedDuration) {
        self.watched.told(|told| told.hub_ahead = Some(ahead));
    }

    /// Notes that a member shows that it lives. A store that does not answer costs only the written time.
    pub async fn hear_member(&self, member: &Member) {
        if self.watched.heard(&member.node, Instant::now())
            && let Err(error) = self.store.touch_member(&member.node, self.now()).await
        {
            tracing::warn!(%error, member = member.name, "a member's sign of life could not be written down");
        }
    }

    /// How this node is.
    pub async fn health(&self) -> Result<Health> {
        let backups = match self.config.backup_older_than {
            Some(_) => Some(self.backups().await?),
            None => None,
        };
        let (certificates, hub_ahead) = self.watched.told(|told| (told.certificates.clone(), told.hub_ahead));
        let probe = self.config.listens.then(|| self.probe());
        let troubles = self.troubles().await?;
        Ok(Health { backups, disk: self.disk(), probe, hub_ahead, certificates, troubles })
    }

    /// What is wrong with this node, for *Now*.
    pub(crate) async fn troubles(&self) -> Result<Vec<Trouble>> {
        let mut troubles = Vec::new();
        troubles.extend(self.probe_stuck().map(Trouble::Probe));
        troubles.extend(self.disk().filter(is_short).map(Trouble::Disk));
        troubles.extend(self.backup_trouble().await?.map(Trouble::Backup));
        troubles.extend(self.silences().into_iter().map(Trouble::Silent));
        let (certificates, hub_ahead) = self.watched.told(|told| (told.certificates.clone(), told.hub_ahead));
        troubles.extend(hub_ahead.filter(|ahead| ahead.abs() > DRIFT_MAX).map(Trouble::Clock));
        troubles.extend(certificates.into_iter().filter(ends_soon).map(Trouble::Certificate));
        troubles.extend(self.silent_members().await?);
        Ok(troubles)
    }

    async fn silent_members(&self) -> Result<Vec<Trouble>> {
        if self.config.listens {
            return Ok(Vec::new());
        }
        let now = Instant::now();
        let members = self.store.members().await?.into_iter();
        let silent =
            members.filter(|member| member.state == MemberState::Active && self.watched.is_silent(&member.node, now));
        Ok(silent.map(|member| Trouble::Member { name: member.name, since: member.last_seen_at }).collect())
    }

    fn disk(&self) -> Option<Disk> {
        let reserve = self.log.limits().free_bytes_min;
        self.log.stats().free_bytes.map(|free| Disk { free, reserve })
    }
}

fn is_short(disk: &Disk) -> bool {
    disk.free < disk.reserve.saturating_mul(SHORT_FACTOR)
}

fn ends_soon(certificate: &Certificate) -> bool {
    let limit = match certificate.of {
        CertificateOf::Link => LINK_CERTIFICATE_LEFT,
        CertificateOf::Console | CertificateOf::Listeners => CERTIFICATE_LEFT,
    };
    certificate.left < limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_silent_after_half_an_hour_without_a_sign() {
        let watched = Watched::default();
        let (node, later) = (NodeId("ab".to_owned()), |minutes: u64| watched.since + Duration::from_secs(minutes * 60));
        assert!(!watched.is_silent(&node, later(30)), "a hub that has just started blames nobody");
        assert!(watched.is_silent(&node, later(31)));
        assert!(watched.heard(&node, later(40)), "the first sign is written down");
        assert!(!watched.heard(&node, later(41)) && watched.heard(&node, later(45)), "not every one");
        assert!(!watched.is_silent(&node, later(75)) && watched.is_silent(&node, later(76)));
    }

    #[test]
    fn space_and_certificates_are_short_in_time() {
        assert!(is_short(&Disk { free: 199, reserve: 100 }) && !is_short(&Disk { free: 200, reserve: 100 }));
        let certificate = |of, days: i64| {
            let left = SignedDuration::from_hours(24 * days);
            Certificate { of, until: Timestamp::UNIX_EPOCH + left, left }
        };
        assert!(
            ends_soon(&certificate(CertificateOf::Console, 13)) && !ends_soon(&certificate(CertificateOf::Console, 15))
        );
        assert!(!ends_soon(&certificate(CertificateOf::Link, 13)) && ends_soon(&certificate(CertificateOf::Link, 6)));
    }
}
