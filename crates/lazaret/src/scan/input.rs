//! Finds the files, recognises what they are and cuts them into batches; runs in a thread of its own.
//! A file of its own because everything that touches the file system is here, with its limits.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use detect::decode::lines::{Cut, LINE_BYTES_MAX, Lines};
use detect::decode::objects::{Objects, spans_lines};
use detect::decode::{evtx, unpack};

use super::Problems;
use super::show::Progress;

/// A batch is sent when it has this many bytes.
const BATCH_BYTES: usize = 1024 * 1024;
/// A batch is sent when it has this many events.
const BATCH_EVENTS: usize = 4_096;
/// How much of a file is looked at to recognise it.
const HEAD_BYTES: usize = 64 * 1024;
/// The largest packed event log that is unpacked to a temporary file, in bytes.
const SPOOL_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// The most files that are read.
const FILES_MAX: usize = 1_000_000;

/// A file to read.
#[derive(Debug)]
pub(super) struct InputFile {
    path: PathBuf,
    /// Its size as stored, for the progress bar.
    pub(super) bytes: u64,
}

/// What the reader thread sends.
#[derive(Debug)]
pub(super) enum Work {
    /// The next file was opened.
    Opened,
    /// Events of one file.
    Batch(Batch),
    /// Something could not be read: path and reason.
    Problem(String),
}

/// Events of one file, one behind the other.
#[derive(Debug)]
pub(super) struct Batch {
    /// The path as the user gave it.
    pub(super) file: String,
    /// Whether they are records of an event log.
    pub(super) is_evtx: bool,
    data: Vec<u8>,
    /// Where each event ends in `data`, and its record number.
    ends: Vec<(usize, u64)>,
}

impl Batch {
    fn new(file: &str, is_evtx: bool) -> Self {
        Self { file: file.to_owned(), is_evtx, data: Vec::new(), ends: Vec::new() }
    }

    fn push(&mut self, record: u64, event: &[u8]) {
        self.data.extend_from_slice(event);
        self.ends.push((self.data.len(), record));
    }

    fn is_full(&self) -> bool {
        self.data.len() >= BATCH_BYTES || self.ends.len() >= BATCH_EVENTS
    }

    /// Record number and bytes of each event.
    pub(super) fn events(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(end, record)| {
            let bytes = self.data.get(start..*end).unwrap_or(&[]);
            start = *end;
            (*record, bytes)
        })
    }

    /// The record number of the event at a place: EVTX record id, or 1-based line.
    pub(super) fn record(&self, at: usize) -> u64 {
        self.ends.get(at).map_or(0, |(_, record)| *record)
    }
}

/// Lists the files to read; directories are walked in order, links to directories are not followed.
pub(super) fn walk(paths: &[PathBuf], problems: &mut Problems) -> Vec<InputFile> {
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            files.push(InputFile { path: path.clone(), bytes: 0 });
            continue;
        }
        let mut waiting = vec![path.clone()];
        while let Some(next) = waiting.pop() {
            if let Err(error) = visit(&next, next == *path, &mut files, &mut waiting) {
                problems.tell(&format!("{}: {error}", next.display()));
            }
            if files.len() >= FILES_MAX {
                problems.tell(&format!("{}: more than {FILES_MAX} files, the rest is left out", path.display()));
                return files;
            }
        }
    }
    files
}

fn visit(path: &Path, is_named: bool, files: &mut Vec<InputFile>, waiting: &mut Vec<PathBuf>) -> io::Result<()> {
    let about = std::fs::metadata(path)?;
    if about.is_file() {
        files.push(InputFile { path: path.to_owned(), bytes: about.len() });
    } else if about.is_dir() {
        let is_link = std::fs::symlink_metadata(path)?.file_type().is_symlink();
        if is_named || !is_link {
            let mut entries: Vec<PathBuf> =
                std::fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>()?;
            entries.sort_by(|a, b| b.cmp(a));
            waiting.append(&mut entries);
        }
    } else if is_named {
        // a pipe that the user names is read; one that lies in a directory would block for ever
        files.push(InputFile { path: path.to_owned(), bytes: 0 });
    }
    Ok(())
}

