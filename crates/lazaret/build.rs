//! Lists the files below `content/` and writes a table of them for `content.rs`.
//! Adding a content file needs no line of code; a macro crate for this would cost more to build than this file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let crate_root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let content = crate_root.join("../../content");
    println!("cargo::rerun-if-changed={}", content.display());
    let mut files = Vec::new();
    list(&content, &mut files)?;
    files.sort();
    let mut table = String::from(
        "/// Every content file: its path below `content/` and its text.\nstatic FILES: &[(&str, &str)] = &[\n",
    );
    for file in files {
        let inside = file.strip_prefix(&content).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let _ = writeln!(table, "    ({inside:?}, include_str!({:?})),", file.display().to_string());
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("content_table.rs");
    fs::write(out, table)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
