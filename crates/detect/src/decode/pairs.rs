//! The name–value pairs that a text decoder finds, in the order of the text.
//! A file of its own because every text decoder fills one and the limit on their number is stated once, here.

use std::borrow::Cow;

/// One name and its value; borrowed from the line unless an escape had to be undone.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The most pairs kept of one event; further ones are dropped and counted.
pub const PAIRS_MAX: usize = 512;

/// Pairs in the order they were found.
/// Shape: a name may appear several times, which means *any of these values*, like a JSON array.
/// Limits: [`PAIRS_MAX`] pairs; what comes after is counted in [`Pairs::dropped`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs<'a> {
    list: Vec<Pair<'a>>,
    dropped: usize,
}

impl<'a> Pairs<'a> {
    /// No pairs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pair, or counts it as dropped where the limit is reached.
    pub fn push(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        if self.list.len() < PAIRS_MAX {
            self.list.push((name.into(), value.into()));
        } else {
            self.dropped += 1;
        }
    }

    /// Adds a pair where there is a value.
    pub fn push_some(&mut self, name: &'static str, value: Option<&'a str>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// The first value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.list.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_ref())
    }

    /// Every value under a name, in order.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> + 's {
        self.list.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_ref())
    }

    /// How many pairs the limit left out.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The pairs in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Pair<'a>> {
        self.list.iter()
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The pairs as a plain list.
    pub fn into_list(self) -> Vec<Pair<'a>> {
        self.list
    }

    /// The same pairs, independent of the text they were read from.
    pub fn into_owned(self) -> Pairs<'static> {
        let list = self.list.into_iter();
        let owned = list.map(|(n, v)| (Cow::Owned(n.into_owned()), Cow::Owned(v.into_owned())));
        Pairs { list: owned.collect(), dropped: self.dropped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_what_it_drops() {
        let mut pairs = Pairs::new();
        for _ in 0..PAIRS_MAX + 3 {
            pairs.push("a", "b");
        }
        assert_eq!((pairs.len(), pairs.dropped()), (PAIRS_MAX, 3));
    }

    #[test]
    fn a_repeated_name_keeps_every_value() {
        let mut pairs = Pairs::new();
        pairs.push("UserID", "one");
        pairs.push("UserID", "two");
        assert_eq!(pairs.get("UserID"), Some("one"));
        assert_eq!(pairs.all("UserID").collect::<Vec<_>>(), ["one", "two"]);
    }
}
