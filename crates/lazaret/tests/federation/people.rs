//! Accounts from the command line: what an operator does at the machine when nobody can log in.

use std::process::Command;

fn run(args: &[&str]) -> Result<serde_json::Value, String> {
    let done = Command::new(env!("CARGO_BIN_EXE_lazaret")).args(args).args(["--output", "json"]).output().unwrap();
    match done.status.success() {
        true => Ok(serde_json::from_slice(&done.stdout).unwrap()),
        false => Err(String::from_utf8(done.stderr).unwrap()),
    }
}

#[test]
fn accounts_are_added_listed_disabled_and_reset_at_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().to_str().unwrap();
    let init = ["init", "--role", "hospital", "--dir", at, "--name", "Klinik", "--country", "GR"];
    run(&init).unwrap();
    let config = dir.path().join("lazaret.toml");
    let user = |args: &[&str]| run(&[&["user"], args, &["--config", config.to_str().unwrap()]].concat());
    let added = user(&["add", "maria", "--role", "admin"]).unwrap();
    assert!(added["link"].as_str().unwrap().starts_with("http://127.0.0.1:8443/welcome?token="), "{added}");
    assert!(user(&["add", "maria"]).unwrap_err().contains("lazaret user reset"));
    assert!(user(&["add", "break-glass"]).unwrap_err().contains("printed code"));
    let state = || user(&["list"]).unwrap()["accounts"][0]["state"].as_str().unwrap().to_owned();
    assert_eq!(state(), "active");
    user(&["disable", "maria"]).unwrap();
    assert_eq!(state(), "disabled");
    user(&["enable", "maria"]).unwrap();
    assert_eq!(state(), "active");
    let reset = user(&["reset", "maria"]).unwrap();
    assert_ne!(reset["link"], added["link"]);
    assert!(user(&["reset", "nobody"]).unwrap_err().contains("lazaret user list"));
}
