//! Rules on the source text that neither the compiler nor clippy can hold.
//!
//! They look at words, so they can be fooled; they are here to remind, in the
//! words of the brief, at the line where it happens. Test code (`tests/`,
//! `tests.rs`, and everything after a file's `#[cfg(test)]`) is exempt from all
//! rules but the length of a file.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::layers::Breach;
use crate::process::Place;

/// A file as long as this is several files.
const FILE_LINES_MAX: usize = 1_000;

/// Words that belong to some crates only.
struct Reserved {
    /// Any of these words breaks the rule.
    words: &'static [&'static str],
    /// Crates where the words may stand.
    home: &'static [&'static str],
    what: &'static str,
    instead: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        words: &["INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "ON CONFLICT", "ORDER BY ", "sqlx::"],
        home: &["store"],
        what: "SQL outside store",
        instead: "a function in store that says what is wanted",
    },
    Reserved {
        words: &["std::env::", "env::var", "env::args", "env::current_dir"],
        home: &["lazaret", "testkit"],
        what: "the environment is read outside lazaret",
        instead: "an argument: lazaret reads the environment and passes the decided value",
    },
    Reserved {
        words: &["TcpListener", "TcpStream", "UdpSocket", "UnixListener", "UnixStream"],
        home: &["connect", "web", "lazaret", "testkit"],
        what: "a socket outside connect, web and lazaret",
        instead: "bytes as an argument; connect does the talking",
    },
    Reserved {
        words: &["Role::Hospital", "Role::National", "Role::Union"],
        home: &["lazaret", "testkit"],
        what: "code that asks for the node's role",
        instead: "a part or a setting that lazaret chooses by role",
    },
];

/// Words that only one of the two databases understands.
const DIALECT: &[&str] = &[
    "NOW()",
    "ILIKE",
    "SKIP LOCKED",
    "AUTOINCREMENT",
    "PRAGMA",
    "BEGIN IMMEDIATE",
    "BYTEA",
    "JSONB",
    "::jsonb",
    "::text",
    "::bigint",
    "::uuid",
    "pg_",
    "sqlite_",
    "VACUUM",
    "strftime(",
];

/// Where store may speak one database's dialect.
const DIALECT_HOMES: &[&str] = &["crates/store/src/db.rs", "crates/store/src/migrate.rs", "crates/store/src/open.rs"];

/// All breaches of the text rules.
pub fn breaches(place: &Place) -> anyhow::Result<Vec<Breach>> {
    let mut files = Vec::new();
    collect(&place.root.join("crates"), &mut files)?;
    collect(&place.root.join("xtask"), &mut files)?;
    collect(&place.root.join("fuzz"), &mut files)?;
    files.sort();
    let mut breaches = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let path = file.strip_prefix(&place.root).unwrap_or(&file);
        breaches.extend(in_file(&path.to_string_lossy(), &text));
    }
    Ok(breaches)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The breaches in one file. `path` is relative to the checkout.
fn in_file(path: &str, text: &str) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = shape(path, text).into_iter().collect();
    let product = path.starts_with("crates/") && path.contains("/src/") && !is_test_code(path);
    if product {
        let home = path.split('/').nth(1).unwrap_or_default();
        let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        for (index, line) in lines.enumerate() {
            if !line.trim_start().starts_with("//") {
                breaches.extend(in_line(path, home, index + 1, line));
            }
        }
    }
    breaches
}

fn is_test_code(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn shape(path: &str, text: &str) -> Option<Breach> {
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        return Some(Breach {
            place: path.to_string(),
            what: format!("{lines} lines; {FILE_LINES_MAX} is the most"),
            instead: "one file for each thing that can be named".to_string(),
        });
    }
    (path.contains("/src/") && !text.starts_with("//!")).then(|| Breach {
        place: format!("{path}:1"),
        what: "the file does not open with //!".to_string(),
        instead: "say first what it is, then why it is a file of its own".to_string(),
    })
}

fn in_line(path: &str, home: &str, number: usize, line: &str) -> Option<Breach> {
    let found = |words: &[&str]| words.iter().find(|word| has_word(line, word)).map(|w| (*w).to_string());
    let said = |word: String, what: &str, instead: &str| Breach {
        place: format!("{path}:{number}"),
        what: format!("{what} ({})", word.trim()),
        instead: instead.to_string(),
    };
    for rule in RESERVED {
        let at_home = rule.home.contains(&home);
        if !at_home && let Some(word) = found(rule.words) {
            return Some(said(word, rule.what, rule.instead));
        }
    }
    let speaks_dialect = DIALECT_HOMES.iter().any(|home| path.starts_with(home));
    if home == "store"
        && !speaks_dialect
        && let Some(word) = found(DIALECT)
    {
        let instead = "SQL that both databases understand; where there is none, a function in store's db.rs";
        return Some(said(word, "only one of the two databases understands this", instead));
    }
    None
}

/// Whether the line has the word, not merely as the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, line: &str, expected: Option<&str>) {
        let found = in_file(path, &format!("//! A file.\n{line}\n"));
        let found = found.first().map(|breach| format!("{} {}", breach.place, breach.what));
        assert_eq!(found.as_deref(), expected, "{path}: {line}");
    }

    #[test]
    fn sql_stays_in_store() {
        check("crates/store/src/alerts.rs", "\"INSERT INTO alert\"", None);
        let found = "crates/app/src/hunt.rs:2 SQL outside store (INSERT INTO)";
        check("crates/app/src/hunt.rs", "\"INSERT INTO alert\"", Some(found));
        check("crates/app/src/hunt.rs", "// INSERT INTO alert", None);
    }

    #[test]
    fn dialects_stay_in_their_files() {
        let found = "crates/store/src/jobs.rs:2 only one of the two databases understands this (ILIKE)";
        check("crates/store/src/jobs.rs", "\"name ILIKE $1\"", Some(found));
        check("crates/store/src/open.rs", "\"PRAGMA synchronous\"", None);
    }

    #[test]
    fn environment_and_role_stay_in_lazaret() {
        check("crates/lazaret/src/config.rs", "std::env::vars()", None);
        let found = "crates/web/src/page.rs:2 the environment is read outside lazaret (std::env::)";
        check("crates/web/src/page.rs", "let x = std::env::args();", Some(found));
        let found = "crates/web/src/page.rs:2 code that asks for the node's role (Role::Hospital)";
        check("crates/web/src/page.rs", "if role == Role::Hospital {", Some(found));
        check("crates/web/src/page.rs", "if member.role == MemberRole::Hospital {", None);
    }

    #[test]
    fn test_code_may_do_as_it_likes() {
        check("crates/app/src/hunt.rs", "#[cfg(test)]\nmod tests { use std::env::var; }", None);
        check("crates/app/tests/hunt.rs", "std::env::var(\"X\")", None);
        check("crates/app/src/hunt/tests/far.rs", "std::env::var(\"X\")", None);
    }

    #[test]
    fn a_file_says_what_it_is_and_ends_in_time() {
        let bare = in_file("crates/app/src/hunt.rs", "fn main() {}\n");
        assert_eq!(bare[0].what, "the file does not open with //!");
        let long = in_file("crates/app/tests/hunt.rs", &"\n".repeat(1_001));
        assert_eq!(long[0].what, "1001 lines; 1000 is the most");
    }
}
