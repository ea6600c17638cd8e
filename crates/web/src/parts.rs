//! The small parts of pages that are more than a word and less than a template: marks, labels, moments.
//! A file of its own because each has one look everywhere, and a shape or colour chosen elsewhere is a defect.

use std::fmt;

use askama::filters::HtmlSafe;
use domain::marking::Tlp;
use domain::telemetry::{Level, Verdict};
use jiff::Timestamp;

use crate::frame::Frame;

/// Markup made by this crate; everything else is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Html(pub(crate) String);

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

impl askama::FastWritable for Html {
    fn write_into(&self, out: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        out.write_str(&self.0)?;
        Ok(())
    }
}

/// Text as HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The shape of a level: octagon, triangle, diamond, square. Always beside its word.
pub fn level_shape(level: Level) -> &'static str {
    match level {
        Level::Critical => "M4.7 1h6.6L15 4.7v6.6L11.3 15H4.7L1 11.3V4.7z",
        Level::High => "M8 1.2 15.6 15H.4z",
        Level::Medium => "M8 .6 15.4 8 8 15.4.6 8z",
        Level::Low | Level::Informational => "M2 2h12v12H2z",
    }
}

/// The shape of a level as an inline drawing.
pub fn level_svg(level: Level) -> String {
    format!("<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"{}\"/></svg>", level_shape(level))
}

fn verdict_svg(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Hit => {
            "<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M4.7 1h6.6L15 4.7v6.6L11.3 15H4.7L1 11.3V4.7zM7 3.6v5.2h2V3.6zm0 6.6v2.1h2v-2.1z\"/></svg>"
        }
        Verdict::Exposed => {
            "<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M8 1.2 15.6 15H.4zM7 6v4.4h2V6zm0 5.5v1.9h2v-1.9z\"/></svg>"
        }
        Verdict::NotConcerned => {
            "<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M8 .8a7.2 7.2 0 1 0 0 14.4A7.2 7.2 0 0 0 8 .8zm3.5 4 1.4 1.4-5.9 6-3.6-3.5 1.4-1.5L7 9.4z\"/></svg>"
        }
        Verdict::CannotTell => {
            "<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M8 .6 15.4 8 8 15.4.6 8zm-.9 3.2v1.5h1.8c.5 0 .8.2.8.6 0 .3-.2.5-.6.7-.9.4-1.5.9-1.5 2v.4h1.7v-.3c0-.4.3-.6.8-.9.7-.4 1.3-1 1.3-1.9 0-1.3-1-2.1-2.4-2.1zm.4 6.3V12h1.8v-1.9z\"/></svg>"
        }
    }
}

impl Frame {
    /// A level: shape and word.
    pub fn level(&self, level: &Level) -> Html {
        let word = self.word("level", level.as_str());
        Html(format!("<span class=\"mark {}\">{}{word}</span>", level.as_str(), level_svg(*level)))
    }

    /// A moment, absolute, with its zone.
    pub fn at(&self, at: &Timestamp) -> Html {
        Html(format!("<time datetime=\"{at}\">{}</time>", self.moment(at)))
    }

    /// A moment to the second.
    pub fn at_second(&self, at: &Timestamp) -> Html {
        Html(format!("<time datetime=\"{at}\">{}</time>", self.moment_to_second(at)))
    }

    /// A moment as near as people say it: *14:02 EET*, *yesterday 09:10 EET*.
    pub fn near(&self, at: &Timestamp) -> Html {
        Html(format!("<time datetime=\"{at}\">{}</time>", self.near_moment(at)))
    }

    /// A due time: near moment and how far away.
    pub fn due(&self, at: &Timestamp) -> Html {
        let key = if *at < self.now { "due-was" } else { "due" };
        let text = self.with_all(key, &[("moment", &self.near_moment(at)), ("apart", &self.apart(at))]);
        Html(format!("<time datetime=\"{at}\">{text}</time>"))
    }

    /// A TLP label in FIRST's colours.
    pub fn tlp_label(&self, tlp: &Tlp) -> Html {
        let class = match tlp {
            Tlp::Clear => "tlp-clear",
            Tlp::Green => "tlp-green",
            Tlp::Amber | Tlp::AmberStrict => "tlp-amber",
            Tlp::Red => "tlp-red",
        };
        Html(format!("<span class=\"tlp {class}\">{}</span>", tlp.label()))
    }

    /// A verdict as a band: shape and sentence.
    pub fn verdict(&self, verdict: &Verdict, sentence: &str) -> Html {
        Html(format!(
            "<p class=\"verdict {}\">{}<span>{}</span></p>",
            verdict.as_str(),
            verdict_svg(*verdict),
            escaped(sentence)
        ))
    }

    /// A country's name; its code where the catalogue has none.
    pub fn country(&self, code: &str) -> String {
        let key = format!("country-{}", code.to_lowercase());
        if self.has(&key) { self.t(&key) } else { code.to_owned() }
    }
}
