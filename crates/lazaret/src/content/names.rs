//! What a hospital is called in generated lines: domain, short name, people, address block.
//! A file of its own because the ordinary day and the scenarios must agree on it for one seed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::Content;
use super::random::Random;

/// How many people work with computers in a generated hospital.
const USERS: usize = 300;

/// The names of one generated hospital.
#[derive(Debug, Clone)]
pub struct HospitalNames {
    /// What people call it, e.g. `Lindenhof Hospital`.
    pub title: String,
    /// One word, lower case, e.g. `lindenhof`.
    pub town: String,
    /// Its network name under `.example` (RFC 2606).
    pub domain: String,
    /// Its Windows domain, e.g. `LINDENHOF`.
    pub netbios: String,
    /// The second number of its inside addresses, `10.<net>.0.0/16`.
    pub net: u8,
    /// Lists to pick from, by name; `user` is among them.
    pub pools: BTreeMap<String, Vec<String>>,
    /// What lines about this hospital are drawn from.
    pub seed: u64,
}

impl HospitalNames {
    /// Draws the hospital number `index` of a seed. Two indexes below the number of towns never share a town or block.
    pub fn draw(content: &Content, seed: u64, index: usize) -> Result<Self> {
        let text = content.text("ordinary_day/names.toml").context("ordinary_day/names.toml is missing")?;
        let mut pools: BTreeMap<String, Vec<String>> = toml::from_str(text).context("ordinary_day/names.toml")?;
        let mut towns = pools.remove("town").unwrap_or_default();
        ensure!(index < towns.len(), "ordinary_day/names.toml has {} towns, hospital {index} needs more", towns.len());
        Random::for_purpose(seed, &[1]).shuffle(&mut towns);
        let town = towns.swap_remove(index);
        let users = users(&pools, &mut Random::for_purpose(seed, &[2, index as u64]));
        pools.insert("user".to_owned(), users);
        let first_block = Random::for_purpose(seed, &[3]).between(16, 60) as usize;
        Ok(Self {
            title: format!("{} Hospital", capitalised(&town)),
            domain: format!("{town}.example"),
            netbios: town.to_uppercase(),
            net: (first_block + index * 3) as u8,
            pools,
            seed: Random::for_purpose(seed, &[4, index as u64]).next(),
            town,
        })
    }

    /// The values that templates may use by name, in a fixed order.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("hospital", self.title.clone()),
            ("town", self.town.clone()),
            ("domain", self.domain.clone()),
            ("nb", self.netbios.clone()),
            ("net", self.net.to_string()),
        ]
    }
}

fn users(pools: &BTreeMap<String, Vec<String>>, random: &mut Random) -> Vec<String> {
    let none = Vec::new();
    let (first, last) = (pools.get("first").unwrap_or(&none), pools.get("last").unwrap_or(&none));
    let mut all: Vec<String> =
        first.iter().flat_map(|first| last.iter().map(move |last| format!("{first}.{last}"))).collect();
    random.shuffle(&mut all);
    all.truncate(USERS);
    all
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_hospitals_share_no_name_and_no_address() {
        let content = Content::builtin();
        let drawn: Vec<HospitalNames> = (0..6).map(|index| HospitalNames::draw(&content, 11, index).unwrap()).collect();
        for (at, one) in drawn.iter().enumerate() {
            for other in &drawn[..at] {
                assert_ne!(one.domain, other.domain);
                assert_ne!(one.net, other.net);
            }
            assert_eq!(one.pools["user"].len(), USERS);
        }
        assert_eq!(drawn[2].domain, HospitalNames::draw(&content, 11, 2).unwrap().domain, "same seed, same names");
        assert!((12..40).any(|seed| HospitalNames::draw(&content, seed, 0).unwrap().domain != drawn[0].domain));
    }
}
