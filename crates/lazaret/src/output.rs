//! How commands answer: a table for people or one JSON value for programs, colours only where a terminal shows them.
//! A file of its own because standard output is the product here, and nothing else may write to it.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

/// For whom a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs: one JSON value a line.
    Json,
}

impl Output {
    /// Answers: `text` for people, `value` for programs. A closed pipe ends quietly.
    pub fn answer(self, text: &str, value: &impl Serialize) -> anyhow::Result<()> {
        let line = match self {
            Self::Table => text.trim_end().to_owned(),
            Self::Json => serde_json::to_string(value)?,
        };
        print_line(&line);
        Ok(())
    }
}

/// Writes one line and flushes it, so that a program that reads along sees it at once.
pub fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    // a reader that went away (`| head`) is no problem of ours
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Whether standard output shows colours: a terminal, and nobody asked for none. Source: no-color.org.
pub fn colours() -> Colours {
    #[allow(clippy::disallowed_methods, reason = "the environment is read in this crate only")]
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stdout().is_terminal() && !unwanted { Colours::Shown } else { Colours::Plain }
}

/// Whether colours are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Escape sequences may be written.
    Shown,
    /// Plain text only.
    Plain,
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As everything else.
    Plain,
    /// Aside.
    Quiet,
    /// What the eye should find.
    Strong,
    /// Somebody has to act.
    Alarm,
    /// It went well.
    Good,
}

impl Colours {
    /// The text in its tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match (self, tone) {
            (Self::Plain, _) | (_, Tone::Plain) => return text.to_owned(),
            (Self::Shown, Tone::Quiet) => "2",
            (Self::Shown, Tone::Strong) => "1",
            (Self::Shown, Tone::Alarm) => "1;31",
            (Self::Shown, Tone::Good) => "32",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
