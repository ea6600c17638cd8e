//! What pages show: plain values and their templates, one file a place. Pure: no app, no clock, no request, so that
//! every page can be rendered, looked at and tested with values made by hand.

use crate::parts::Html;

pub(crate) mod account;
pub(crate) mod alerts;
pub(crate) mod cases;
pub(crate) mod connect;
pub(crate) mod data_protection;
pub(crate) mod desk;
pub(crate) mod entry;
pub(crate) mod health;
pub(crate) mod map;
pub(crate) mod members;
pub(crate) mod now;
pub(crate) mod qr;
pub(crate) mod reach;
pub(crate) mod received;
pub(crate) mod rules;
pub(crate) mod security;
pub(crate) mod sharing;
pub(crate) mod sources;

/// One option of a closed set in a form.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub value: String,
    pub label: String,
    pub hint: String,
    pub picked: bool,
}

impl Choice {
    pub fn new(value: &str, label: String, picked: bool) -> Self {
        Self { value: value.to_owned(), label, hint: String::new(), picked }
    }

    pub fn selected(&self) -> Html {
        Html(if self.picked { " selected".to_owned() } else { String::new() })
    }

    pub fn checked(&self) -> Html {
        Html(if self.picked { " checked".to_owned() } else { String::new() })
    }
}

/// Keyset links of a list: back to the newest, on to older ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pager {
    pub newest: Option<String>,
    pub older: Option<String>,
}

/// One thing that happened, as a sentence.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub at: jiff::Timestamp,
    pub says: String,
}
