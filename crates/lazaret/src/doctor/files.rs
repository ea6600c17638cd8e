//! What stands on the disk: permissions, space, certificates, the times of files, rules that do not load.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use app::Clock as _;
use jiff::{SignedDuration, Timestamp};

use super::Finding;
use crate::backup::free_bytes;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::roles::Has;

/// A certificate that ends sooner is worth a look.
const CERTIFICATE_LEFT: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A file this much newer than the clock shows that the clock went back.
const FILE_AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Rules that do not load are named up to this many.
const NAMED_MAX: usize = 5;

pub(super) fn examine(config: &Config, dir: &DataDir) -> Vec<Finding> {
    let mut findings = permissions(config, dir);
    findings.push(space(config));
    findings.push(file_times(config));
    findings.extend(certificates(config, dir));
    if config.role.parts().intake == Has::Yes {
        findings.push(rules(config));
    }
    findings
}

fn permissions(config: &Config, dir: &DataDir) -> Vec<Finding> {
    const CHECK: &str = "permissions";
    let mut findings = Vec::new();
    let mut keep_private = vec![(config.data_dir.clone(), "700"), (dir.key_file(), "600")];
    keep_private.extend(config.file.clone().map(|file| (file, "640")));
    for (path, mode) in keep_private {
        let about = match std::fs::metadata(&path) {
            Ok(about) => about,
            Err(problem) => {
                let mend = "give the file back from a backup (`lazaret restore`), or to the user that runs the node";
                findings.push(Finding::wrong(CHECK, format!("{}: {problem}", path.display()), mend));
                continue;
            }
        };
        if about.permissions().mode() & 0o007 != 0 {
            let says = format!("everybody on this machine can read {}", path.display());
            findings.push(Finding::wrong(CHECK, says, format!("chmod {mode} {}", path.display())));
        }
        let owner = std::fs::metadata(&config.data_dir).map(|about| about.uid()).unwrap_or_default();
        if path.starts_with(&config.data_dir) && about.uid() != owner {
            let says = format!("{} belongs to another user than its folder", path.display());
            let mend = format!("chown --reference={} {}", config.data_dir.display(), path.display());
            findings.push(Finding::wrong(CHECK, says, mend));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::good(CHECK, "keys and data are private"));
    }
    findings
}

fn space(config: &Config) -> Finding {
    const CHECK: &str = "disk";
    let reserve = config.events.free_bytes_min;
    let mend = "free space there, or keep events for a shorter time (events.keep, events.keep_bytes) and restart";
    match free_bytes(&config.data_dir) {
        Err(problem) => Finding::unknown(CHECK, format!("{problem:#}")),
        Ok(free) if free <= reserve => {
            let says = format!("{} MiB are free; below {} MiB events are refused", free >> 20, reserve >> 20);
            Finding::wrong(CHECK, says, mend)
        }
        Ok(free) if free < 2 * reserve => {
            let says = format!("{} MiB are free; below {} MiB events are refused", free >> 20, reserve >> 20);
            Finding::look(CHECK, says, mend)
        }
        Ok(free) => Finding::good(CHECK, format!("{} MiB are free", free >> 20)),
    }
}

/// A file from the future: the clock went back, or was wrong before.
fn file_times(config: &Config) -> Finding {
    const CHECK: &str = "file times";
    let now = SystemClock.now();
    let newest = std::fs::read_dir(&config.data_dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.path(), timestamp(entry.metadata().ok()?.modified().ok()?)?)))
        .max_by_key(|(_, at)| *at);
    match newest {
        Some((path, at)) if at > now + FILE_AHEAD => {
            let says = format!("{} was written at {at}, and the clock shows {now}", path.display());
            Finding::wrong(CHECK, says, "set the clock: timedatectl set-ntp true")
        }
        _ => Finding::good(CHECK, "no file is newer than the clock"),
    }
}

fn timestamp(at: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(at).ok()
}

fn certificates(config: &Config, dir: &DataDir) -> Vec<Finding> {
    let mut ends = Vec::new();
    let pairs = [("console", &config.console.tls), ("listen", &config.listeners.tls)];
    let mut findings = Vec::new();
    for (section, files) in pairs {
        let Some(files) = files else { continue };
        let renew = format!(
            "put a new certificate into {} and its key, then: kill -HUP (or restart)",
            files.certificate.display()
        );
        match certificate_end(&files.certificate) {
            Ok(end) => ends.push((format!("the certificate of [{section}]"), end, renew)),
            Err(problem) => findings.push(Finding::wrong("certificates", problem, renew)),
        }
    }
    if let Ok(Some(uplink)) = dir.uplink().read()
        && let Some(end) = i64::try_from(uplink.until_s).ok().and_then(|until| Timestamp::from_second(until).ok())
    {
        let renew = "it renews itself when the hub is reached; an ended one still may: look at the link".to_owned();
        ends.push((format!("the certificate that {} gave", uplink.hub_name), end, renew));
    }
    let now = SystemClock.now();
    for (name, end, mend) in ends {
        let left = end.duration_since(now);
        findings.push(match left {
            _ if left <= SignedDuration::ZERO => Finding::wrong("certificates", format!("{name} ended at {end}"), mend),
            _ if left < CERTIFICATE_LEFT => Finding::look("certificates", format!("{name} ends at {end}"), mend),
            _ => Finding::good("certificates", format!("{name} holds until {end}")),
        });
    }
    findings
}

/// When the first certificate of a PEM file ends.
pub(crate) fn certificate_end(path: &Path) -> Result<Timestamp, String> {
    let told = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let bytes = std::fs::read(path).map_err(|problem| told(&problem))?;
    let pem = x509_parser::pem::Pem::iter_from_buffer(&bytes).next();
    let pem = pem.ok_or_else(|| told(&"it holds no certificate"))?.map_err(|problem| told(&problem))?;
    let certificate = pem.parse_x509().map_err(|problem| told(&problem))?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).map_err(|problem| told(&problem))
}

fn rules(config: &Config) -> Finding {
    const CHECK: &str = "rules";
    // the usual folder is made when the first rules are added
    let usual = config.data_dir.join("rules");
    if let Some(dir) = config.rules_dir.as_ref().filter(|dir| **dir != usual && !dir.is_dir()) {
        let says = format!("there is no folder {}", dir.display());
        return Finding::wrong(CHECK, says, format!("mkdir {}", dir.display()));
    }
    let (rules, problems) = detect::sigma::RuleSet::parse(&crate::load::rules(config.rules_dir.as_deref()));
    let loaded = rules.len();
    if problems.is_empty() {
        return Finding::good(CHECK, format!("{loaded} rules load"));
    }
    let named: Vec<String> = problems.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = problems.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
    let says = format!("{loaded} rules load, {} do not:\n{}{more}", problems.len(), named.join("\n"));
    Finding::look(CHECK, says, "correct them, or take them out of rules.dir; then: kill -HUP (or restart)")
}
