//! What a running node looks at from outside itself, once an hour: the certificates it shows, and the hub's clock.
//! A file of its own because both are judged by the machine's real clock, as TLS judges them.

use std::sync::Arc;
use std::time::Duration;

use app::{App, Certificate, CertificateOf};
use connect::link::{Proxy, hub_ahead, tls_now};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::{Config, TlsFiles};
use crate::data_dir::DataDir;
use crate::doctor::certificate_end;
use crate::roles::Has;

const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// Looks until told to stop.
pub(super) async fn run(app: Arc<App>, config: Config, dir: DataDir, mut stop: watch::Receiver<bool>) {
    loop {
        app.note_certificates(certificates(&config, &dir));
        if config.role.parts().uplink == Has::Yes {
            tokio::select! { () = ask_hub(&app, &config, &dir) => {}, _ = stop.wait_for(|stop| *stop) => return }
        }
        tokio::select! { _ = stop.wait_for(|stop| *stop) => return, () = tokio::time::sleep(LOOK_EVERY) => {} }
    }
}

/// A hub that is away says nothing of clocks: the link tells that it is away.
async fn ask_hub(app: &App, config: &Config, dir: &DataDir) {
    let Ok(Some(uplink)) = dir.uplink().read() else { return };
    let proxy = config.uplink.proxy.clone().map(Proxy);
    match hub_ahead(&uplink, app.keys(), proxy.as_ref()).await {
        Ok(ahead) => app.note_hub_clock(ahead),
        Err(problem) => tracing::debug!(%problem, "the hub's clock could not be asked"),
    }
}

fn certificates(config: &Config, dir: &DataDir) -> Vec<Certificate> {
    let file = |of, files: &Option<TlsFiles>| {
        let end = certificate_end(&files.as_ref()?.certificate);
        let end = end.inspect_err(|problem| tracing::warn!(problem, "a certificate cannot be read"));
        Some((of, end.ok()?))
    };
    let uplink = dir.uplink().read().ok().flatten();
    let link = uplink.and_then(|uplink| timestamp(uplink.until_s)).map(|until| (CertificateOf::Link, until));
    let found = [
        file(CertificateOf::Console, &config.console.tls),
        file(CertificateOf::Listeners, &config.listeners.tls),
        link,
    ];
    let Some(now) = timestamp(tls_now().as_secs()) else { return Vec::new() };
    let held = |(of, until): (CertificateOf, Timestamp)| Certificate { of, until, left: until.duration_since(now) };
    found.into_iter().flatten().map(held).collect()
}

fn timestamp(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
