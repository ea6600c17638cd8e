//! Checksums, and one signature over them that a stranger can check.
//!
//! A file of its own because it is the part of a release that others depend
//! on. The form is an SSH signature (`ssh-keygen -Y`): OpenSSH's client is on
//! every Debian server, its keys are what administrators already have (also on
//! a hardware token), and one command checks it. minisign and signify would
//! have to be installed first; OpenPGP needs a keyring and its habits.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::process;

/// The checksums' file.
pub const SUMS: &str = "SHA256SUMS";
/// What a signature is for: one of another purpose is not taken.
const NAMESPACE: &str = "lazaret-release";
/// Who signs, as the list of signers says it.
const SIGNER: &str = "release@lazaret";
/// The list of signers, in the form of `ssh-keygen`'s ALLOWED SIGNERS.
const SIGNERS: &str = "lazaret-release.signers";

/// Writes the checksums of everything in a folder.
pub fn write_sums(folder: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("sha256sum");
    command.current_dir(folder).arg("--").args(names_in(folder)?.iter().filter(|name| name.as_str() != SUMS));
    let sums = process::read(&mut command)?;
    write(&folder.join(SUMS), sums.as_bytes())
}

/// Signs the checksums with a private key (OpenSSH's form), and lists its public half beside them.
/// Errors: `ssh-keygen` is not there or cannot use the key.
pub fn sign(folder: &Path, key: &Path) -> anyhow::Result<()> {
    let public = process::read(Command::new("ssh-keygen").arg("-y").arg("-f").arg(key))
        .with_context(|| format!("{} is no private key that ssh-keygen can read", key.display()))?;
    let words: Vec<&str> = public.split_whitespace().take(2).collect();
    write(&folder.join(SIGNERS), format!("{SIGNER} {}\n", words.join(" ")).as_bytes())?;
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", NAMESPACE, "-f"]).arg(key).arg(folder.join(SUMS));
    process::read(&mut command).map(drop)
}

/// Checks as a stranger does: the signature, where there must be one, then every checksum.
pub fn check(folder: &Path, signed: bool) -> anyhow::Result<()> {
    if signed {
        let mut command = Command::new("ssh-keygen");
        command.current_dir(folder).args(["-Y", "verify", "-f", SIGNERS, "-I", SIGNER, "-n", NAMESPACE, "-s"]);
        command.arg(format!("{SUMS}.sig")).stdin(std::fs::File::open(folder.join(SUMS))?);
        process::read(&mut command).context("the signature does not hold")?;
    }
    let mut command = Command::new("sha256sum");
    command.current_dir(folder).args(["--check", "--strict", "--quiet", SUMS]).stdin(Stdio::null());
    process::read(&mut command).context("a file is not what was signed").map(drop)
}

/// The names of a folder's files, sorted.
pub fn names_in(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        match entry.file_name().into_string() {
            Ok(name) if entry.file_type()?.is_file() => names.push(name),
            Ok(_) => {}
            Err(name) => bail!("{name:?} is no name for a file of a release"),
        }
    }
    ensure!(!names.is_empty(), "{} is empty", folder.display());
    names.sort();
    Ok(names)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes)
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)))
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes with the test.
    struct Folder(std::path::PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    fn release(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("lazaret-sign-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("lazaret.deb"), "a package").unwrap();
        write_sums(&folder).unwrap();
        Folder(folder)
    }

    #[test]
    fn a_changed_file_is_noticed() {
        let release = release("sums");
        check(&release.0, false).unwrap();
        std::fs::write(release.0.join("lazaret.deb"), "another").unwrap();
        assert!(check(&release.0, false).is_err());
    }

    #[test]
    fn changed_checksums_are_noticed() {
        if process::on_path("ssh-keygen").is_none() {
            eprintln!("not tried: ssh-keygen is not there");
            return;
        }
        let release = release("signature");
        let keys = Folder(release.0.with_extension("keys"));
        std::fs::create_dir_all(&keys.0).unwrap();
        let key = keys.0.join("key");
        process::read(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).unwrap();
        sign(&release.0, &key).unwrap();
        check(&release.0, true).unwrap();
        std::fs::write(release.0.join("lazaret.deb"), "another").unwrap();
        write_sums(&release.0).unwrap();
        assert!(check(&release.0, true).is_err());
    }
}
