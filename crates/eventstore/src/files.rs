//! The files of a log as somebody who copies them sees them: which there are and what makes each one itself. It opens
//! no log and takes no lock, so that a backup runs beside the node that writes. A file of its own because nothing here
//! may write.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::disk::ViewedDisk;
use crate::error::Error;
use crate::frame::{HEADER_BYTES, Kind, decode_header};
use crate::recover::{self, Recovery};
use crate::sealed::SKIPPABLE_BYTES;
use crate::segment::Segment;

/// One file of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// Its name inside the log's directory.
    pub name: String,
    /// Bytes when it was looked at.
    pub bytes: u64,
    /// What a sealed file is recognised by for ever: its content never changes under this word, and a file that was
    /// written again (after an erasure) has another. None for a file that still grows.
    pub identity: Option<String>,
}

/// The segments in a log's directory, oldest first. A raw file may be copied while it grows: its torn end is cut when
/// the copy is opened.
///
/// # Errors
/// The directory cannot be listed. A file that leaves meanwhile (sealed, or dropped by retention) is left out.
pub fn segment_files(dir: &Path) -> io::Result<Vec<SegmentFile>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_segment = name.len() == 24 && (name.ends_with(".seg") || name.ends_with(".raw"));
        if !is_segment {
            continue;
        }
        match look(dir, &name) {
            Ok(file) => files.push(file),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// What a look at a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Events that are kept.
    pub events: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// What opening would repair or report. The end of a file that a running node writes to is among it.
    pub recovery: Recovery,
}

/// Looks at a log without opening it: nothing is locked, repaired or written.
///
/// # Errors
/// [`Error::NewerFormat`], [`Error::Io`].
pub fn inspect(dir: &Path) -> Result<Inspection, Error> {
    let found = recover::look(&ViewedDisk(dir.to_owned()))?;
    let events = found.segments.by_base.values().map(Segment::events).sum();
    Ok(Inspection { events, bytes: found.segments.bytes(), recovery: found.recovery })
}

fn look(dir: &Path, name: &str) -> io::Result<SegmentFile> {
    let mut file = File::open(dir.join(name))?;
    let bytes = file.metadata()?.len();
    let identity = match name.strip_suffix(".seg") {
        None => None,
        Some(base) => {
            let mut start = vec![0; SKIPPABLE_BYTES + HEADER_BYTES];
            // a file whose start is damaged is copied as it is, every time anew
            let header = file
                .read_exact(&mut start)
                .ok()
                .and_then(|()| start.get(SKIPPABLE_BYTES..).and_then(|start| decode_header(start, Kind::Sealed).ok()));
            header.map(|header| format!("{base}-{:08x}-{bytes}", header.salt))
        }
    };
    Ok(SegmentFile { name: name.to_owned(), bytes, identity })
}
