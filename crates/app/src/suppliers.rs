//! Suppliers and products: the list that content carries, and what this hospital answered about it.
//! A file of its own because a verdict, a sighting's tags and a page all ask the same questions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One supplier of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierEntry {
    /// Stable id.
    pub id: String,
    /// The name people know.
    pub name: String,
    /// Its products.
    #[serde(default, rename = "product")]
    pub products: Vec<ProductEntry>,
}

/// One product of a supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductEntry {
    /// Stable id.
    pub id: String,
    /// The name people know.
    pub name: String,
    /// What it is, e.g. `his`, `pacs`, `backup`, `vpn`.
    pub kind: String,
}

/// The whole list, as content carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierList {
    /// The suppliers.
    #[serde(default, rename = "supplier")]
    pub suppliers: Vec<SupplierEntry>,
}

impl SupplierList {
    /// Reads the list from TOML. Errors: the parser's message with line and column.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// What a hospital says about one supplier or product. *Unknown* is the default and makes a verdict *cannot tell*.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is used here.
    Used,
    /// It is not used here.
    NotUsed,
    /// Nobody said.
    #[default]
    Unknown,
}

/// Answers by supplier or product id; an absent id is [`Answer::Unknown`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(pub BTreeMap<String, Answer>);

impl Answers {
    /// What was said about an id.
    pub fn of(&self, id: &str) -> Answer {
        self.0.get(id).copied().unwrap_or_default()
    }

    /// What was said about any of the ids: used if one is, not used if all are not, else unknown.
    pub fn of_any<'a>(&self, ids: impl IntoIterator<Item = &'a String>) -> Answer {
        let mut all_not_used = true;
        for id in ids {
            match self.of(id) {
                Answer::Used => return Answer::Used,
                Answer::NotUsed => {}
                Answer::Unknown => all_not_used = false,
            }
        }
        if all_not_used { Answer::NotUsed } else { Answer::Unknown }
    }

    /// Ids of the suppliers used here that have a product of one of these kinds: the tags of a sighting. A supplier is
    /// used where it is answered so itself, or such a product of it is.
    pub fn used_of_kinds(&self, list: &SupplierList, kinds: &[String]) -> Vec<String> {
        let used = |supplier: &&SupplierEntry| {
            let of_kind = || supplier.products.iter().filter(|product| kinds.contains(&product.kind));
            let supplier_used = self.of(&supplier.id) == Answer::Used;
            of_kind().any(|product| supplier_used || self.of(&product.id) == Answer::Used)
        };
        list.suppliers.iter().filter(used).map(|supplier| supplier.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pairs: &[(&str, Answer)]) -> Answers {
        Answers(pairs.iter().map(|(id, answer)| ((*id).to_owned(), *answer)).collect())
    }

    #[test]
    fn one_used_settles_it_and_one_unknown_leaves_it_open() {
        let ids = ["a".to_owned(), "b".to_owned()];
        let check = |pairs: &[(&str, Answer)], answer| assert_eq!(answers(pairs).of_any(&ids), answer, "{pairs:?}");
        check(&[("a", Answer::NotUsed), ("b", Answer::Used)], Answer::Used);
        check(&[("a", Answer::NotUsed), ("b", Answer::NotUsed)], Answer::NotUsed);
        check(&[("a", Answer::NotUsed)], Answer::Unknown);
        check(&[], Answer::Unknown);
    }
}
