//! Whose files a node's are. A service runs as a user of its own, its administrator types commands as root; a file that
//! root leaves in the data directory is one that the service cannot open at three in the morning.
//! A file of its own because it is the one place where a command changes who it is.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use anyhow::Context as _;

use crate::cli::tell;

/// Directories deeper than this in a data directory are not ours.
const DEPTH_MAX: usize = 8;

/// Goes on as the owner of the data directory, where root called and another user owns it: the command starts again as
/// that user, with its group and no other. Comes back where there is nothing to change, also where the directory is not
/// there (the command itself says so better). Errors: the program cannot be started again.
pub fn step_down(data_dir: &Path) -> anyhow::Result<()> {
    let Some((user, group)) = other_owner(data_dir) else {
        return Ok(());
    };
    tell(&format!("lazaret: going on as the owner of {} (user {user})", data_dir.display()));
    // without /proc (a chroot) it is found as it was called
    let program = std::env::current_exe().ok().or_else(|| std::env::args_os().next().map(Into::into));
    let mut again = std::process::Command::new(program.context("cannot find this program again")?);
    again.args(std::env::args_os().skip(1)).uid(user).gid(group);
    Err(again.exec()).with_context(|| format!("cannot go on as user {user}"))
}

/// Gives what root made in a data directory to the directory's owner; what is somebody else's already stays.
/// Errors: a file that cannot be given.
pub fn hand_over(data_dir: &Path) -> anyhow::Result<()> {
    match other_owner(data_dir) {
        Some((user, group)) => give(data_dir, user, group, DEPTH_MAX),
        None => Ok(()),
    }
}

/// Lets the group of the data directory's owner read a file that stays root's.
pub fn let_read(file: &Path, data_dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let Some((_, group)) = other_owner(data_dir) else {
        return Ok(());
    };
    std::os::unix::fs::chown(file, None, Some(group))
        .and_then(|()| std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o640)))
        .with_context(|| format!("cannot let the node read {}", file.display()))
}

/// The owner to become or to give to: somebody else than root, where we are root.
fn other_owner(data_dir: &Path) -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let entry = std::fs::metadata(data_dir).ok().filter(|entry| entry.is_dir() && entry.uid() != 0)?;
    Some((entry.uid(), entry.gid()))
}

fn give(dir: &Path, user: u32, group: u32, depth: usize) -> anyhow::Result<()> {
    anyhow::ensure!(depth > 0, "{} is nested too deep", dir.display());
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let kind = std::fs::symlink_metadata(&path)?;
        if kind.uid() == 0 {
            // a link itself is given, never what it points at
            std::os::unix::fs::lchown(&path, Some(user), Some(group))
                .with_context(|| format!("cannot give {} to user {user}", path.display()))?;
        }
        if kind.is_dir() {
            give(&path, user, group, depth - 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_made_becomes_the_owners() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(dir.path(), Some(65_534), Some(65_534)).unwrap();
        std::fs::create_dir(dir.path().join("events")).unwrap();
        std::fs::write(dir.path().join("events/segment"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("events/link")).unwrap();
        let config = tempfile::NamedTempFile::new().unwrap();
        hand_over(dir.path()).unwrap();
        let_read(config.path(), dir.path()).unwrap();
        let owner = |path: &Path| std::fs::symlink_metadata(path).unwrap().uid();
        for name in ["events", "events/segment", "events/link"] {
            assert_eq!(owner(&dir.path().join(name)), 65_534, "{name}");
        }
        assert_eq!(owner(Path::new("/etc/passwd")), 0);
        let readable = std::fs::metadata(config.path()).unwrap();
        assert_eq!((readable.uid(), readable.gid(), readable.mode() & 0o777), (0, 65_534, 0o640));
    }

    #[test]
    fn a_directory_of_roots_own_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(other_owner(dir.path()), None);
        step_down(dir.path()).unwrap();
        step_down(&dir.path().join("not there")).unwrap();
    }
}
