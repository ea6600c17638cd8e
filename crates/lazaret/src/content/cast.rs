//! Who plays: six hospitals in two countries, their suppliers, and the attackers' names, all drawn from a seed.
//! A file of its own because the demonstration sets up its nodes from it before any scenario begins.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::Content;
use super::names::HospitalNames;
use super::random::Random;
use super::suppliers::{Product, Supplier};

/// How many hospitals play.
pub const SEATS: usize = 6;
/// How many of them are in the first country; the rest are in the second.
pub const SEATS_FIRST_COUNTRY: usize = 3;

/// Whether the hospitals share what the attacker uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The attack: one set of addresses, one supplier in common.
    Attack,
    /// The control: every hospital has its own trouble, its own addresses, its own suppliers. No warning may come of it.
    Control,
}

/// The hospitals of one run.
#[derive(Debug, Clone)]
pub struct Cast {
    /// The seed it was drawn from.
    pub seed: u64,
    /// Whether the pattern is shared.
    pub variant: Variant,
    /// ISO 3166-1 alpha-2 codes of the two countries.
    pub countries: [&'static str; 2],
    /// The hospitals, in order of their seat.
    pub seats: Vec<Seat>,
    /// The invented suppliers of this run, in the shape of the supplier list.
    pub suppliers: Vec<Supplier>,
}

/// One hospital of a run.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Its names.
    pub names: HospitalNames,
    /// Its country's code.
    pub country: &'static str,
    /// Ids of the invented suppliers that it says it uses.
    pub suppliers: Vec<String>,
    /// Ids of their products.
    pub products: Vec<String>,
}

/// What one attacker uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttackNames {
    /// The control server's domain.
    pub c2_domain: String,
    /// The control server's address.
    pub c2_ip: String,
    /// The address from which the attacker logs on.
    pub attacker_ip: String,
    /// SHA-256 of the tool, upper case as Sysmon writes it.
    pub digest: String,
    /// What the virus protection calls the tool.
    pub threat: String,
    /// What the encryption program is called.
    pub family: String,
    /// What the tool's file is called.
    pub word: String,
    /// The supplier's account that the attacker uses.
    pub vendor_account: String,
}

const COUNTRIES: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];
const CATEGORIES: [&str; 8] =
    ["his", "pacs", "laboratory", "firewall-vpn", "backup", "hypervisor", "endpoint-protection", "service-provider"];

impl Cast {
    /// Draws a run. `shared` says per supplier category which seats have the same supplier in the attack.
    pub fn draw(
        content: &Content,
        seed: u64,
        variant: Variant,
        shared: &BTreeMap<String, BTreeSet<usize>>,
    ) -> Result<Self> {
        for (category, seats) in shared {
            ensure!(CATEGORIES.contains(&category.as_str()), "no invented suppliers in category {category:?}");
            ensure!(seats.iter().all(|seat| *seat < SEATS), "a pattern names a seat beyond {}", SEATS - 1);
        }
        let mut random = Random::for_purpose(seed, &[20]);
        let mut countries = COUNTRIES;
        random.shuffle(&mut countries);
        let countries = [countries[0], countries[1]];
        let mut words = words(content)?;
        let mut business = pool(content, "business")?;
        random.shuffle(&mut words);
        random.shuffle(&mut business);
        let mut suppliers = Vec::new();
        for (number, category) in CATEGORIES.into_iter().enumerate() {
            for of_category in 0..=SEATS {
                let index = number * (SEATS + 1) + of_category;
                let word = words.get(index % words.len()).context("scenarios/names.toml has no words")?;
                suppliers.push(invented(category, of_category, word, &business[number % business.len()]));
            }
        }
        let seats = (0..SEATS).map(|seat| {
            let uses = |category: &str| {
                let common =
                    variant == Variant::Attack && shared.get(category).is_some_and(|seats| seats.contains(&seat));
                invented_id(category, if common { 0 } else { seat + 1 })
            };
            let used: Vec<String> = CATEGORIES.into_iter().map(uses).collect();
            Ok(Seat {
                names: HospitalNames::draw(content, seed, seat)?,
                country: if seat < SEATS_FIRST_COUNTRY { countries[0] } else { countries[1] },
                products: used.iter().map(|id| format!("{id}-product")).collect(),
                suppliers: used,
            })
        });
        Ok(Self { seed, variant, countries, seats: seats.collect::<Result<_>>()?, suppliers })
    }
}

