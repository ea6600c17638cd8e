//! What a configuration may say, and that every problem is told with its way out.

use super::*;
use crate::config::template::ListenAnswers;

fn answers(role: Role) -> Answers {
    Answers {
        role,
        name: "Spitalul \"Test\"".to_owned(),
        country: "RO".to_owned(),
        zone: "Europe/Bucharest".to_owned(),
        data_dir: ".".to_owned(),
        console: "127.0.0.1:0".to_owned(),
        admin: "127.0.0.1:0".to_owned(),
        link: "127.0.0.1:0".to_owned(),
        link_urls: vec![],
        listeners: ListenAnswers {
            syslog_udp: "127.0.0.1:0".to_owned(),
            syslog_tcp: "127.0.0.1:0".to_owned(),
            http: "127.0.0.1:0".to_owned(),
        },
    }
}

/// Uncomments every key of a template: what it shows as a default must be readable too.
fn uncommented(template: &str) -> String {
    let key = |line: &str| {
        let rest = line.strip_prefix("# ")?;
        if rest.starts_with("[[") {
            return Some(rest.to_owned());
        }
        let name = rest.split_once(" = ")?.0;
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        plain.then(|| rest.to_owned())
    };
    template.lines().map(|line| key(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

#[test]
fn what_init_writes_can_be_read_in_every_role() {
    for role in Role::ALL {
        let text = template(&answers(role));
        let config = Config::read(&text, Path::new("/etc/lazaret")).unwrap();
        assert_eq!(config.role, role);
        assert_eq!(config.app.name, "Spitalul \"Test\"");
        assert_eq!(config.data_dir, Path::new("/etc/lazaret"));
        let all = uncommented(&text).replace("postgres = ", "# ");
        let problems = Config::read(&all, Path::new("/")).err();
        assert_eq!(problems, None, "{all}");
    }
}

#[test]
fn the_defaults_in_the_template_are_the_defaults() {
    let text = template(&answers(Role::Hospital));
    let shown = Config::read(&uncommented(&text).replace("postgres = ", "# "), Path::new("/")).unwrap();
    let plain = Config::read(&text, Path::new("/")).unwrap();
    assert_eq!(shown.app.trial, plain.app.trial);
    assert_eq!(shown.app.limits, plain.app.limits);
    assert_eq!(shown.alerts_kept, plain.alerts_kept);
    assert_eq!(format!("{:?}", shown.events), format!("{:?}", plain.events));
    let text = template(&answers(Role::National));
    let shown = Config::read(&uncommented(&text).replace("postgres = ", "# "), Path::new("/")).unwrap();
    assert_eq!(shown.app.thresholds, domain::cluster::Thresholds::default());
}

#[test]
fn every_problem_is_told_at_once_with_its_way_out() {
    let text = "role = \"clinic\"\nname = \"\"\ncountry = \"Romania\"\n[console]\nlisten = \"0.0.0.0:8443\"\n\
                [listen]\nsyslog_senders = [\"lan\"]\n[events]\nkeep = \"90\"\n[uplink]\nproxy = \"socks5://x\"\n";
    let problems = Config::read(text, Path::new("/")).unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    for key in ["role", "name", "country", "console.listen", "listen.syslog_senders", "events.keep", "uplink.proxy"] {
        assert!(keys.contains(&key), "{key} in {keys:?}");
    }
    assert!(problems.iter().all(|problem| !problem.instead.is_empty()));
}

#[test]
fn an_unknown_key_is_told_with_its_line() {
    let problems = Config::read("role = \"union\"\nnmae = \"x\"\n", Path::new("/")).unwrap_err();
    assert!(problems[0].what.contains("nmae") && problems[0].what.contains("line 2"), "{}", problems[0].what);
}

#[test]
fn a_hospital_has_no_members_and_a_hub_reads_no_logs() {
    let hospital = template(&answers(Role::Hospital)) + "[link]\nlisten = \"127.0.0.1:1\"\n";
    assert_eq!(Config::read(&hospital, Path::new("/")).unwrap_err()[0].key, "link");
    let hub = template(&answers(Role::Union)) + "[listen]\nhttp = \"127.0.0.1:1\"\n";
    assert_eq!(Config::read(&hub, Path::new("/")).unwrap_err()[0].key, "listen");
}
