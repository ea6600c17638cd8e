//! What the usual Linux daemons say in words: sshd, sudo, su, PAM and account tools.
//! A file of its own because these are sentences, read by their fixed words, not by a grammar.

use super::cursor::{between, word_after};
use super::pairs::Pairs;

/// Adds what the sentence of a known program says; unknown sentences add nothing.
/// Shape: `Outcome` (accepted, failed, invalid, disconnected), `Method`, `User`, `SourceIp`, `SourcePort`, and sudo's
/// own `TTY`, `PWD`, `USER`, `COMMAND`.
pub fn read<'a>(program: &str, body: &'a str, pairs: &mut Pairs<'a>) {
    let program = program.rsplit('/').next().unwrap_or(program);
    match program {
        "sshd" | "sshd-session" | "dropbear" => sshd(body, pairs),
        "sudo" => sudo(body, pairs),
        "su" | "login" | "systemd-logind" | "cron" | "CRON" => session(body, pairs),
        "useradd" | "usermod" | "groupadd" | "passwd" | "chpasswd" => account(body, pairs),
        _ => {}
    }
}

fn sshd<'a>(body: &'a str, pairs: &mut Pairs<'a>) {
    if body.starts_with("pam_unix") || body.starts_with("pam_sss") {
        return session(body, pairs);
    }
    let outcome = [
        ("Accepted ", "accepted"),
        ("Failed ", "failed"),
        ("Invalid user ", "invalid"),
        ("Disconnected ", "disconnected"),
        ("Connection closed ", "disconnected"),
        ("Postponed ", "postponed"),
    ];
    let Some((lead, outcome)) = outcome.iter().find(|(lead, _)| body.starts_with(lead)) else { return };
    pairs.push("Outcome", *outcome);
    let behind = body.get(lead.len()..).unwrap_or("");
    if matches!(*outcome, "accepted" | "failed" | "postponed") {
        pairs.push_some("Method", behind.split(' ').next());
    }
    let user = match *outcome {
        "invalid" => behind.split(' ').next(),
        _ => word_after(body, "for invalid user ")
            .or_else(|| word_after(body, "for "))
            .or_else(|| word_after(body, "user ")),
    };
    pairs.push_some("User", user.filter(|name| *name != "from"));
    let address = word_after(body, " from ").or_else(|| word_after(body, " by "));
    pairs.push_some("SourceIp", address.filter(|word| word.contains(['.', ':'])));
    pairs.push_some("SourcePort", word_after(body, " port "));
}

/// `  alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id`
fn sudo<'a>(body: &'a str, pairs: &mut Pairs<'a>) {
    let Some((user, behind)) = body.trim_start().split_once(" : ") else { return session(body, pairs) };
    pairs.push("User", user.trim());
    for part in behind.splitn(8, " ; ") {
        match part.split_once('=') {
            Some((name, value)) if name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') => pairs.push(name, value),
            _ if part.contains("incorrect password") || part.contains("NOT in sudoers") => {
                pairs.push("Outcome", "failed")
            }
            _ => {}
        }
    }
}

/// `pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)`
fn session<'a>(body: &'a str, pairs: &mut Pairs<'a>) {
    let outcome = [("session opened", "opened"), ("session closed", "closed"), ("authentication failure", "failed")];
    if let Some((_, word)) = outcome.iter().find(|(lead, _)| body.contains(lead)) {
        pairs.push("Outcome", *word);
    }
    let user =
        word_after(body, "for user ").or_else(|| word_after(body, " user=")).or_else(|| word_after(body, "of user "));
    pairs.push_some("User", user.and_then(|word| word.split('(').next()).filter(|word| !word.is_empty()));
    pairs.push_some("SourceIp", word_after(body, "rhost=").filter(|word| word.contains(['.', ':'])));
    if let Some(command) = between(body, "CMD (", ")") {
        pairs.push("COMMAND", command);
    }
}

/// `new user: name=x, UID=0, GID=0, home=/root, shell=/bin/bash`
fn account<'a>(body: &'a str, pairs: &mut Pairs<'a>) {
    let user = word_after(body, "name=").or_else(|| word_after(body, "for user ")).or_else(|| between(body, "'", "'"));
    pairs.push_some("User", user);
    pairs.push_some("UID", word_after(body, "UID="));
    pairs.push_some("Shell", word_after(body, "shell="));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(program: &str, body: &str, expected: &[(&str, &str)]) {
        let mut pairs = Pairs::new();
        read(program, body, &mut pairs);
        let found: Vec<_> = pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn ssh_sentences() {
        let from = [("SourceIp", "10.6.97.78"), ("SourcePort", "4022")];
        check(
            "sshd",
            "Failed password for invalid user admin from 10.6.97.78 port 4022 ssh2",
            &[("Outcome", "failed"), ("Method", "password"), ("User", "admin"), from[0], from[1]],
        );
        check(
            "sshd",
            "Accepted publickey for postgres from 10.6.97.78 port 4022 ssh2: RSA SHA256:x",
            &[("Outcome", "accepted"), ("Method", "publickey"), ("User", "postgres"), from[0], from[1]],
        );
        check(
            "sshd",
            "Invalid user guest from 10.6.97.78 port 4022",
            &[("Outcome", "invalid"), ("User", "guest"), from[0], from[1]],
        );
        check(
            "sshd",
            "pam_unix(sshd:session): session opened for user hl7(uid=1001) by (uid=0)",
            &[("Outcome", "opened"), ("User", "hl7")],
        );
        check("sshd", "Server listening on 0.0.0.0 port 22.", &[]);
    }

    #[test]
    fn sudo_sentences() {
        check(
            "sudo",
            "   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id -u",
            &[
                ("User", "alice"),
                ("TTY", "pts/0"),
                ("PWD", "/home/alice"),
                ("USER", "root"),
                ("COMMAND", "/usr/bin/id -u"),
            ],
        );
        check(
            "sudo",
            "bob : user NOT in sudoers ; TTY=pts/1 ; USER=root ; COMMAND=/bin/sh",
            &[("User", "bob"), ("Outcome", "failed"), ("TTY", "pts/1"), ("USER", "root"), ("COMMAND", "/bin/sh")],
        );
    }

    #[test]
    fn account_sentences() {
        check(
            "useradd",
            "new user: name=eve, UID=0, GID=0, home=/root, shell=/bin/bash",
            &[("User", "eve"), ("UID", "0"), ("Shell", "/bin/bash")],
        );
        check("CRON", "(root) CMD (run-parts /etc/cron.hourly)", &[("COMMAND", "run-parts /etc/cron.hourly")]);
    }
}
