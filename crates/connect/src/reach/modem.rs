//! Short messages through a modem at this machine: no directory, no mail, no Internet. The device is opened for each
//! conversation, so that a modem that was unplugged works again when it is back.
//!
//! What is said to the modem and what it answers is `dialogue`, what a message looks like is `pdu`; here only the line.

mod dialogue;
mod pdu;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;
use tokio::sync::Mutex;

use dialogue::{Dialogue, Turn};
pub use pdu::Received;

/// How long one conversation may take: networks take seconds to accept a message.
const CONVERSATION_TIME_MAX: Duration = Duration::from_secs(45);
/// Messages taken out of the modem's memory in one turn; the rest in the next.
const RECEIVED_MAX: usize = 50;

/// A modem's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemConfig {
    /// The device, e.g. `/dev/ttyUSB0`.
    pub device: PathBuf,
    /// Its speed. Units: bits a second.
    pub baud: u32,
    /// The SIM's PIN, from a file of its own; none where it has none.
    pub pin: Option<String>,
}

/// A modem; one conversation at a time.
pub struct Modem {
    config: ModemConfig,
    turn: Mutex<()>,
}

impl Modem {
    /// Prepares it; the device is opened when it is needed.
    pub fn new(config: ModemConfig) -> Self {
        Self { config, turn: Mutex::default() }
    }

    /// Sends one message. Errors: what the modem or its line said.
    pub(super) async fn send(&self, to: &str, text: &str) -> Result<(), String> {
        self.converse(Dialogue::send(self.config.pin.as_deref(), to, text)).await.map(drop)
    }

    /// Takes the messages that came in; they stay in the modem until [`Modem::forget`].
    pub(super) async fn received(&self) -> Result<Vec<Received>, String> {
        let mut messages = self.converse(Dialogue::list(self.config.pin.as_deref())).await?;
        messages.truncate(RECEIVED_MAX);
        Ok(messages)
    }

    /// Deletes messages that were dealt with.
    pub(super) async fn forget(&self, messages: &[Received]) -> Result<(), String> {
        let places: Vec<u32> = messages.iter().map(|message| message.index).collect();
        self.converse(Dialogue::delete(self.config.pin.as_deref(), &places)).await.map(drop)
    }

    async fn converse(&self, dialogue: Dialogue) -> Result<Vec<Received>, String> {
        let _turn = self.turn.lock().await;
        let talk = async {
            let line = open(&self.config).map_err(|why| format!("{}: {why}", self.config.device.display()))?;
            talk(&line, dialogue).await
        };
        let silent = || format!("{} does not answer", self.config.device.display());
        tokio::time::timeout(CONVERSATION_TIME_MAX, talk).await.map_err(|_| silent())?
    }
}

/// Opens a serial line without becoming its session, raw, at its speed; what lay in it from before is thrown away.
fn open(config: &ModemConfig) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let line = open_at(&config.device, flags)?;
    let mut settings = tcgetattr(&line)?;
    settings.make_raw();
    settings.set_speed(config.baud)?;
    tcsetattr(&line, OptionalActions::Now, &settings)?;
    tcflush(&line, QueueSelector::IOFlush)?;
    #[allow(deprecated, reason = "its successor is unsafe; an owned descriptor keeps what it asks for")]
    AsyncFd::new(line)
}

fn open_at(device: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(device, flags, Mode::empty())?)
}

async fn talk(line: &AsyncFd<OwnedFd>, mut dialogue: Dialogue) -> Result<Vec<Received>, String> {
    let lost = |why: io::Error| format!("the line to the modem broke: {why}");
    write(line, &dialogue.begin()).await.map_err(lost)?;
    let mut buffer = [0_u8; 1024];
    loop {
        let count = read(line, &mut buffer).await.map_err(lost)?;
        if count == 0 {
            return Err("the line to the modem ended".to_owned());
        }
        match dialogue.hear(buffer.get(..count).unwrap_or_default()) {
            Turn::Listen => {}
            Turn::Say(bytes) => write(line, &bytes).await.map_err(lost)?,
            Turn::Done(done) => return done,
        }
    }
}

async fn write(line: &AsyncFd<OwnedFd>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let mut ready = line.writable().await?;
        if let Ok(written) = ready.try_io(|line| Ok(rustix::io::write(line.as_fd(), bytes)?)) {
            bytes = bytes.get(written?..).unwrap_or_default();
        }
    }
    Ok(())
}

async fn read(line: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut ready = line.readable().await?;
        if let Ok(count) = ready.try_io(|line| Ok(rustix::io::read(line.as_fd(), &mut *buffer)?)) {
            return count;
        }
    }
}
