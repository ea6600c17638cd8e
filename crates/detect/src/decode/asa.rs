//! What Cisco ASA and Secure Firewall say in words: who logged on or failed, who typed what, which connection.
//! A file of its own because these are sentences with some dozen ways to name a user and an address.
//! Source: Cisco Secure Firewall ASA Series Syslog Messages; the numbers in the tests are its message ids.

use super::cursor::{between, word_after};
use super::pairs::Pairs;

/// The longest sentence that is looked at, in bytes.
const SENTENCE_BYTES_MAX: usize = 2_048;

/// Adds what the sentence says; unknown sentences add nothing.
/// Shape: `User`, `Group`, `SourceIp`, `Command`, and for connections `Protocol`, `Action` (built, denied), `src_ip`,
/// `src_port`, `dst_ip`, `dst_port`, where the source is the side that opened the connection.
pub fn read<'a>(body: &'a str, pairs: &mut Pairs<'a>) {
    if body.len() > SENTENCE_BYTES_MAX {
        return;
    }
    if let Some(behind) = body.strip_prefix("Built ") {
        return built(behind, pairs);
    }
    if let Some(behind) = body.strip_prefix("Deny ") {
        return denied(behind, pairs);
    }
    pairs.push_some("User", user(body).filter(|name| !name.is_empty()));
    pairs.push_some("Group", between(body, "Group <", ">").or_else(|| between(body, "Group = ", ",")));
    pairs.push_some("SourceIp", address(body).filter(|word| is_address(word)));
    pairs.push_some("Command", between(body, "executed the '", "'").or_else(|| between(body, "executed '", "'")));
}

/// `User <a>`, `user = a`, `User 'a'`, `user "a"`, `Uname: a`, `Username = a,`.
fn user(body: &str) -> Option<&str> {
    between(body, "User <", ">")
        .or_else(|| between(body, "User '", "'"))
        .or_else(|| between(body, "user \"", "\""))
        .or_else(|| between(body, "user '", "'"))
        .or_else(|| word_after(body, "Uname: "))
        .or_else(|| word_after(body, "user = "))
        .or_else(|| between(body, "Username = ", ","))
}

/// `IP <a>`, `user IP = a`, `IP = a,`, `from IP a,`, `from a/port`.
fn address(body: &str) -> Option<&str> {
    let word = between(body, "IP <", ">")
        .or_else(|| word_after(body, "user IP = "))
        .or_else(|| word_after(body, "IP = "))
        .or_else(|| word_after(body, "from IP "))
        .or_else(|| word_after(body, "IP address: "))
        .or_else(|| word_after(body, "from "))?;
    let word = word.trim_end_matches([',', '.']);
    Some(word.split_once('/').map_or(word, |(address, _)| address))
}

fn is_address(word: &str) -> bool {
    word.parse::<std::net::IpAddr>().is_ok()
}

/// `inbound TCP connection 9 for outside:9.9.9.9/5112 (…) to inside:10.0.0.9/443 (…)`.
/// The first side is the foreign one; it opened an inbound connection and received an outbound one.
fn built<'a>(behind: &'a str, pairs: &mut Pairs<'a>) {
    let mut words = behind.split(' ');
    let (Some(direction), Some(protocol)) = (words.next(), words.next()) else { return };
    let foreign = word_after(behind, " for ").and_then(side);
    let local = word_after(behind, ") to ").and_then(side);
    let (Some(foreign), Some(local)) = (foreign, local) else { return };
    let (from, to) = if direction == "inbound" { (foreign, local) } else { (local, foreign) };
    flow("built", protocol, from, to, pairs);
}

/// `tcp src outside:9.9.9.9/63659 dst inside:10.0.0.9/445 by access-group …`.
fn denied<'a>(behind: &'a str, pairs: &mut Pairs<'a>) {
    let Some(protocol) = behind.split(' ').next() else { return };
    let from = word_after(behind, " src ").and_then(side);
    let to = word_after(behind, " dst ").and_then(side);
    if let (Some(from), Some(to)) = (from, to) {
        flow("denied", protocol, from, to, pairs);
    }
}

