//! Rule files out of a folder, a `.zip`, a `.tar.gz` or an https address. A file of its own because it reads bytes of
//! strangers: every size is bounded before it is believed, and no path inside an archive leaves the package.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::content::{FILE_BYTES_MAX, FILES_MAX};

/// The largest archive, in bytes. SigmaHQ's largest release is about 6 MB.
pub const ARCHIVE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The most that an archive may unpack to, in bytes.
pub const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The most entries that an archive may have, rules or not.
pub const ENTRIES_MAX: usize = 100_000;
/// How long a download may take.
const DOWNLOAD_MAX: Duration = Duration::from_secs(300);
/// How many redirects a download follows.
const REDIRECTS_MAX: usize = 5;

/// One rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// Where it was, for messages.
    pub path: String,
    /// Where it goes inside the package: relative, without `..`.
    pub inside: PathBuf,
    /// Its text.
    pub text: String,
}

/// Rule files, and what was left out and why.
#[derive(Debug, Default)]
pub struct Gathering {
    /// The rule files.
    pub files: Vec<Gathered>,
    /// What could not be read: where and why.
    pub left_out: Vec<String>,
    /// YAML files that hold no rule.
    pub others: u64,
    bytes: u64,
    bytes_max: Bound,
}

/// What all rule files together may hold, in bytes. A value, so that tests reach it with little.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound(pub u64);

impl Default for Bound {
    fn default() -> Self {
        Self(UNPACKED_BYTES_MAX)
    }
}

impl Gathering {
    /// Takes one file of an archive or folder, if it is a rule file. Errors: a limit of the whole is reached.
    fn take(&mut self, shown: String, inside: &Path, size: Option<u64>, reader: impl Read) -> Result<()> {
        let ending = inside.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !ending.eq_ignore_ascii_case("yml") && !ending.eq_ignore_ascii_case("yaml") {
            return Ok(());
        }
        let Some(inside) = plain(inside) else {
            self.left_out.push(format!("{shown}: its path leaves the package"));
            return Ok(());
        };
        if size.is_some_and(|size| size > FILE_BYTES_MAX) {
            self.left_out.push(format!("{shown}: larger than {FILE_BYTES_MAX} bytes"));
            return Ok(());
        }
        // what an archive says of a size is not believed: one byte more than allowed is read at most
        let mut bytes = Vec::new();
        if let Err(problem) = reader.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes) {
            self.left_out.push(format!("{shown}: {problem}"));
            return Ok(());
        }
        self.bytes += bytes.len() as u64;
        let bytes_max = self.bytes_max.0;
        ensure!(self.bytes <= bytes_max, "it unpacks to more than {bytes_max} bytes of rules");
        if bytes.len() as u64 > FILE_BYTES_MAX {
            self.left_out.push(format!("{shown}: larger than {FILE_BYTES_MAX} bytes"));
            return Ok(());
        }
        ensure!(self.files.len() < FILES_MAX, "it holds more than {FILES_MAX} rule files");
        match String::from_utf8(bytes) {
            Ok(text) if crate::scan::is_rule(&text) => self.files.push(Gathered { path: shown, inside, text }),
            Ok(_) => self.others += 1,
            Err(_) => self.left_out.push(format!("{shown}: no UTF-8 text")),
        }
        Ok(())
    }
}

/// A path without anything that leads out of where it is put.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for part in path.components() {
        match part {
            // a dot in front would be read as set aside
            Component::Normal(name) if !name.to_string_lossy().starts_with('.') => inside.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (inside.components().next().is_some()).then_some(inside)
}

/// Gathers the rule files of a folder, a rule file or an archive.
pub fn from_path(path: &Path) -> Result<Gathering> {
    let about = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if about.is_dir() {
        return from_folder(path);
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ending.eq_ignore_ascii_case("yml") || ending.eq_ignore_ascii_case("yaml") {
        let mut gathering = Gathering::default();
        let inside = PathBuf::from(path.file_name().unwrap_or_default());
        let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        gathering.take(path.display().to_string(), &inside, Some(about.len()), file)?;
        return Ok(gathering);
    }
    ensure!(about.len() <= ARCHIVE_BYTES_MAX, "{}: larger than {ARCHIVE_BYTES_MAX} bytes", path.display());
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    from_archive(&path.display().to_string(), &bytes)
}

fn from_folder(folder: &Path) -> Result<Gathering> {
    let mut gathering = Gathering::default();
    let mut waiting = vec![folder.to_owned()];
    let mut entries_seen = 0;
    while let Some(next) = waiting.pop() {
        let mut entries = fs::read_dir(&next)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>())
            .with_context(|| format!("cannot read {}", next.display()))?;
        entries.sort_by(|one, other| other.cmp(one));
        for path in entries {
            entries_seen += 1;
            ensure!(entries_seen <= ENTRIES_MAX, "{}: more than {ENTRIES_MAX} entries", folder.display());
            let about = fs::symlink_metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if about.is_dir() {
                if !super::is_set_aside(&path) {
                    waiting.push(path);
                }
            } else if about.is_file() {
                let inside = path.strip_prefix(folder).unwrap_or(&path).to_owned();
                match fs::File::open(&path) {
                    Ok(file) => gathering.take(path.display().to_string(), &inside, Some(about.len()), file)?,
                    Err(problem) => gathering.left_out.push(format!("{}: {problem}", path.display())),
                }
            }
        }
    }
    gathering.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(gathering)
}

