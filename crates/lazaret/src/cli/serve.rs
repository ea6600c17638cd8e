//! `lazaret serve`: one node until SIGTERM or Ctrl-C. Prints where its doors are, then only logs.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::ServeArgs;
use crate::clock::SystemClock;
use crate::node::{Node, Reloaded};
use crate::output::{Output, print_line};
use crate::systemd;

/// Runs it.
pub async fn run(args: ServeArgs, output: Output) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    crate::logging::begin(&config.log);
    let (role, name) = (config.role, config.app.name.clone());
    // asked for before anything starts, so that an early signal is not lost
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut node = Node::start(config, Arc::new(SystemClock)).await?;
    let doors = node.doors();
    let first_run = node.first_run_link().await?;
    print_line(&match output {
        Output::Json => serde_json::to_string(&json!({ "name": name, "role": role.as_str(), "console": doors.console,
            "admin": doors.admin, "link": doors.link, "syslog_udp": doors.syslog_udp, "syslog_tcp": doors.syslog_tcp,
            "syslog_tls": doors.syslog_tls, "http": doors.http, "https": doors.https, "first_run": first_run }))?,
        Output::Table => told(&name, &doors, first_run.as_deref()),
    });
    systemd::tell(systemd::State::Ready);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => tell(&node.reload().await),
        }
    }
    systemd::tell(systemd::State::Stopping);
    tracing::info!("stopping: listeners close, what was accepted is finished");
    node.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// What SIGHUP did, in the log.
fn tell(reloaded: &Reloaded) {
    let Reloaded { rules_refused, certificates, problems, needs_restart } = reloaded;
    for problem in problems {
        tracing::error!(problem, "it could not be read again; the old is still in use");
    }
    if !needs_restart.is_empty() {
        tracing::warn!(changed = needs_restart.join(", "), "this has changed and needs a restart");
    }
    tracing::info!(rules_refused, certificates, "rules, certificates and configuration were read again");
}

fn told(name: &str, doors: &crate::node::Doors, first_run: Option<&str>) -> String {
    let mut text = format!("{name} is running.\n  console     {}", doors.console);
    let shown = |door: Option<std::net::SocketAddr>| door.map(|address| address.to_string());
    let rows = [
        ("admin", doors.admin.clone()),
        ("link", doors.link.clone()),
        ("syslog/udp", shown(doors.syslog_udp)),
        ("syslog/tcp", shown(doors.syslog_tcp)),
        ("syslog/tls", shown(doors.syslog_tls)),
        ("http", shown(doors.http)),
        ("https", shown(doors.https)),
    ];
    for (label, door) in rows {
        if let Some(door) = door {
            text.push_str(&format!("\n  {label:<11} {door}"));
        }
    }
    if let Some(link) = first_run {
        text.push_str(&format!("\n\nNobody has an account yet. Make the first one (this link works once):\n  {link}"));
    }
    text
}
