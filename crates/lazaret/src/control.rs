//! The node's own door for commands on the same machine: a socket in the data directory, for whoever may write there.
//! `rules add` tries rules on the events that the running node holds, and lets it read its rules again.
//! A file of its own because both ends must agree: one line of JSON asks, lines of JSON answer, the last one ends it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use app::{App, RulesTrial};
use detect::sigma::{RuleOrigin, RuleText};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};

/// The longest question, in bytes: all rule files in one line.
const QUESTION_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// The longest answer line, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long a question may take to arrive.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(60);
/// How many are answered at once.
const ASKING_MAX: usize = 4;

/// What a command asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// What would these rule files do? Path and text.
    TryRules(Vec<(String, String)>),
    /// Read the rules directory again.
    ReloadRules,
}

/// What the node answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// So many of so many events are done; more follows.
    Progress(u64, u64),
    /// What the rules would do.
    Tried(Box<RulesTrial>),
    /// The rules were read again; so many problems.
    Reloaded(u64),
    /// It could not be done.
    Failed(String),
}

/// Where the door of a node is.
pub fn path_in(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Opens the door. The caller holds the data directory's lock, so a socket that is there was left behind.
pub fn bind(data_dir: &Path) -> Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = path_in(data_dir);
    match std::fs::remove_file(&path) {
        Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
            return Err(problem).with_context(|| format!("cannot remove {}", path.display()));
        }
        _ => {}
    }
    let listener = UnixListener::bind(&path).with_context(|| format!("cannot open {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers until told to stop.
pub async fn serve(listener: UnixListener, app: Arc<App>, rules_dir: Option<PathBuf>, mut stop: watch::Receiver<bool>) {
    let asking = Arc::new(tokio::sync::Semaphore::new(ASKING_MAX));
    loop {
        let stream = tokio::select! {
            taken = listener.accept() => match taken {
                Ok((stream, _)) => stream,
                Err(problem) => {
                    tracing::warn!(%problem, "the control door could not take a caller");
                    continue;
                }
            },
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok(place) = Arc::clone(&asking).acquire_owned().await else { return };
        let (app, rules_dir) = (Arc::clone(&app), rules_dir.clone());
        tokio::spawn(async move {
            if let Err(problem) = answer(stream, &app, rules_dir).await {
                tracing::debug!(%problem, "a caller at the control door got no whole answer");
            }
            drop(place);
        });
    }
}

async fn answer(mut stream: UnixStream, app: &App, rules_dir: Option<PathBuf>) -> Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(QUESTION_BYTES_MAX));
    tokio::time::timeout(QUESTION_TIME_MAX, reader.read_line(&mut line)).await??;
    let last = match serde_json::from_str::<Question>(&line) {
        Err(problem) => Answer::Failed(format!("this program does not know the question: {problem}")),
        Ok(Question::ReloadRules) => {
            let texts = tokio::task::spawn_blocking(move || crate::load::rules(rules_dir.as_deref())).await?;
            Answer::Reloaded(app.reload_rules(texts).len() as u64)
        }
        Ok(Question::TryRules(files)) => {
            let (send, mut progress) = mpsc::channel(8);
            // a caller that reads slowly misses steps, never the end
            let trying = app.try_rules(texts_of(files), move |done, all| _ = send.try_send((done, all)));
            tokio::pin!(trying);
            loop {
                tokio::select! {
                    tried = &mut trying => break match tried {
                        Ok(trial) => Answer::Tried(Box::new(trial)),
                        Err(problem) => Answer::Failed(problem.to_string()),
                    },
                    Some((done, all)) = progress.recv() => {
                        write.write_all(&as_line(&Answer::Progress(done, all))?).await?;
                    }
                }
            }
        }
    };
    write.write_all(&as_line(&last)?).await?;
    Ok(write.shutdown().await?)
}

/// Rule files of a question as the engine reads them.
pub fn texts_of(files: Vec<(String, String)>) -> Vec<RuleText> {
    let text = |(path, text)| RuleText { path, text, origin: RuleOrigin::Local, mark: None };
    files.into_iter().map(text).collect()
}

fn as_line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Asks a running node. Shape: `None` where no node runs on this data directory. `told` hears of progress.
pub async fn ask(data_dir: &Path, question: &Question, mut told: impl FnMut(u64, u64)) -> Result<Option<Answer>> {
    let Ok(mut stream) = UnixStream::connect(path_in(data_dir)).await else { return Ok(None) };
    let (read, mut write) = stream.split();
    let question = as_line(question)?;
    ensure!(question.len() as u64 <= QUESTION_BYTES_MAX, "more rules than can be tried at once");
    write.write_all(&question).await?;
    let mut reader = BufReader::new(read.take(ANSWER_BYTES_MAX));
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            bail!("the node hung up before it had answered");
        }
        match serde_json::from_str(&line)? {
            Answer::Progress(done, all) => told(done, all),
            Answer::Failed(problem) => bail!("the node says: {problem}"),
            last => return Ok(Some(last)),
        }
    }
}
