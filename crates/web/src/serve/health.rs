//! Serves *This node*, and the words for its troubles wherever they are shown.

use app::{Backups, Certificate, CertificateOf, Disk, Health, Probe, ProbeStuck, Silence, Trouble};
use askama::Template;
use axum::response::{Html, IntoResponse};
use jiff::SignedDuration;

use super::fault::Answer;
use super::visitor::Visitor;
use crate::screen::health::{HealthPage, HealthRow};
use crate::words::Words;

/// The page.
pub(super) async fn page(visitor: Visitor) -> Answer {
    let f = visitor.frame("health-title", None).await?;
    let rows = rows(&visitor.words(), &visitor.console.app.health().await?);
    Ok(Html(HealthPage { f, rows }.render()?).into_response())
}

fn rows(words: &Words, health: &Health) -> Vec<HealthRow> {
    let bad = |found: fn(&Trouble) -> bool| health.troubles.iter().find(|trouble| found(trouble));
    let mut rows = vec![match &health.backups {
        None => row(words, words.t("health-backup"), None, ("unknown", words.t("health-backup-none"))),
        Some(backups) => HealthRow {
            at: backups.last.as_ref().map(|last| last.at),
            ..row(words, words.t("health-backup"), bad(|one| matches!(one, Trouble::Backup(_))), made(words, backups))
        },
    }];
    if let Some(probe) = &health.probe {
        let trouble = bad(|one| matches!(one, Trouble::Probe(_)));
        rows.push(HealthRow {
            at: probe.sent_at,
            ..row(words, words.t("health-probe"), trouble, probed(words, probe))
        });
    }
    let disk = match &health.disk {
        None => ("unknown", words.t("health-disk-unknown")),
        Some(disk) => ("good", with(words, "health-disk-says", &sizes(disk))),
    };
    rows.push(row(words, words.t("health-disk"), bad(|one| matches!(one, Trouble::Disk(_))), disk));
    if let Some(ahead) = health.hub_ahead {
        let seconds = ("good", words.n("health-clock-says", &ahead.as_secs().unsigned_abs()));
        rows.push(row(words, words.t("health-clock"), bad(|one| matches!(one, Trouble::Clock(_))), seconds));
    }
    rows.extend(health.certificates.iter().map(|certificate| certificate_row(words, health, certificate)));
    rows.extend(health.troubles.iter().filter_map(|trouble| other_row(words, trouble)));
    rows
}

fn row(words: &Words, name: String, trouble: Option<&Trouble>, otherwise: (&'static str, String)) -> HealthRow {
    let (state, says) = trouble.map_or(otherwise, |trouble| ("bad", says(words, trouble)));
    HealthRow { name, state, says, at: None }
}

fn certificate_row(words: &Words, health: &Health, certificate: &Certificate) -> HealthRow {
    let trouble = Trouble::Certificate(certificate.clone());
    let trouble = health.troubles.iter().find(|one| **one == trouble);
    let holds = ("good", words.t("health-certificate-says"));
    HealthRow { at: Some(certificate.until), ..row(words, shown_by(words, certificate), trouble, holds) }
}

/// Sources and members have no row until something is wrong with them.
fn other_row(words: &Words, trouble: &Trouble) -> Option<HealthRow> {
    let (name, at) = match trouble {
        Trouble::Silent(Silence { name, since, .. }) => (name, Some(*since)),
        Trouble::Member { name, since } => (name, *since),
        _ => return None,
    };
    Some(HealthRow { name: name.clone(), state: "bad", says: says(words, trouble), at })
}

fn made(words: &Words, backups: &Backups) -> (&'static str, String) {
    match &backups.last {
        None => ("unknown", words.t("health-backup-waiting")),
        Some(last) => {
            let values = [("size", size(last.bytes)), ("target", last.target.clone())];
            ("good", with(words, "health-backup-says", &values))
        }
    }
}

fn probed(words: &Words, probe: &Probe) -> (&'static str, String) {
    match (probe.found_at, probe.acknowledged_at) {
        (Some(_), Some(_)) => ("good", words.t("health-probe-whole")),
        (Some(_), None) => ("good", words.t("health-probe-found")),
        (None, _) => ("unknown", words.t("health-probe-waiting")),
    }
}

/// What is to be done about a trouble, in few words.
pub(super) fn title(words: &Words, trouble: &Trouble) -> String {
    match trouble {
        Trouble::Backup(backups) if backups.failed.is_some() => words.t("trouble-backup-failed"),
        Trouble::Backup(_) => words.t("trouble-backup-old"),
        Trouble::Disk(disk) if disk.free <= disk.reserve => words.t("trouble-disk-full"),
        Trouble::Disk(_) => words.t("trouble-disk"),
        Trouble::Silent(silence) => words.with("trouble-silent", "source", &silence.name),
        Trouble::Probe(_) => words.t("trouble-probe"),
        Trouble::Clock(_) => words.t("trouble-clock"),
        Trouble::Certificate(_) => words.t("trouble-certificate"),
        Trouble::Member { name, .. } => words.with("trouble-member", "member", name),
    }
}

/// Where somebody looks after it.
pub(super) fn href(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Silent(_) => "/sources",
        Trouble::Member { .. } => "/members",
        _ => "/health",
    }
}