fn flow<'a>(
    action: &'static str,
    protocol: &'a str,
    from: (&'a str, &'a str),
    to: (&'a str, &'a str),
    pairs: &mut Pairs<'a>,
) {
    pairs.push("Action", action);
    pairs.push("Protocol", protocol);
    for (name, value) in [("src_ip", from.0), ("src_port", from.1), ("dst_ip", to.0), ("dst_port", to.1)] {
        pairs.push(name, value);
    }
}

/// `outside:9.9.9.9/5112` → address and port.
fn side(word: &str) -> Option<(&str, &str)> {
    let (_, rest) = word.split_once(':')?;
    let (address, port) = rest.rsplit_once('/')?;
    let port = port.split('(').next().unwrap_or(port);
    (is_address(address) && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &[(&str, &str)]) {
        let mut pairs = Pairs::new();
        read(body, &mut pairs);
        let found: Vec<_> = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn log_ons() {
        let who = [("User", "m.weber"), ("SourceIp", "203.0.113.9")];
        // 113015, 113005
        check(
            "AAA user authentication Rejected : reason = Invalid password : local database : user = m.weber : user IP = 203.0.113.9",
            &who,
        );
        check(
            "AAA user authentication Rejected : reason = AAA failure : server = 10.1.1.5 : user = m.weber : user IP = 203.0.113.9",
            &who,
        );
        // 113039, 716039
        check(
            "Group <vpn-staff> User <m.weber> IP <203.0.113.9> AnyConnect parent session started.",
            &[who[0], ("Group", "vpn-staff"), who[1]],
        );
        // 605005, 605004
        check("Login permitted from 203.0.113.9/41234 to outside:192.0.2.1/ssh for user \"m.weber\"", &who);
        // 113019
        check(
            "Group = vpn-staff, Username = m.weber, IP = 203.0.113.9, Session disconnected. Session Type: SSL",
            &[who[0], ("Group", "vpn-staff"), who[1]],
        );
    }

    #[test]
    fn commands_and_accounts() {
        // 111010, 111008, 502101
        check(
            "User 'admin', running 'CLI' from IP 10.1.1.5, executed 'no logging enable'",
            &[("User", "admin"), ("SourceIp", "10.1.1.5"), ("Command", "no logging enable")],
        );
        check(
            "User 'enable_15' executed the 'write memory' command.",
            &[("User", "enable_15"), ("Command", "write memory")],
        );
        check("New user added to local dbase: Uname: eve Priv: 15 Encpass: ****", &[("User", "eve")]);
    }

    #[test]
    fn connections_are_told_from_the_side_that_opened_them() {
        let flow = |action: &'static str, from: (&'static str, &'static str), to: (&'static str, &'static str)| {
            [
                ("Action", action),
                ("Protocol", "TCP"),
                ("src_ip", from.0),
                ("src_port", from.1),
                ("dst_ip", to.0),
                ("dst_port", to.1),
            ]
        };
        // 302013
        check(
            "Built inbound TCP connection 9 for outside:9.9.9.9/5112 (9.9.9.9/5112) to inside:10.0.0.9/443 (192.0.2.9/443)",
            &flow("built", ("9.9.9.9", "5112"), ("10.0.0.9", "443")),
        );
        check(
            "Built outbound TCP connection 9 for outside:9.9.9.9/443 (9.9.9.9/443) to inside:10.0.0.9/5112 (192.0.2.9/5112)",
            &flow("built", ("10.0.0.9", "5112"), ("9.9.9.9", "443")),
        );
        // 106023
        let mut denied = flow("denied", ("9.9.9.9", "63659"), ("10.0.0.9", "445"));
        denied[1].1 = "tcp";
        check(
            "Deny tcp src outside:9.9.9.9/63659 dst inside:10.0.0.9/445 by access-group \"outside_in\" [0x0, 0x0]",
            &denied,
        );
    }

    #[test]
    fn odd_sentences_add_nothing() {
        for body in [
            "",
            "Built ",
            "Deny ",
            "Built inbound x",
            "Deny tcp src a dst b",
            "Deny icmp src outside:9.9.9.9 dst inside:10.0.0.9 (type 8, code 0)",
            "Login permitted from console",
        ] {
            check(body, &[]);
        }
        check(&"x".repeat(SENTENCE_BYTES_MAX + 1), &[]);
    }
}
