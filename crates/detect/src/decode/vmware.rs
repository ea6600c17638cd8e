//! VMware ESXi and vCenter: hostd and vpxd events, vobd event ids, the ESXi shell's command log, logins.
//! A file of its own because VMware has four inner formats behind one syslog header.

use super::cursor::{Cursor, between, word_after};
use super::pairs::Pairs;

/// The programs of ESXi and vCenter whose lines are read here, in lower case.
const PROGRAMS: [&str; 21] = [
    "hostd",
    "hostd-probe",
    "vpxa",
    "vpxd",
    "vpxd-svcs",
    "vobd",
    "vmkernel",
    "vmkwarning",
    "shell",
    "esxishell",
    "rhttpproxy",
    "fdm",
    "esxupdate",
    "dcui",
    "settingsd",
    "vsanmgmtd",
    "vmauthd",
    "esxcli",
    "envoy-access",
    "vim-cmd",
    "configstoreclient",
];

/// Whether a program name is one of VMware's; the number in brackets is already gone.
pub fn is_program(program: &str) -> bool {
    PROGRAMS.iter().any(|known| program.eq_ignore_ascii_case(known))
}

/// Whether a body shows VMware's hand under another program (sshd on a host, a relay's tag).
pub fn is_body(body: &str) -> bool {
    body.contains("[Originator@6876") || body.contains("[esx.") || body.contains("[vim.event.")
}

/// Adds what the line says.
/// Shape: `EventTypeId` (esx.audit.ssh.enabled, vim.event.UserLoginSessionEvent), `EventNumber`, `EventMessage`, `User`,
/// `SourceIp`, `UserAgent`, `CommandLine` (ESXi shell), `VirtualMachine`, `sub`, `opID`, and `Message` (what stands behind
/// the originator block).
pub fn read<'a>(program: &str, body: &'a str, pairs: &mut Pairs<'a>) {
    if program.eq_ignore_ascii_case("shell") || program.eq_ignore_ascii_case("esxishell") {
        return shell(body, pairs);
    }
    let text = originator(body, pairs);
    pairs.push("Message", text.trim_end());
    if let Some(id) = event_type(text) {
        pairs.push("EventTypeId", id);
    }
    match event(text) {
        Some((number, message)) => {
            pairs.push("EventNumber", number);
            event_message(message, pairs);
        }
        None => sentence(text, pairs),
    }
}

/// `[root]: esxcli vm process kill -w 1` (before it ESXi may print a zone or a pid).
fn shell<'a>(body: &'a str, pairs: &mut Pairs<'a>) {
    let mut cursor = Cursor::new(body.trim_start());
    if cursor.eat("[")
        && let Some(user) = cursor.take_until("]")
        && cursor.eat(": ")
    {
        pairs.push("User", user);
        pairs.push("CommandLine", cursor.rest().trim_end());
        return;
    }
    sentence(body, pairs);
}

/// `[Originator@6876 sub=Vimsvc.ha-eventmgr opID=… user=…] text`: its pairs, and the text behind it.
fn originator<'a>(body: &'a str, pairs: &mut Pairs<'a>) -> &'a str {
    let Some((before, behind)) = body.split_once("[Originator@6876") else { return body };
    // hostd of ESXi 6 repeats `info hostd[2099540]` in front
    pairs.push_some("level", before.split_whitespace().next());
    let Some((inside, text)) = behind.split_once(']') else { return body };
    for part in inside.split_whitespace() {
        match part.split_once('=') {
            Some(("user", user)) => pairs.push("User", user),
            Some((name @ ("sub" | "opID"), value)) => pairs.push(name, value),
            _ => {}
        }
    }
    text.trim_start()
}

/// `[esx.audit.ssh.enabled]` or `[vim.event.UserLoginSessionEvent]` anywhere in the text.
fn event_type(text: &str) -> Option<&str> {
    let mut rest = text;
    for _ in 0..16 {
        let (_, behind) = rest.split_once('[')?;
        let (inside, after) = behind.split_once(']')?;
        let dotted = inside.contains('.') && !inside.contains(' ');
        if dotted && ["esx.", "vim.", "vob.", "com.vmware.", "hostd."].iter().any(|lead| inside.starts_with(lead)) {
            return Some(inside);
        }
        rest = after;
    }
    None
}

/// hostd's `Event 129 : text` or vpxd's `Event [1] [1-1] [time] [type] [level] [user] [] [1] [text]`.
fn event(text: &str) -> Option<(&str, &str)> {
    let (_, behind) = text.split_once("Event ")?;
    let mut cursor = Cursor::new(behind);
    let bracketed = cursor.eat("[");
    let number = cursor.take_while(|c| c.is_ascii_digit());
    if number.is_empty() {
        return None;
    }
    if !bracketed {
        return cursor.eat(" : ").then(|| (number, cursor.rest().trim_end()));
    }
    let message = behind.trim_end().trim_end_matches("\\n").trim_end().strip_suffix(']')?;
    let message = message.rsplit_once(" [").map_or(message, |(_, last)| last);
    Some((number, message))
}