/// A trouble as a sentence.
pub(super) fn says(words: &Words, trouble: &Trouble) -> String {
    match trouble {
        Trouble::Backup(backups) => match (&backups.failed, &backups.last) {
            (Some(failed), _) => words.with("trouble-backup-failed-says", "why", &failed.why),
            (None, Some(last)) => words.with("trouble-backup-old-says", "moment", &words.near_moment(&last.at)),
            (None, None) => words.t("health-backup-waiting"),
        },
        Trouble::Disk(disk) => {
            let key = if disk.free <= disk.reserve { "trouble-disk-full-says" } else { "health-disk-says" };
            with(words, key, &sizes(disk))
        }
        Trouble::Silent(silence) => usually(words, silence),
        Trouble::Probe(ProbeStuck::Intake) => words.t("trouble-probe-intake"),
        Trouble::Probe(ProbeStuck::Scan) => words.t("trouble-probe-scan"),
        Trouble::Probe(ProbeStuck::Outbox) => words.t("trouble-probe-outbox"),
        Trouble::Clock(ahead) => words.n("trouble-clock-says", &ahead.as_secs().unsigned_abs()),
        Trouble::Certificate(certificate) => {
            let ended = certificate.left <= SignedDuration::ZERO;
            let key = if ended { "trouble-certificate-ended" } else { "trouble-certificate-ends" };
            let (name, moment) = (shown_by(words, certificate), words.near_moment(&certificate.until));
            with(words, key, &[("name", name), ("moment", moment)])
        }
        Trouble::Member { since: Some(since), .. } => {
            words.with("trouble-member-since", "moment", &words.near_moment(since))
        }
        Trouble::Member { since: None, .. } => words.t("trouble-member-never"),
    }
}

/// *Usually at least every N minutes; nothing since …*
pub(super) fn usually(words: &Words, silence: &Silence) -> String {
    let since = words.near_moment(&silence.since);
    let minutes = u64::try_from(silence.usual.as_mins()).unwrap_or_default().max(1);
    match minutes {
        0..120 => words.n_with("trouble-silent-minutes", minutes, &[("moment", &since)]),
        _ => words.n_with("trouble-silent-hours", minutes / 60, &[("moment", &since)]),
    }
}

fn shown_by(words: &Words, certificate: &Certificate) -> String {
    words.word(
        "health-certificate",
        match certificate.of {
            CertificateOf::Console => "console",
            CertificateOf::Listeners => "listeners",
            CertificateOf::Link => "link",
        },
    )
}

fn with(words: &Words, key: &str, values: &[(&'static str, String); 2]) -> String {
    words.with_all(key, &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}

fn sizes(disk: &Disk) -> [(&'static str, String); 2] {
    [("free", size(disk.free)), ("reserve", size(disk.reserve))]
}

/// Bytes in the unit that people read, e.g. `3.2 GiB`.
fn size(bytes: u64) -> String {
    let (unit, divisor) = match bytes {
        0..0x400 => return format!("{bytes} B"),
        0x400..0x10_0000 => ("KiB", 1_u64 << 10),
        0x10_0000..0x4000_0000 => ("MiB", 1 << 20),
        _ => ("GiB", 1 << 30),
    };
    format!("{}.{} {unit}", bytes / divisor, bytes % divisor * 10 / divisor)
}
