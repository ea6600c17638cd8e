//! *Data protection*: what is stated, the switch, and documents to print.

use askama::Template;

use crate::frame::{Frame, Link, Scheme};

/// A field of the form.
#[derive(Debug, Clone)]
pub(crate) struct StatementField {
    pub name: &'static str,
    pub label: String,
    pub hint: String,
    pub value: String,
}

/// A document in the list.
#[derive(Debug, Clone)]
pub(crate) struct DocumentRow {
    pub id: &'static str,
    pub name: String,
    pub hint: String,
}

#[derive(Template)]
#[template(path = "data-protection.html", whitespace = "minimize")]
pub(crate) struct DataProtectionPage {
    pub f: Frame,
    /// Whether the rules run.
    pub on: bool,
    /// What is missing, as a sentence; empty where nothing is.
    pub missing: String,
    /// Title and description.
    pub rules: Vec<(String, String)>,
    pub fields: Vec<StatementField>,
    pub documents: Vec<DocumentRow>,
}

/// One heading of a document and what stands under it.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub title: String,
    pub paragraphs: Vec<String>,
    /// Rows of a table without a head: a name and what belongs to it.
    pub rows: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "document.html", whitespace = "minimize")]
pub(crate) struct DocumentPage {
    pub f: Frame,
    pub draft: String,
    pub sections: Vec<Section>,
}
