//! A disk in memory that can lose power and run full. After a loss of power only
//! what was synced is certain; of the rest a random part survives: nothing, a
//! prefix, a torn or zeroed page. Tests only.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile};

/// Size of a page that can tear, small so that short logs have many.
const PAGE_BYTES: usize = 48;

/// Seeded numbers (splitmix64), so that a failure can be repeated.
pub(crate) struct Seeded(pub u64);

impl Seeded {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    live: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum DirChange {
    Link(String, usize),
    Unlink(String),
    Rename(String, String),
}

#[derive(Clone)]
struct Content {
    inodes: Vec<Inode>,
    dir: BTreeMap<String, usize>,
    durable_dir: BTreeMap<String, usize>,
    unsynced: Vec<DirChange>,
    /// Bytes written (and one for every other operation) until power is lost.
    power: Option<u64>,
    capacity: u64,
    /// This sync (counted down) fails.
    failing_sync: Option<u64>,
}

/// The disk; clones are the same disk.
#[derive(Clone)]
pub(crate) struct CrashDisk(Arc<Mutex<Content>>);

struct CrashFile(CrashDisk, usize);

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Truncate(len) => bytes.resize(*len, 0),
        Change::Write(at, data) => {
            if bytes.len() < at + data.len() {
                bytes.resize(at + data.len(), 0);
            }
            bytes[*at..at + data.len()].copy_from_slice(data);
        }
    }
}

fn apply_dir(dir: &mut BTreeMap<String, usize>, change: &DirChange) {
    match change {
        DirChange::Link(name, inode) => {
            dir.insert(name.clone(), *inode);
        }
        DirChange::Unlink(name) => {
            dir.remove(name);
        }
        DirChange::Rename(from, to) => {
            if let Some(inode) = dir.remove(from) {
                dir.insert(to.clone(), inode);
            }
        }
    }
}

impl CrashDisk {
    pub(crate) fn new() -> Self {
        CrashDisk(Arc::new(Mutex::new(Content {
            inodes: Vec::new(),
            dir: BTreeMap::new(),
            durable_dir: BTreeMap::new(),
            unsynced: Vec::new(),
            power: None,
            capacity: u64::MAX / 4,
            failing_sync: None,
        })))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lose_power_after(&self, bytes: u64) {
        self.content().power = Some(bytes);
    }

    pub(crate) fn has_power(&self) -> bool {
        self.content().power != Some(0)
    }

    pub(crate) fn power_left(&self) -> u64 {
        self.content().power.unwrap_or(0)
    }

    pub(crate) fn set_capacity(&self, bytes: u64) {
        self.content().capacity = bytes;
    }

    pub(crate) fn fail_sync(&self, number: u64) {
        self.content().failing_sync = Some(number);
    }

    /// What a machine finds that comes up again after losing power now.
    pub(crate) fn after_power_loss(&self, seed: u64) -> CrashDisk {
        let mut random = Seeded(seed);
        let mut content = self.content().clone();
        let survive = random.below(content.unsynced.len() + 1);
        let mut dir = content.durable_dir.clone();
        for change in &content.unsynced[..survive] {
            apply_dir(&mut dir, change);
        }
        content.dir = dir.clone();
        content.durable_dir = dir;
        content.unsynced.clear();
        for inode in &mut content.inodes {
            inode.live = survivors(inode, &mut random);
            inode.durable = inode.live.clone();
            inode.unsynced.clear();
        }
        content.power = None;
        content.failing_sync = None;
        CrashDisk(Arc::new(Mutex::new(content)))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.content().dir.keys().cloned().collect()
    }

    pub(crate) fn file_len(&self, name: &str) -> usize {
        let content = self.content();
        content.inodes[content.dir[name]].live.len()
    }

    pub(crate) fn flip_bit(&self, name: &str, byte: usize, bit: u8) {
        let mut content = self.content();
        let inode = content.dir[name];
        content.inodes[inode].live[byte] ^= 1 << bit;
        content.inodes[inode].durable = content.inodes[inode].live.clone();
    }

    pub(crate) fn copy(&self) -> CrashDisk {
        CrashDisk(Arc::new(Mutex::new(self.content().clone())))
    }
}

/// Of what was not synced, a random part.
fn survivors(inode: &Inode, random: &mut Seeded) -> Vec<u8> {
    let mut bytes = inode.durable.clone();
    if inode.unsynced.is_empty() || random.below(4) == 0 {
        return bytes;
    }
    let whole = random.below(inode.unsynced.len() + 1);
    for change in &inode.unsynced[..whole] {
        apply(&mut bytes, change);
    }
    if let Some(Change::Write(at, data)) = inode.unsynced.get(whole) {
        let cut = random.below(data.len() + 1);
        apply(&mut bytes, &Change::Write(*at, data[..cut].to_vec()));
    }
    let unsure = inode.durable.len().min(bytes.len());
    if random.below(2) == 0 && bytes.len() > unsure {
        let page = unsure + random.below(bytes.len() - unsure);
        let end = (page + PAGE_BYTES).min(bytes.len());
        match random.below(2) {
            0 => bytes[page..end].fill(0),
            _ => bytes[page..].fill(0),
        }
    }
    bytes
}

impl Content {
    /// Takes `cost` from the power left; answers how much of it still happens.
    fn spend(&mut self, cost: u64) -> u64 {
        let Some(left) = &mut self.power else { return cost };
        let done = cost.min(*left);
        *left -= done;
        done
    }

