//! What other machines see: the addresses of this node, the hub and its clock.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use connect::link::{Proxy, hub_ahead};
use jiff::SignedDuration;

use super::{Finding, Running};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::roles::Has;

/// How long an address of this machine may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// A clock that is further from the hub's is wrong.
const DRIFT_MAX: SignedDuration = SignedDuration::from_mins(2);

/// How an address is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Tcp,
    Udp,
}

pub(super) async fn examine(config: &Config, dir: &DataDir, running: Running) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        addresses(config).into_iter().filter_map(|(key, over, address)| port(key, over, address, running)).collect();
    if config.role.parts().uplink == Has::Yes {
        findings.extend(hub(config, dir).await);
    }
    findings
}

fn addresses(config: &Config) -> Vec<(&'static str, Over, SocketAddr)> {
    let listeners = &config.listeners;
    let all = [
        ("console.listen", Over::Tcp, Some(config.console.listen)),
        ("admin.listen", Over::Tcp, config.admin),
        ("link.listen", Over::Tcp, config.link.as_ref().map(|link| link.listen)),
        ("listen.syslog_udp", Over::Udp, listeners.syslog_udp),
        ("listen.syslog_tcp", Over::Tcp, listeners.syslog_tcp),
        ("listen.syslog_tls", Over::Tcp, listeners.syslog_tls),
        ("listen.http", Over::Tcp, listeners.http),
        ("listen.https", Over::Tcp, listeners.https),
    ];
    let used = |(key, over, address): (&'static str, Over, Option<SocketAddr>)| Some((key, over, address?));
    all.into_iter().filter_map(used).filter(|(_, _, address)| address.port() != 0).collect()
}

fn port(key: &str, over: Over, address: SocketAddr, running: Running) -> Option<Finding> {
    const CHECK: &str = "addresses";
    if running == Running::Yes {
        if over == Over::Udp {
            return None;
        }
        return Some(match TcpStream::connect_timeout(&reachable(address), ANSWER) {
            Ok(_) => Finding::good(CHECK, format!("{key} answers on {address}")),
            Err(problem) => {
                let says = format!("{key} does not answer on {address}: {problem}");
                Finding::wrong(CHECK, says, "look at the node's own log (journalctl -u lazaret), then restart it")
            }
        });
    }
    let bound = match over {
        Over::Tcp => TcpListener::bind(address).map(drop),
        Over::Udp => UdpSocket::bind(address).map(drop),
    };
    let option = if over == Over::Tcp { "-lptn" } else { "-lpun" };
    Some(match bound {
        Ok(()) => Finding::good(CHECK, format!("{key}: {address} is free")),
        Err(problem) if problem.kind() == ErrorKind::AddrInUse => {
            let says = format!("{key}: another process has {address}");
            let mend =
                format!("find it with: ss {option} 'sport = :{}'; stop it, or choose another port", address.port());
            Finding::wrong(CHECK, says, mend)
        }
        Err(problem) if problem.kind() == ErrorKind::PermissionDenied => {
            let says = format!("{key}: this user may not open port {}", address.port());
            let mend = "setcap cap_net_bind_service=+ep $(command -v lazaret), or AmbientCapabilities in the unit";
            Finding::wrong(CHECK, says, mend)
        }
        Err(problem) => {
            let says = format!("{key}: {address} cannot be opened: {problem}");
            Finding::wrong(CHECK, says, "write an address of this machine, or [::] for all")
        }
    })
}

/// An address to call: what listens everywhere is called on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(at) if at.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], at.port())),
        SocketAddr::V6(at) if at.ip().is_unspecified() => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], at.port())),
        other => other,
    }
}

async fn hub(config: &Config, dir: &DataDir) -> Vec<Finding> {
    let uplink = match dir.uplink().read() {
        Ok(Some(uplink)) => uplink,
        Ok(None) => {
            let mend = "ask your national hub for an invite code, stop the node, then: lazaret enrol CODE";
            return vec![Finding::look(
                "hub",
                "this node has joined no hub: it warns nobody and nobody warns it",
                mend,
            )];
        }
        Err(problem) => {
            let says = format!("what is known of the hub cannot be read: {problem}");
            return vec![Finding::wrong("hub", says, "give uplink.json back from a backup, or enrol again")];
        }
    };
    let proxy = config.uplink.proxy.clone().map(Proxy);
    let asked = match dir.keys() {
        Ok(keys) => hub_ahead(&uplink, &keys, proxy.as_ref()).await.map_err(|problem| problem.to_string()),
        Err(problem) => Err(format!("{problem:#}")),
    };
    match asked {
        Err(problem) => {
            let says = format!("{} is not reached at {}: {problem}", uplink.hub_name, uplink.urls.join(", "));
            let mend =
                "open port 443 or the hub's port outwards, or set uplink.proxy; what waits is kept and will be sent";
            vec![Finding::wrong("hub", says, mend)]
        }
        Ok(ahead) => vec![Finding::good("hub", format!("{} answers", uplink.hub_name)), clock(ahead)],
    }
}

fn clock(ahead: SignedDuration) -> Finding {
    let seconds = ahead.as_secs().unsigned_abs();
    let side = if ahead.is_negative() { "ahead of" } else { "behind" };
    match seconds {
        0..=2 => Finding::good("clock", "this clock and the hub's show the same"),
        _ if ahead.abs() <= DRIFT_MAX => Finding::good("clock", format!("this clock is {seconds} s {side} the hub's")),
        _ => {
            let says = format!("this clock is {seconds} s {side} the hub's");
            Finding::wrong("clock", says, "timedatectl set-ntp true")
        }
    }
}
