//! The node's own log: to standard error, for people or as JSON lines. A file of its own because it is set up once a
//! process, by the binary, and by nothing else.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Begins logging; the variable `LAZARET_LOG` overrides the configured level. A filter that cannot be read falls back to `info` and says so.
pub fn begin(log: &Log) {
    #[allow(clippy::disallowed_methods, reason = "the environment is read in this crate only")]
    let level = std::env::var("LAZARET_LOG").unwrap_or_else(|_| log.level.clone());
    let filter = EnvFilter::try_new(level);
    let unread = filter.as_ref().err().map(ToString::to_string);
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    let begun = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if begun.is_err() {
        return;
    }
    if let Some(problem) = unread {
        tracing::warn!(%problem, "log.level cannot be read; info is used");
    }
}