/// Nobody takes our batches any more.
struct Gone;

/// Reads all files in order and sends their events.
pub(super) fn read_all(files: &[InputFile], send: &SyncSender<Work>, progress: &Progress) {
    for file in files {
        let sender = Sender { send, file: file.path.display().to_string() };
        if sender.send(Work::Opened).is_err() {
            return;
        }
        match read_file(file, &sender, progress) {
            Ok(Ok(())) => {}
            Ok(Err(Gone)) => return,
            Err(error) => {
                if sender.problem(&error.to_string()).is_err() {
                    return;
                }
            }
        }
    }
}

struct Sender<'s> {
    send: &'s SyncSender<Work>,
    file: String,
}

impl Sender<'_> {
    fn send(&self, work: Work) -> Result<(), Gone> {
        self.send.send(work).map_err(|_| Gone)
    }

    fn problem(&self, reason: &str) -> Result<(), Gone> {
        self.send(Work::Problem(format!("{}: {reason}", self.file)))
    }

    /// Sends a batch that is full and starts the next.
    fn flush_full(&self, batch: &mut Batch) -> Result<(), Gone> {
        if batch.is_full() { self.flush(batch) } else { Ok(()) }
    }

    fn flush(&self, batch: &mut Batch) -> Result<(), Gone> {
        if batch.ends.is_empty() {
            return Ok(());
        }
        let next = Batch::new(&self.file, batch.is_evtx);
        self.send(Work::Batch(std::mem::replace(batch, next)))
    }
}

type Reading = io::Result<Result<(), Gone>>;

fn read_file(file: &InputFile, sender: &Sender<'_>, progress: &Progress) -> Reading {
    if file.path.as_os_str() == "-" {
        return read_stream(unpack::reader(io::stdin())?, sender);
    }
    let mut opened = File::open(&file.path)?;
    let mut magic = [0; 8];
    let seen = read_up_to(&mut opened, &mut magic)?;
    let is_plain_file = file.bytes > 0;
    if is_plain_file && magic.get(..seen) == Some(evtx::MAGIC) {
        opened.rewind()?;
        return read_evtx(progress.over(opened), sender);
    }
    let head = io::Cursor::new(magic.get(..seen).unwrap_or(&[]).to_vec());
    let whole = progress.over(head.chain(opened));
    read_stream(unpack::reader(whole)?, sender)
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A stream whose packing is undone: an event log, JSON across lines, or lines.
fn read_stream(mut source: Box<dyn BufRead + Send + '_>, sender: &Sender<'_>) -> Reading {
    let mut head = vec![0; HEAD_BYTES];
    let seen = read_up_to(&mut source, &mut head)?;
    head.truncate(seen);
    if head.starts_with(evtx::MAGIC) {
        return read_evtx(spool(io::Cursor::new(head).chain(source))?, sender);
    }
    if let Some(what) = unreadable_kind(&head) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let is_objects = spans_lines(&head);
    let whole = io::BufReader::with_capacity(256 * 1024, io::Cursor::new(head).chain(source));
    match is_objects {
        true => read_objects(Objects::new(whole), sender),
        false => read_lines(Lines::new(whole), sender),
    }
}

/// Why a file is no log: what its first bytes say it is instead.
fn unreadable_kind(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 9] = [
        (b"\x7fELF", "a program, not a log"),
        (b"MZ", "a program, not a log"),
        (b"\x89PNG", "a picture, not a log"),
        (b"\xff\xd8\xff", "a picture, not a log"),
        (b"PK\x03\x04", "a zip archive; unpack it first"),
        (b"%PDF", "a PDF document, not a log"),
        (b"\xd4\xc3\xb2\xa1", "a packet capture; give Suricata's or Zeek's log of it instead"),
        (b"\x0a\x0d\x0d\x0a", "a packet capture; give Suricata's or Zeek's log of it instead"),
        (b"SQLite format 3\0", "a database, not a log"),
    ];
    if let Some((_, what)) = known.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(what);
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some("text in UTF-16; convert it to UTF-8 first");
    }
    let is_odd = |b: &u8| *b < 0x20 && !matches!(*b, b'\n' | b'\r' | b'\t' | 0 | 0x1b | 0x1d | 0x0b | 0x1c);
    let odd = head.iter().filter(|b| is_odd(b)).count();
    (odd * 10 > head.len()).then_some("binary data of an unknown kind")
}

