//! Following a file that a program writes: whole lines only, through rotation
//! and truncation, from the place that was durable when the node stopped.
//! A line is counted as read when it is in the event log; after a crash between
//! that and keeping the place, lines may come twice, never not at all.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::intake::{Carrier, Intake, SourceKey};
use bytes::Bytes;

use super::hand_over::{AtStop, Shared};
use super::limits::READ_BYTES;
use super::reason;

/// Where a file is read from that was never read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FollowFrom {
    /// From its first line.
    #[default]
    Start,
    /// Only what is written from now on.
    End,
}

/// A place in a file: which file, and the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    inode: u64,
    offset: u64,
}

/// What a look at the file brought.
#[derive(Debug, Default, PartialEq, Eq)]
struct Look {
    lines: Vec<Bytes>,
    /// Lines whose start only is stored, because they are too long.
    cut: u64,
    /// Things worth counting.
    notes: Vec<&'static str>,
    /// More can be read at once.
    more: bool,
}

/// One followed file. Blocking; run it where blocking is allowed.
#[derive(Debug)]
struct Follower {
    path: PathBuf,
    open: Option<File>,
    at: Position,
    line_bytes_max: usize,
    /// In the middle of an overlong line whose start is stored.
    dropping: bool,
    /// The file is not there or not readable: told once, not at every look.
    is_missing: bool,
}

impl Follower {
    /// Goes on at `kept`, also when the file was rotated while nobody looked.
    fn new(path: PathBuf, kept: Option<(u64, u64)>, from: FollowFrom, line_bytes_max: usize) -> Self {
        let mut follower = Follower {
            path,
            open: None,
            at: Position { inode: 0, offset: 0 },
            line_bytes_max,
            dropping: false,
            is_missing: false,
        };
        match kept {
            Some((inode, offset)) => {
                follower.at = Position { inode, offset };
                follower.open = open_inode(&follower.path, inode);
            }
            None if from == FollowFrom::End => {
                if let Ok(metadata) = std::fs::metadata(&follower.path) {
                    follower.at = Position { inode: metadata.ino(), offset: metadata.len() };
                    follower.open = File::open(&follower.path).ok();
                }
            }
            None => {}
        }
        follower
    }

    /// Reads the next whole lines.
    fn look(&mut self) -> Look {
        let mut look = Look::default();
        match self.try_look(&mut look) {
            Ok(()) => self.is_missing = false,
            Err(problem) => {
                self.open = None;
                if !self.is_missing {
                    tracing::warn!(path = %self.path.display(), %problem, "a followed file cannot be read");
                    look.notes.push(reason::UNREADABLE);
                }
                self.is_missing = true;
            }
        }
        look
    }

    fn try_look(&mut self, look: &mut Look) -> io::Result<()> {
        let file = match self.open.take() {
            Some(file) => file,
            None => self.open_new()?,
        };
        let len = file.metadata()?.len();
        if len < self.at.offset {
            look.notes.push(reason::TRUNCATED);
            self.at.offset = 0;
            self.dropping = false;
        }
        let is_gone = self.is_rotated_away();
        let mut bytes = vec![0; READ_BYTES.max(self.line_bytes_max + 1)];
        let read = file.read_at(&mut bytes, self.at.offset)?;
        bytes.truncate(read);
        let is_last = is_gone && self.at.offset + read as u64 >= len;
        let taken = self.take_lines(&Bytes::from(bytes), is_last, look);
        self.at.offset += taken as u64;
        look.more = taken > 0;
        if is_last && self.at.offset >= len {
            // All of the old file is read: the new one is next.
            self.at = Position { inode: 0, offset: 0 };
            self.dropping = false;
            look.more = true;
        } else {
            self.open = Some(file);
        }
        Ok(())
    }

    fn open_new(&mut self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        let inode = file.metadata()?.ino();
        if inode != self.at.inode {
            self.at = Position { inode, offset: 0 };
            self.dropping = false;
        }
        Ok(file)
    }

    /// Whether another file has taken this one's name.
    fn is_rotated_away(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|now| now.ino() != self.at.inode)
    }

    /// Takes the whole lines of a buffer; answers how many bytes are done with.
    /// The unfinished last line waits, unless the file has no more to come.
    fn take_lines(&mut self, bytes: &Bytes, is_last: bool, look: &mut Look) -> usize {
        let mut start = 0;
        while let Some(rest) = bytes.get(start..).filter(|r| !r.is_empty()) {
            let end = memchr::memchr(b'\n', rest);
            let line_len = end.unwrap_or(rest.len());
            if self.dropping {
                self.dropping = end.is_none();
            } else if line_len > self.line_bytes_max {
                look.cut += 1;
                look.lines.push(bytes.slice(start..start + self.line_bytes_max));
                self.dropping = end.is_none();
            } else if end.is_some() || is_last {
                let line = rest.get(..line_len).unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if !line.is_empty() {
                    look.lines.push(bytes.slice_ref(line));
                }
            } else {
                return start;
            }
            start += end.map_or(line_len, |end| end + 1);
        }
        start
    }
}

