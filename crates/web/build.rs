//! Embeds what the console shows besides its templates: the message files of `content/locales` and the two static
//! files, each with a fingerprint so that browsers may keep them for ever.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let locales = here.join("../../content/locales");
    println!("cargo::rerun-if-changed={}", locales.display());
    fs::write(out.join("locales.rs"), locale_table(&locales)?)?;

    let css = here.join("static/lazaret.css");
    let script = here.join("static/lazaret.js");
    for path in [&css, &script] {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let css = without_blanks(&fs::read_to_string(css)?);
    let script = fs::read_to_string(script)?;
    fs::write(out.join("lazaret.css"), &css)?;
    fs::write(out.join("lazaret.js"), &script)?;
    let prints = format!(
        "pub(crate) const CSS_PATH: &str = \"/static/{:016x}.css\";\npub(crate) const SCRIPT_PATH: &str = \"/static/{:016x}.js\";\n",
        fingerprint(css.as_bytes()),
        fingerprint(script.as_bytes())
    );
    fs::write(out.join("prints.rs"), prints)
}

/// A table of `(language, [file text, …])` that includes every message file.
fn locale_table(locales: &Path) -> io::Result<String> {
    let mut table = String::from("/// Every embedded language with its message files.\n");
    table.push_str("pub(crate) const LOCALES: &[(&str, &[&str])] = &[\n");
    for folder in sorted(locales)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let _ = writeln!(table, "    ({name:?}, &[");
        println!("cargo::rerun-if-changed={}", folder.display());
        for file in sorted(&folder)?.iter().filter(|path| path.extension().is_some_and(|end| end == "ftl")) {
            println!("cargo::rerun-if-changed={}", file.display());
            let _ = writeln!(table, "        include_str!({:?}),", file.canonicalize()?.display().to_string());
        }
        table.push_str("    ]),\n");
    }
    table.push_str("];\n");
    Ok(table)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The stylesheet without comments, line breaks and the blanks around punctuation that mean nothing.
/// Blanks before `(`, `+` and `:` stay: in selectors and `calc` they mean something.
fn without_blanks(css: &str) -> String {
    let mut text = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(start) = rest.find("/*") {
        text.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    text.push_str(rest);
    let mut short = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (long, brief) in [
        (" {", "{"),
        ("{ ", "{"),
        ("; ", ";"),
        (" }", "}"),
        ("} ", "}"),
        (": ", ":"),
        (", ", ","),
        (";}", "}"),
        (" > ", ">"),
    ] {
        short = short.replace(long, brief);
    }
    short
}

/// FNV-1a, 64 bits: tells two versions of one file apart, nothing more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