fn read_lines(mut lines: Lines<impl BufRead>, sender: &Sender<'_>) -> Reading {
    let (mut batch, mut buffer) = (Batch::new(&sender.file, false), Vec::new());
    loop {
        let sent = match lines.next(&mut buffer) {
            Ok(Some(Cut::Event)) => {
                batch.push(lines.line(), &buffer);
                sender.flush_full(&mut batch)
            }
            Ok(Some(Cut::TooLong)) => sender.flush(&mut batch).and_then(|()| {
                let limit = LINE_BYTES_MAX / 1024 / 1024;
                sender.problem(&format!("line {} is longer than {limit} MiB and was skipped", lines.line()))
            }),
            Ok(None) => return Ok(sender.flush(&mut batch)),
            Err(error) => return Ok(torn(&mut batch, &format!("after line {}: {error}", lines.line()), sender)),
        };
        if sent.is_err() {
            return Ok(sent);
        }
    }
}

fn read_objects(mut objects: Objects<impl BufRead>, sender: &Sender<'_>) -> Reading {
    let (mut batch, mut buffer) = (Batch::new(&sender.file, false), Vec::new());
    loop {
        let sent = match objects.next(&mut buffer) {
            Ok(Some(Cut::Event)) => {
                batch.push(objects.line(), &buffer);
                sender.flush_full(&mut batch)
            }
            Ok(Some(Cut::TooLong)) => {
                sender.problem(&format!("the object at line {} is too long and was skipped", objects.line()))
            }
            Ok(None) => return Ok(sender.flush(&mut batch)),
            Err(error) => return Ok(torn(&mut batch, &format!("after line {}: {error}", objects.line()), sender)),
        };
        if sent.is_err() {
            return Ok(sent);
        }
    }
}

/// What was read before a stream broke is still scanned.
fn torn(batch: &mut Batch, reason: &str, sender: &Sender<'_>) -> Result<(), Gone> {
    sender.flush(batch)?;
    sender.problem(reason)
}

/// A packed event log has to be seekable: it goes to a temporary file without a name.
fn spool(source: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let copied = io::copy(&mut source.take(SPOOL_BYTES_MAX + 1), &mut file)?;
    if copied > SPOOL_BYTES_MAX {
        return Err(io::Error::other("unpacks to more than 16 GiB"));
    }
    file.rewind()?;
    Ok(file)
}

fn read_evtx(source: impl Read + io::Seek, sender: &Sender<'_>) -> Reading {
    let mut batch = Batch::new(&sender.file, true);
    let mut sent = Ok(());
    // the parser is fed bytes from anywhere; should it panic, the other files still count
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        evtx::records(source, |record| {
            sent = match record {
                evtx::Record::Event { id, json, .. } => {
                    batch.push(id, &json);
                    sender.flush_full(&mut batch)
                }
                evtx::Record::Damaged(reason) => sender.problem(&reason),
            };
            if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    }));
    if sent.is_err() {
        return Ok(sent);
    }
    let flushed = sender.flush(&mut batch);
    match outcome {
        Ok(Ok(())) => Ok(flushed),
        Ok(Err(error)) => Err(io::Error::other(error.to_string())),
        Err(_) => Err(io::Error::other("the event log broke its parser; the rest of it was not read")),
    }
}