/// The file with this inode: under its name, or what it was renamed to beside it.
fn open_inode(path: &Path, inode: u64) -> Option<File> {
    let is_it = |candidate: &Path| {
        let file = File::open(candidate).ok()?;
        (file.metadata().ok()?.ino() == inode).then_some(file)
    };
    if let Some(file) = is_it(path) {
        return Some(file);
    }
    let name = path.file_name()?.to_string_lossy().into_owned();
    let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = std::fs::read_dir(dir).ok()?;
    beside
        .filter_map(Result::ok)
        .filter(|e| e.file_name().to_string_lossy().starts_with(&name))
        .find_map(|e| is_it(&e.path()))
}

/// Follows until the node stops.
pub(super) async fn follow<I: Intake>(path: PathBuf, from: FollowFrom, shared: Arc<Shared<I>>) {
    let key = path.to_string_lossy().into_owned();
    let source = SourceKey { carrier: Carrier::File, peer: key.clone() };
    let kept = shared.intake.position(&key).await;
    let line_bytes_max = shared.limits.message_bytes_max;
    let mut follower = Follower::new(path, kept, from, line_bytes_max);
    let mut saved = kept;
    let mut shutdown = shared.shutdown.clone();
    while !*shutdown.borrow() {
        let looked = tokio::task::spawn_blocking(move || {
            let look = follower.look();
            (follower, look)
        });
        let Ok((back, look)) = looked.await else {
            tracing::error!(path = key, "following a file was lost");
            return;
        };
        follower = back;
        for note in look.notes {
            shared.counters.refused(note, 1);
        }
        shared.counters.refused(reason::CUT, look.cut);
        shared.counters.read(look.lines.iter().map(Bytes::len).sum());
        if !shared.store_all(&source, look.lines, AtStop::ReadAgain).await {
            return;
        }
        let at = (follower.at.inode, follower.at.offset);
        if follower.at.inode != 0 && saved != Some(at) {
            shared.intake.save_position(&key, at.0, at.1).await;
            saved = Some(at);
        }
        if !look.more {
            tokio::select! {
                () = tokio::time::sleep(shared.limits.poll_every) => {}
                _ = shutdown.wait_for(|stop| *stop) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn append(path: &Path, text: &[u8]) {
        let mut file = File::options().append(true).create(true).open(path).expect("opens");
        file.write_all(text).expect("writes");
    }

    fn lines(follower: &mut Follower) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let look = follower.look();
            all.extend(look.lines.iter().map(|l| String::from_utf8_lossy(l).into_owned()));
            if !look.more {
                return all;
            }
        }
    }

    fn following(path: &Path) -> Follower {
        Follower::new(path.to_owned(), None, FollowFrom::Start, 50)
    }

    #[test]
    fn an_unfinished_line_waits() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        let mut follower = following(&path);
        assert_eq!(follower.look().notes, [reason::UNREADABLE]);
        assert!(follower.look().notes.is_empty(), "told once");
        append(&path, b"one\r\n\ntwo\nthr");
        assert_eq!(lines(&mut follower), ["one", "two"]);
        append(&path, b"ee\n");
        assert_eq!(lines(&mut follower), ["three"]);
        assert!(lines(&mut follower).is_empty());
    }

    #[test]
    fn rotation_loses_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        append(&path, b"one\n");
        let mut follower = following(&path);
        assert_eq!(lines(&mut follower), ["one"]);
        append(&path, b"two\nunfinished");
        std::fs::rename(&path, dir.path().join("log.1")).expect("renames");
        append(&dir.path().join("log.1"), b" but written on\n");
        append(&path, b"three\n");
        assert_eq!(lines(&mut follower), ["two", "unfinished but written on", "three"]);
    }

    #[test]
    fn rotation_while_nobody_looks_is_caught_up() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        append(&path, b"one\n");
        let mut follower = following(&path);
        lines(&mut follower);
        let kept = (follower.at.inode, follower.at.offset);
        drop(follower);
        append(&path, b"two\n");
        std::fs::rename(&path, dir.path().join("log.1")).expect("renames");
        append(&path, b"three\n");
        let mut follower = Follower::new(path, Some(kept), FollowFrom::End, 50);
        assert_eq!(lines(&mut follower), ["two", "three"]);
    }

    #[test]
    fn truncation_starts_again_and_is_noted() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        append(&path, b"one\ntwo\n");
        let mut follower = following(&path);
        lines(&mut follower);
        std::fs::write(&path, b"new\n").expect("truncates");
        let look = follower.look();
        assert_eq!((look.lines, look.notes), (vec![Bytes::from_static(b"new")], vec![reason::TRUNCATED]));
    }

    #[test]
    fn an_overlong_line_is_cut_and_the_next_one_works() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        let mut follower = following(&path);
        append(&path, &[b'x'; 200_000]);
        assert_eq!(lines(&mut follower).len(), 1);
        append(&path, b"still\nnext\n");
        assert_eq!(lines(&mut follower), ["next"]);
    }

    #[test]
    fn from_the_end_means_from_now_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        append(&path, b"old\n");
        let mut follower = Follower::new(path.clone(), None, FollowFrom::End, 50);
        append(&path, b"new\n");
        assert_eq!(lines(&mut follower), ["new"]);
    }
}