/// Gathers the rule files of an archive: `.zip` or `.tar.gz`, known by its first bytes.
pub fn from_archive(name: &str, bytes: &[u8]) -> Result<Gathering> {
    within(name, bytes, Bound::default())
}

/// The same, within another bound.
pub(super) fn within(name: &str, bytes: &[u8], bound: Bound) -> Result<Gathering> {
    match bytes {
        [b'P', b'K', 3, 4, ..] => from_zip(name, bytes, bound),
        [0x1f, 0x8b, ..] => from_tar(name, flate2::read::GzDecoder::new(bytes), bound),
        _ if bytes.get(257..262) == Some(b"ustar".as_slice()) => from_tar(name, bytes, bound),
        _ => bail!("{name}: neither a folder, a rule, a .zip nor a .tar.gz"),
    }
}

fn from_zip(name: &str, bytes: &[u8], bound: Bound) -> Result<Gathering> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).with_context(|| format!("{name}: no whole zip file"))?;
    ensure!(archive.len() <= ENTRIES_MAX, "{name}: more than {ENTRIES_MAX} entries");
    let mut gathering = Gathering { bytes_max: bound, ..Gathering::default() };
    for at in 0..archive.len() {
        let file = match archive.by_index(at) {
            Ok(file) => file,
            Err(problem) => {
                gathering.left_out.push(format!("{name}, entry {}: {problem}", at + 1));
                continue;
            }
        };
        if !file.is_file() {
            continue;
        }
        let Ok(inside) = file.name().map(|inside| inside.replace('\\', "/")) else {
            gathering.left_out.push(format!("{name}, entry {}: its name cannot be read", at + 1));
            continue;
        };
        let (shown, size, inside) = (format!("{name}:{inside}"), file.size(), PathBuf::from(inside));
        gathering.take(shown, &inside, Some(size), file).with_context(|| name.to_owned())?;
    }
    Ok(gathering)
}

fn from_tar(name: &str, unpacked: impl Read, bound: Bound) -> Result<Gathering> {
    // everything that is unpacked counts, also what is no rule
    let bounded = unpacked.take(bound.0.saturating_add(1));
    let mut archive = tar::Archive::new(bounded);
    let mut gathering = Gathering { bytes_max: bound, ..Gathering::default() };
    for (at, entry) in archive.entries().with_context(|| format!("{name}: no tar file"))?.enumerate() {
        ensure!(at < ENTRIES_MAX, "{name}: more than {ENTRIES_MAX} entries");
        let entry = entry.with_context(|| format!("{name}: broken, or it unpacks to more than {} bytes", bound.0))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let inside = entry.path().map(|path| path.into_owned()).unwrap_or_default();
        let (shown, size) = (format!("{name}:{}", inside.display()), entry.size());
        gathering.take(shown, &inside, Some(size), entry).with_context(|| name.to_owned())?;
    }
    Ok(gathering)
}

/// Reads an https address, at most [`ARCHIVE_BYTES_MAX`] bytes; redirects stay on https. `told` hears how many bytes
/// of how many have come.
pub async fn download(url: &str, proxy: Option<&str>, mut told: impl FnMut(u64, Option<u64>)) -> Result<Vec<u8>> {
    ensure!(url.starts_with("https://"), "{url}: only https addresses are taken");
    // an error means that this process has chosen one already
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder()
        .https_only(true)
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS_MAX))
        .timeout(DOWNLOAD_MAX)
        .user_agent("lazaret");
    if let Some(proxy) = proxy {
        client = client.proxy(reqwest::Proxy::all(proxy).with_context(|| format!("proxy {proxy}"))?);
    }
    let answer = client.build()?.get(url).send().await.with_context(|| format!("cannot reach {url}"))?;
    read_answer(url, answer, &mut told).await
}

async fn read_answer(
    url: &str,
    mut answer: reqwest::Response,
    told: &mut impl FnMut(u64, Option<u64>),
) -> Result<Vec<u8>> {
    ensure!(answer.status().is_success(), "{url} answers {}", answer.status());
    let length = answer.content_length();
    let too_long = || format!("{url}: longer than {ARCHIVE_BYTES_MAX} bytes");
    ensure!(length.is_none_or(|length| length <= ARCHIVE_BYTES_MAX), too_long());
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.with_context(|| format!("{url} broke off"))? {
        ensure!((bytes.len() + part.len()) as u64 <= ARCHIVE_BYTES_MAX, too_long());
        bytes.extend_from_slice(&part);
        told(bytes.len() as u64, length);
    }
    Ok(bytes)
}

/// Reads a plain address of this machine, for tests of the limits.
#[cfg(test)]
pub(super) async fn download_plain(url: &str) -> Result<Vec<u8>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?;
    read_answer(url, answer, &mut |_, _| {}).await
}