impl AttackNames {
    /// Draws what an attacker uses; two different numbers below 100 of one seed never share an address or a domain.
    pub fn draw(content: &Content, seed: u64, number: usize) -> Result<Self> {
        let mut words = words(content)?;
        Random::for_purpose(seed, &[30]).shuffle(&mut words);
        let mut hosts: Vec<u64> = (1..=254).collect();
        Random::for_purpose(seed, &[31]).shuffle(&mut hosts);
        let mut random = Random::for_purpose(seed, &[32, number as u64]);
        let mut pick = |name: &str| -> Result<String> {
            let list = pool(content, name)?;
            let index = random.index(list.len());
            list.into_iter().nth(index).with_context(|| format!("scenarios/names.toml: {name} is empty"))
        };
        let (end, threat, vendor_account) = (pick("domain_end")?, pick("threat")?, pick("vendor_account")?);
        let word = |offset: usize| words[(number * 3 + offset) % words.len()].clone();
        let mut digest = String::new();
        for _ in 0..4 {
            digest.push_str(&format!("{:016X}", random.next()));
        }
        Ok(Self {
            c2_domain: format!("{}-{end}{number}.example", word(0)),
            c2_ip: format!("203.0.113.{}", hosts[number * 2 % hosts.len()]),
            attacker_ip: format!("203.0.113.{}", hosts[(number * 2 + 1) % hosts.len()]),
            digest,
            threat,
            family: format!("{}lock", word(1)),
            word: word(2),
            vendor_account,
        })
    }

    /// The values that scenario lines may use by name, in a fixed order.
    pub fn variables(&self) -> [(&'static str, String); 8] {
        [
            ("c2_domain", self.c2_domain.clone()),
            ("c2_ip", self.c2_ip.clone()),
            ("attacker_ip", self.attacker_ip.clone()),
            ("digest", self.digest.clone()),
            ("threat", self.threat.clone()),
            ("family", self.family.clone()),
            ("word", self.word.clone()),
            ("vendor_account", self.vendor_account.clone()),
        ]
    }
}

fn invented_id(category: &str, number: usize) -> String {
    format!("invented-{category}-{number}")
}

fn invented(category: &str, number: usize, word: &str, business: &str) -> Supplier {
    let id = invented_id(category, number);
    let name = format!("{}{} {business}", word[..1].to_uppercase(), &word[1..]);
    Supplier {
        products: vec![Product { id: format!("{id}-product"), name: name.clone(), category: category.to_owned() }],
        id,
        name,
    }
}

fn pool(content: &Content, name: &str) -> Result<Vec<String>> {
    let text = content.text("scenarios/names.toml").context("scenarios/names.toml is missing")?;
    let mut pools: BTreeMap<String, Vec<String>> = toml::from_str(text).context("scenarios/names.toml")?;
    let list = pools.remove(name).with_context(|| format!("scenarios/names.toml has no {name}"))?;
    ensure!(!list.is_empty(), "scenarios/names.toml: {name} is empty");
    Ok(list)
}

fn words(content: &Content) -> Result<Vec<String>> {
    let words = pool(content, "word")?;
    ensure!(
        words.iter().all(|word| word.is_ascii() && !word.is_empty()),
        "scenarios/names.toml: words must be plain letters"
    );
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, variant: Variant) -> Cast {
        let shared = BTreeMap::from([("his".to_owned(), BTreeSet::from([1, 2, 3]))]);
        Cast::draw(&Content::builtin(), seed, variant, &shared).unwrap()
    }

    #[test]
    fn the_attack_shares_one_supplier_and_the_control_none() {
        let attack = draw(9, Variant::Attack);
        let common = |cast: &Cast, one: usize, other: usize| {
            cast.seats[one].suppliers.iter().filter(|id| cast.seats[other].suppliers.contains(id)).count()
        };
        assert_eq!(common(&attack, 1, 3), 1);
        assert_eq!(common(&attack, 1, 4), 0);
        let control = draw(9, Variant::Control);
        for one in 0..SEATS {
            for other in 0..one {
                assert_eq!(common(&control, one, other), 0);
            }
        }
        assert_eq!(attack.seats.iter().filter(|seat| seat.country == attack.countries[0]).count(), SEATS_FIRST_COUNTRY);
        assert_ne!(attack.countries[0], attack.countries[1]);
    }

    #[test]
    fn attackers_of_one_seed_never_share_an_address_and_seeds_rename_them() {
        let content = Content::builtin();
        let mut seen = BTreeSet::new();
        for number in 0..20 {
            let names = AttackNames::draw(&content, 4, number).unwrap();
            assert!(seen.insert(names.c2_ip) && seen.insert(names.attacker_ip) && seen.insert(names.c2_domain));
        }
        let domain = |seed| AttackNames::draw(&content, seed, 0).unwrap().c2_domain;
        assert!((5..15).any(|seed| domain(seed) != domain(4)));
    }
}
