//! Field paths, resolved once into a table of names that events' fields are looked up in.
//! A file of its own because it is built when an engine is, and knows no event.

use super::{NONE, PATH_SEGMENTS_MAX, hash_key};

/// Field paths resolved once, looked up in one pass over an event's fields.
/// Shape: `a.b.c` is found as a flat key `a.b.c`, nested, or any mix (`a.b` then `c`); a segment `*` is any one member.
/// Slots are numbered in the order given.
#[derive(Debug, Default)]
pub struct PathTable {
    pub(super) nodes: Vec<PathNode>,
    pub(super) slot_count: usize,
}

#[derive(Debug, Default)]
pub(super) struct PathNode {
    /// Open addressing, a power of two; `None` ends a probe.
    buckets: Vec<Option<PathBucket>>,
    len: usize,
    /// Where the segment `*` leads: any member.
    pub(super) any: Option<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct PathBucket {
    hash: u64,
    key: Box<str>,
    pub(super) slot: u32,
    pub(super) child: u32,
}

impl PathTable {
    /// Builds a table; the n-th path gets slot n. Limits: a path's segments after the [`PATH_SEGMENTS_MAX`]th stay one key.
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut table = Self { nodes: vec![PathNode::default()], slot_count: 0 };
        for path in paths {
            let slot = table.slot_count as u32;
            table.insert(0, path, slot, PATH_SEGMENTS_MAX);
            table.slot_count += 1;
        }
        table
    }

    /// How many paths the table holds.
    pub fn slot_count(&self) -> usize {
        self.slot_count
    }

    fn insert(&mut self, node: usize, path: &str, slot: u32, segments_left: usize) {
        self.nodes[node].bucket(path).slot = slot;
        if segments_left == 0 {
            return;
        }
        for (dot, _) in path.match_indices('.') {
            let (head, tail) = (&path[..dot], &path[dot + 1..]);
            if head.is_empty() || tail.is_empty() {
                continue;
            }
            let child = self.child(node, head);
            self.insert(child as usize, tail, slot, segments_left - 1);
        }
    }

    fn child(&mut self, node: usize, head: &str) -> u32 {
        let fresh = self.nodes.len() as u32;
        let held = match head {
            "*" => *self.nodes[node].any.get_or_insert(fresh),
            _ => {
                let child = &mut self.nodes[node].bucket(head).child;
                if *child == NONE {
                    *child = fresh;
                }
                *child
            }
        };
        if held == fresh {
            self.nodes.push(PathNode::default());
        }
        held
    }
}

impl PathNode {
    pub(super) fn find(&self, hash: u64, is_key: impl Fn(&str) -> bool) -> Option<&PathBucket> {
        if self.buckets.is_empty() {
            return None;
        }
        let mask = self.buckets.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(bucket) = &self.buckets[at] {
            if bucket.hash == hash && is_key(&bucket.key) {
                return Some(bucket);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn bucket(&mut self, key: &str) -> &mut PathBucket {
        if (self.len + 1) * 2 > self.buckets.len() {
            self.grow();
        }
        let hash = hash_key(key.as_bytes());
        let mask = self.buckets.len() - 1;
        let mut at = hash as usize & mask;
        while self.buckets[at].as_ref().is_some_and(|held| held.hash != hash || &*held.key != key) {
            at = (at + 1) & mask;
        }
        if self.buckets[at].is_none() {
            self.len += 1;
        }
        self.buckets[at].get_or_insert_with(|| PathBucket { hash, key: key.into(), slot: NONE, child: NONE })
    }

    fn grow(&mut self) {
        let size = (self.buckets.len() * 2).max(8);
        let old = std::mem::replace(&mut self.buckets, vec![None; size]);
        for bucket in old.into_iter().flatten() {
            let mut at = bucket.hash as usize & (size - 1);
            while self.buckets[at].is_some() {
                at = (at + 1) & (size - 1);
            }
            self.buckets[at] = Some(bucket);
        }
    }
}
