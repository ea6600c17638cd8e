//! The running node's own backups: one every so often, tried again sooner after a failure, and what came of it kept
//! where the console shows it.

use std::sync::Arc;
use std::time::Duration;

use app::{App, BackupNote};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Settings, make};
use crate::config::Config;

/// How often it looks whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After a failure it is tried again after this long, or sooner if backups are more frequent.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_mins(60);

/// Makes backups until told to stop.
pub async fn run(app: Arc<App>, config: Config, settings: Settings, mut stop: watch::Receiver<bool>) {
    let mut tried: Option<Timestamp> = None;
    loop {
        let due = match app.last_backup().await {
            Ok(last) => is_due(last, tried, app.now(), settings.every),
            Err(problem) => {
                tracing::warn!(%problem, "whether a backup is due cannot be read; it is asked again");
                false
            }
        };
        if due {
            tried = Some(app.now());
            let made = make(&config, &settings, app.now());
            let made = tokio::select! { made = made => made, _ = stop.wait_for(|stop| *stop) => return };
            note(&app, made).await;
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn note(app: &App, made: anyhow::Result<super::Made>) {
    let note = match &made {
        Ok(made) => {
            tracing::info!(backup = made.name, sent_bytes = made.sent_bytes, "a backup was made");
            BackupNote::made(app.now(), made.bytes, made.target.clone())
        }
        Err(problem) => {
            tracing::error!(problem = format!("{problem:#}"), "no backup could be made; it is tried again");
            BackupNote::failed(app.now(), format!("{problem:#}"))
        }
    };
    if let Err(problem) = app.note_backup(note).await {
        tracing::error!(%problem, "what came of a backup could not be kept");
    }
}

fn is_due(last: Option<Timestamp>, tried: Option<Timestamp>, now: Timestamp, every: Duration) -> bool {
    let every = SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX);
    let rested = tried.is_none_or(|tried| now.duration_since(tried) >= AFTER_FAILURE.min(every));
    let old = last.is_none_or(|last| now.duration_since(last) >= every);
    rested && old
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_backup_is_tried_again_before_the_next_is_due() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let day = Duration::from_secs(24 * 3600);
        assert!(is_due(None, None, at(0), day), "the first is due at once");
        assert!(!is_due(Some(at(0)), None, at(23), day) && is_due(Some(at(0)), None, at(24), day));
        assert!(!is_due(Some(at(0)), Some(at(24)), at(24), day), "just tried");
        assert!(is_due(Some(at(0)), Some(at(24)), at(25), day));
    }
}