fn event_message<'a>(message: &'a str, pairs: &mut Pairs<'a>) {
    pairs.push("EventMessage", message);
    // `User root@10.0.0.9 logged in as VMware-client/8.0` and `… logged out (login time: …)`
    if let Some(who) = word_after(message, "User ").and_then(|who| who.rsplit_once('@')) {
        pairs.push("User", who.0);
        pairs.push("SourceIp", who.1);
    } else if let Some(who) = between(message, "Cannot login ", " ").or_else(|| word_after(message, "Cannot login ")) {
        let (user, address) = who.rsplit_once('@').unwrap_or((who, ""));
        pairs.push("User", user);
        pairs.push_some("SourceIp", Some(address).filter(|a| !a.is_empty()));
        pairs.push("Outcome", "failed");
    }
    pairs.push_some("UserAgent", message.split_once(" logged in as ").map(|(_, agent)| agent));
    // `pacs-db01 on esx01.kh.local in ha-datacenter is powered off`
    if let Some((name, rest)) = message.split_once(" on ")
        && rest.contains(" is powered ")
    {
        pairs.push("VirtualMachine", name);
    }
}

/// Free text: logins of sshd and the host's own words.
fn sentence<'a>(text: &'a str, pairs: &mut Pairs<'a>) {
    let accepted = text.contains("Accepted ") || text.contains("logged in");
    let failed =
        text.contains("Failed ") || text.contains("Rejected password") || text.contains("authentication failure");
    if accepted || failed {
        pairs.push("Outcome", if accepted { "accepted" } else { "failed" });
        let user =
            word_after(text, " for user ").or_else(|| word_after(text, " for ")).or_else(|| word_after(text, "user="));
        pairs.push_some("User", user);
        pairs.push_some("SourceIp", word_after(text, " from ").filter(|word| word.contains(['.', ':'])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(program: &str, body: &str, expected: &[(&str, &str)]) {
        let mut pairs = Pairs::new();
        read(program, body, &mut pairs);
        let found: Vec<_> =
            pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).filter(|(n, _)| *n != "Message").collect();
        assert_eq!(found, expected, "{body}");
        assert!(pairs.get("Message").is_none_or(|message| body.ends_with(message)), "{body}");
    }

    #[test]
    fn hostd_and_vobd() {
        check(
            "Hostd",
            "[Originator@6876 sub=Vimsvc.ha-eventmgr] Event 129 : SSH access has been enabled.",
            &[("sub", "Vimsvc.ha-eventmgr"), ("EventNumber", "129"), ("EventMessage", "SSH access has been enabled.")],
        );
        check(
            "Hostd",
            "info hostd[2099540] [Originator@6876 sub=V opID=x user=root] Event 93 : User root@10.0.0.9 logged in as VMware-client/8.0",
            &[
                ("level", "info"),
                ("sub", "V"),
                ("opID", "x"),
                ("User", "root"),
                ("EventNumber", "93"),
                ("EventMessage", "User root@10.0.0.9 logged in as VMware-client/8.0"),
                ("User", "root"),
                ("SourceIp", "10.0.0.9"),
                ("UserAgent", "VMware-client/8.0"),
            ],
        );
        check(
            "vobd",
            "[GenericCorrelator] 89403us: [vob.user.ssh.enabled] x",
            &[("EventTypeId", "vob.user.ssh.enabled")],
        );
        check(
            "vobd",
            "[UserLevelCorrelator] 1us: [esx.audit.ssh.enabled] SSH access has been enabled.",
            &[("EventTypeId", "esx.audit.ssh.enabled")],
        );
        check(
            "hostd",
            "[Originator@6876 sub=V] Event 7 : pacs-db01 on esx01 in ha-datacenter is powered off",
            &[
                ("sub", "V"),
                ("EventNumber", "7"),
                ("EventMessage", "pacs-db01 on esx01 in ha-datacenter is powered off"),
                ("VirtualMachine", "pacs-db01"),
            ],
        );
    }

    #[test]
    fn vcenter_and_shell() {
        check(
            "vpxd",
            r"Event [34] [1-1] [2019-05-23T09:03:36.213922Z] [vim.event.UserLoginSessionEvent] [info] [VSPHERE.LOCAL\svc] [] [34] [User VSPHERE.LOCAL\svc@192.168.10.10 logged in as pyvmomi Python/2.7.13 (Linux)]",
            &[
                ("EventTypeId", "vim.event.UserLoginSessionEvent"),
                ("EventNumber", "34"),
                ("EventMessage", r"User VSPHERE.LOCAL\svc@192.168.10.10 logged in as pyvmomi Python/2.7.13 (Linux)"),
                ("User", r"VSPHERE.LOCAL\svc"),
                ("SourceIp", "192.168.10.10"),
                ("UserAgent", "pyvmomi Python/2.7.13 (Linux)"),
            ],
        );
        check(
            "shell",
            "[root]: esxcli vm process kill --type=force --world-id=1",
            &[("User", "root"), ("CommandLine", "esxcli vm process kill --type=force --world-id=1")],
        );
        check(
            "sshd",
            "[Originator@6876] Accepted password for root from 10.0.0.5 port 4321 ssh2",
            &[("Outcome", "accepted"), ("User", "root"), ("SourceIp", "10.0.0.5")],
        );
    }
}
