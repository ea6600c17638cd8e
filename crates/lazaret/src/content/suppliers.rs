//! The list of suppliers and products, with ids that never change.
//! A file of its own because configuration, screens, rules and scenarios all refer to these ids.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Content;

/// A kind of product, e.g. `pacs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Stable id.
    pub id: String,
    /// What people call it, in English.
    pub name: String,
}

/// A firm or project and what it makes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supplier {
    /// Stable id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its products in hospitals; empty for a service provider.
    pub products: Vec<Product>,
}

/// One product.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Stable id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Id of its [`Category`].
    pub category: String,
}

/// The whole list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppliers {
    /// Categories in the order that screens show.
    #[serde(rename = "category")]
    pub categories: Vec<Category>,
    /// Suppliers in the order that screens show.
    #[serde(rename = "supplier")]
    pub suppliers: Vec<Supplier>,
}

impl Suppliers {
    /// Reads `suppliers.toml`. Errors: unknown category, an id used twice.
    pub fn read(content: &Content) -> Result<Self> {
        Self::parse(content.text("suppliers.toml").context("suppliers.toml is missing")?)
    }

    /// Reads the text of a supplier list.
    pub fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text).context("suppliers.toml")?;
        let mut ids = BTreeSet::new();
        for id in list.categories.iter().map(|category| &category.id) {
            ensure!(ids.insert(id), "suppliers.toml: category {id:?} is there twice");
        }
        let (categories, mut ids) = (ids, BTreeSet::new());
        for supplier in &list.suppliers {
            ensure!(ids.insert(&supplier.id), "suppliers.toml: supplier {:?} is there twice", supplier.id);
        }
        let mut ids = BTreeSet::new();
        for product in list.suppliers.iter().flat_map(|supplier| &supplier.products) {
            ensure!(ids.insert(&product.id), "suppliers.toml: product {:?} is there twice", product.id);
            ensure!(
                categories.contains(&product.category),
                "suppliers.toml: {:?} names no category: {:?}",
                product.id,
                product.category
            );
        }
        Ok(list)
    }

    /// The ids of suppliers that make something in one of the categories.
    pub fn in_categories<'a>(&'a self, categories: &'a [String]) -> impl Iterator<Item = &'a str> {
        let makes =
            |supplier: &&Supplier| supplier.products.iter().any(|product| categories.contains(&product.category));
        self.suppliers.iter().filter(makes).map(|supplier| supplier.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_list_is_sound_and_covers_every_category() {
        let list = Suppliers::read(&Content::builtin()).unwrap();
        for category in &list.categories {
            let wanted = [category.id.clone()];
            assert!(list.in_categories(&wanted).next().is_some(), "nobody in {}", category.id);
        }
    }

    #[test]
    fn a_doubled_id_and_an_unknown_category_are_refused() {
        let head = "[[category]]\nid = 'his'\nname = 'x'\n";
        let supplier = "[[supplier]]\nid = 'a'\nname = 'A'\nproducts = [{ id = 'p', name = 'P', category = 'his' }]\n";
        assert!(Suppliers::parse(&format!("{head}{supplier}")).is_ok());
        assert!(Suppliers::parse(&format!("{head}{supplier}{supplier}")).is_err());
        assert!(Suppliers::parse(&format!("{head}{}", supplier.replace("'his'", "'hys'"))).is_err());
    }
}
