//! A small seeded generator of numbers (SplitMix64), the same on every machine and in every version.
//! A file of its own because the ordinary day, the scenarios and the names must give the same lines for the same seed for ever,
//! which no outside crate promises.

/// Numbers that look random and follow from the seed. Not for keys.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Starts at a seed mixed with what the numbers are for, so that two purposes never share their numbers.
    pub fn for_purpose(seed: u64, purpose: &[u64]) -> Self {
        let mut mixed = Self(seed);
        for part in purpose {
            mixed.0 = mixed.next() ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        Self(mixed.next())
    }

    /// The next number. Not an iterator: it never ends.
    #[allow(clippy::should_implement_trait, reason = "an endless iterator would only add Option to every use")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        if high <= low {
            return low;
        }
        low + self.next() % (high - low + 1)
    }

    /// An index below `length`; 0 where `length` is 0.
    pub fn index(&mut self, length: usize) -> usize {
        self.between(0, (length as u64).saturating_sub(1)) as usize
    }

    /// Puts a list into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.index(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_other_purpose_other_numbers() {
        let draw = |purpose: u64| Random::for_purpose(7, &[purpose, 1]).next();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(Random::new(0).next(), 0xe220_a839_7b1d_cdaf, "the published first value of SplitMix64");
    }

    #[test]
    fn between_holds_both_ends() {
        let mut random = Random::new(3);
        let drawn: std::collections::BTreeSet<u64> = (0..200).map(|_| random.between(4, 6)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [4, 5, 6]);
        assert_eq!(random.between(9, 2), 9);
    }
}
