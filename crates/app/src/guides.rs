//! Connecting a source: for each product the lines that make it send its log here, and whether its events arrive.
//! A file of its own because content writes the lines, a page fills them in, and *connected* is decided by neither.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use store::Source;

use crate::{App, Result};

/// The listener that lines speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Syslog over UDP.
    SyslogUdp,
    /// Syslog over TCP.
    SyslogTcp,
    /// Syslog over TLS.
    SyslogTls,
    /// HTTP, plain or over TLS.
    Http,
    /// A file on this node's machine.
    File,
}

/// What `lines` may leave for the page to fill in.
pub const PLACEHOLDERS: [&str; 5] = ["{host}", "{port}", "{url}", "{token}", "{certificate}"];

/// One product and how it is connected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceGuide {
    /// Stable id; also the file's name.
    pub id: String,
    /// What people call the product.
    pub name: String,
    /// Its place in the list.
    pub order: u32,
    /// The shapes of `content/mappings` in which its events are recognised.
    pub shapes: Vec<String>,
    /// What rules can see in it, one sentence.
    pub shows: String,
    /// What to do, in order.
    #[serde(rename = "step")]
    pub steps: Vec<GuideStep>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuideStep {
    /// In words.
    pub say: String,
    /// What to paste; see [`PLACEHOLDERS`].
    #[serde(default)]
    pub lines: String,
    /// Where the lines send to; none where they send nothing.
    #[serde(default)]
    pub way: Option<Way>,
    /// The product and version that sent us an event with exactly these lines; empty where nobody tried.
    #[serde(default)]
    pub tried: String,
}

impl SourceGuide {
    /// Reads one file. Errors: the parser's message with line and column.
    pub fn parse(text: &str) -> std::result::Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// A guide and what arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuideView {
    /// The guide.
    pub guide: SourceGuide,
    /// The sources whose events are recognised as this product's.
    pub connected: Vec<Source>,
    /// Sources that first sent after `since` and are recognised as something else, or as nothing.
    pub others: Vec<Source>,
}

impl App {
    /// Every guide with the sources that are connected, in the order of the list.
    pub async fn source_guides(&self) -> Result<Vec<GuideView>> {
        let sources = self.store.sources().await?;
        let view = |guide: &SourceGuide| GuideView {
            connected: sources.iter().filter(|source| guide.shapes.contains(&source.format)).cloned().collect(),
            others: Vec::new(),
            guide: guide.clone(),
        };
        Ok(self.guides.iter().map(view).collect())
    }

    /// One guide; none of that id is none. `since` is when somebody began to connect.
    pub async fn source_guide(&self, id: &str, since: Option<Timestamp>) -> Result<Option<GuideView>> {
        let Some(mut view) = self.source_guides().await?.into_iter().find(|view| view.guide.id == id) else {
            return Ok(None);
        };
        if let Some(since) = since {
            let known: BTreeSet<u32> = view.connected.iter().map(|source| source.number).collect();
            let came = |source: &Source| source.created_at >= since;
            view.others = self.store.sources().await?;
            view.others.retain(|source| !known.contains(&source.number) && came(source));
        }
        Ok(Some(view))
    }

    /// The name of the product whose guide makes this shape arrive.
    pub(crate) fn guide_of_shape(&self, shape: &str) -> Option<&SourceGuide> {
        self.guides.iter().find(|guide| guide.shapes.iter().any(|known| known == shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_refused_with_its_line() {
        let text = "id = 'a'\nname = 'A'\norder = 1\nshapes = []\nshows = 'x'\n[[step]]\nsay = 'do'\nlnes = 'x'\n";
        assert!(SourceGuide::parse(text).unwrap_err().to_string().contains("lnes"));
        let read = SourceGuide::parse(&text.replace("lnes", "lines")).unwrap();
        assert_eq!(read.steps[0].way, None);
    }
}