    fn step(&mut self) -> io::Result<()> {
        if self.spend(1) == 1 { Ok(()) } else { Err(io::Error::other("no power")) }
    }

    fn used(&self) -> u64 {
        self.dir.values().map(|i| self.inodes[*i].live.len() as u64).sum()
    }

    fn change_dir(&mut self, change: DirChange) -> io::Result<()> {
        self.step()?;
        apply_dir(&mut self.dir, &change);
        self.unsynced.push(change);
        Ok(())
    }

    fn change(&mut self, inode: usize, change: Change) {
        apply(&mut self.inodes[inode].live, &change);
        self.inodes[inode].unsynced.push(change);
    }
}

impl Disk for CrashDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut content = self.content();
        let inode = match content.dir.get(name) {
            Some(inode) => {
                let inode = *inode;
                content.step()?;
                content.change(inode, Change::Truncate(0));
                inode
            }
            None => {
                content.inodes.push(Inode::default());
                let inode = content.inodes.len() - 1;
                content.change_dir(DirChange::Link(name.to_owned(), inode))?;
                inode
            }
        };
        Ok(Arc::new(CrashFile(self.clone(), inode)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        match self.content().dir.get(name) {
            Some(inode) => Ok(Arc::new(CrashFile(self.clone(), *inode))),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.content().change_dir(DirChange::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut content = self.content();
        if !content.dir.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        content.change_dir(DirChange::Unlink(name.to_owned()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut content = self.content();
        content.step()?;
        content.durable_dir = content.dir.clone();
        content.unsynced.clear();
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        let content = self.content();
        Ok(content.capacity.saturating_sub(content.used()))
    }
}

impl DiskFile for CrashFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.0.content();
        let end = offset + bytes.len() as u64;
        let grows = end.saturating_sub(content.inodes[self.1].live.len() as u64);
        let room = content.capacity.saturating_sub(content.used());
        let fits = bytes.len() as u64 - grows.saturating_sub(room).min(bytes.len() as u64);
        let done = content.spend(fits);
        content.change(self.1, Change::Write(offset as usize, bytes[..done as usize].to_vec()));
        if done < fits {
            return Err(io::Error::other("no power"));
        }
        if fits < bytes.len() as u64 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let content = self.0.content();
        let live = &content.inodes[self.1].live;
        let start = offset as usize;
        match live.get(start..start + bytes.len()) {
            Some(found) => {
                bytes.copy_from_slice(found);
                Ok(())
            }
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut content = self.0.content();
        content.step()?;
        if let Some(left) = &mut content.failing_sync {
            if *left == 0 {
                content.failing_sync = None;
                return Err(io::Error::other("sync failed"));
            }
            *left -= 1;
        }
        let inode = &mut content.inodes[self.1];
        inode.durable = inode.live.clone();
        inode.unsynced.clear();
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut content = self.0.content();
        content.step()?;
        content.change(self.1, Change::Truncate(len as usize));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.content().inodes[self.1].live.len() as u64)
    }
}
