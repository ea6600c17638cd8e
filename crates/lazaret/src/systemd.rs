//! What a node tells systemd: that it is ready, that it reads again, that it stops (`sd_notify(3)`). A file of its own
//! because it is a protocol: one datagram to the socket that `NOTIFY_SOCKET` names. Without the variable, silence.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every door is open.
    Ready,
    /// No door opens any more; what was accepted is finished.
    Stopping,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ready => "READY=1",
            Self::Stopping => "STOPPING=1",
        }
    }
}

/// Tells systemd, where it listens. A failure is logged: the node runs as well without.
pub fn tell(state: State) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(problem) = send(&socket, state) {
        tracing::warn!(%problem, ?state, "systemd could not be told");
    }
}

/// A path, or a name in the abstract namespace where it begins with `@`.
fn send(socket: &OsStr, state: State) -> std::io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.word().as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_an_abstract_name_are_reached() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let abstract_name = format!("lazaret-test-{}", std::process::id());
        let at_path = UnixDatagram::bind(&path).unwrap();
        let at_name = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let at_name = UnixDatagram::bind_addr(&at_name).unwrap();
        send(path.as_os_str(), State::Ready).unwrap();
        send(OsStr::new(&format!("@{abstract_name}")), State::Stopping).unwrap();
        let read = |socket: &UnixDatagram| {
            let mut bytes = [0; 64];
            let length = socket.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..length].to_vec()).unwrap()
        };
        assert_eq!(read(&at_path), "READY=1");
        assert_eq!(read(&at_name), "STOPPING=1");
        assert!(send(dir.path().join("nobody").as_os_str(), State::Ready).is_err());
    }
}
