//! An emulated modem on a pseudo-terminal: a real serial line with its echo and its cut bytes, and a modem of our own
//! behind it that keeps what it sent, can be told what came in, and can answer ERROR.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use domain::reach::{AttemptState, Channel, How, NoticeState};
use jiff::SignedDuration;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{Desk, sent};
use crate::reach::modem::{Modem, ModemConfig};
use crate::reach::{Channels, read_replies_once};

/// What the emulated modem keeps.
#[derive(Default)]
struct Memory {
    /// Lines that were sent as messages.
    sent: Vec<String>,
    /// Messages that came in: place and line.
    came: Vec<(u32, String)>,
    /// Whether it refuses to send.
    refuses: bool,
}

struct Emulator {
    memory: Arc<Mutex<Memory>>,
    device: PathBuf,
    /// Held, so that the line stays when nobody else has it open.
    _other_end: std::fs::File,
}

impl Emulator {
    fn start() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let device = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        let other_end = std::fs::OpenOptions::new().read(true).write(true).open(&device).unwrap();
        let memory = Arc::new(Mutex::new(Memory::default()));
        let kept = Arc::clone(&memory);
        // ends with the process: a read on a line that nobody writes to cannot be cut short
        std::thread::spawn(move || answer(std::fs::File::from(master), &kept));
        Self { memory, device, _other_end: other_end }
    }

    fn modem(&self) -> Arc<Modem> {
        Arc::new(Modem::new(ModemConfig { device: self.device.clone(), baud: 115_200, pin: None }))
    }

    fn sent(&self) -> Vec<String> {
        self.memory.lock().unwrap().sent.clone()
    }
}

/// The modem: reads to a carriage return or Ctrl-Z, echoes until told not to, answers.
fn answer(mut line: std::fs::File, memory: &Mutex<Memory>) {
    let (mut said, mut echo) = (Vec::new(), true);
    let mut byte = [0];
    while line.read_exact(&mut byte).is_ok() {
        match byte[0] {
            0x1b => {
                said.clear();
                continue;
            }
            b'\r' | 0x1a => {}
            other => {
                said.push(other);
                continue;
            }
        }
        let command = String::from_utf8(std::mem::take(&mut said)).unwrap();
        if echo {
            line.write_all(format!("{command}\r").as_bytes()).unwrap();
        }
        let mut memory = memory.lock().unwrap();
        let reply = match command.as_str() {
            "ATE0" => {
                echo = false;
                "\r\nOK\r\n".to_owned()
            }
            "AT+CMGF=0" => "\r\nOK\r\n".to_owned(),
            "AT+CMGL=4" => {
                let listed = |(place, pdu): &(u32, String)| format!("\r\n+CMGL: {place},0,,{}\r\n{pdu}", pdu.len() / 2);
                memory.came.iter().map(listed).collect::<String>() + "\r\n\r\nOK\r\n"
            }
            _ if command.starts_with("AT+CMGD=") => {
                let place: u32 = command[8..].parse().unwrap();
                memory.came.retain(|(own, _)| *own != place);
                "\r\nOK\r\n".to_owned()
            }
            _ if memory.refuses => "\r\nERROR\r\n".to_owned(),
            _ if command.starts_with("AT+CMGS=") => "\r\n> ".to_owned(),
            _ => {
                memory.sent.push(command);
                "\r\n+CMGS: 1\r\n\r\nOK\r\n".to_owned()
            }
        };
        line.write_all(reply.as_bytes()).unwrap();
    }
}

/// *OK* from +40721000111 as a network delivers it. Made by hand from TS 23.040: no service centre, eleven digits, the
/// default alphabet, two septets.
const OK_FROM_ANA: &str = "00040B910427010011F100006211520142908002CF25";

/// Step by step and not with the loop, so that nobody else reads the modem at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modem_calls_and_the_reply_acknowledges() {
    let emulator = Emulator::start();
    let desk = Desk::open(&[(Channel::Modem, "+40721000111")]).await;
    let messenger = desk.messenger(Channels { modem: Some(emulator.modem()), ..Channels::default() });
    desk.app.set_channels(messenger.channels.kinds());
    let notice = desk.raise("backup-failed").await;
    for call in desk.app.due_attempts().await.unwrap() {
        let called = messenger.make(&call).await;
        desk.app.attempt_done(call.attempt, called).await.unwrap();
    }
    let calls = desk.app.notice(notice).await.unwrap().attempts;
    assert_eq!(sent(&calls), 1, "{calls:?}");
    let lines = emulator.sent();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("0001000B910427010011F10000"), "{}", lines[0]);
    emulator.memory.lock().unwrap().came.push((1, OK_FROM_ANA.to_owned()));
    for _ in 0..2 {
        read_replies_once(&messenger).await.unwrap();
    }
    let NoticeState::Acknowledged(by) = desk.state_of(notice).await else { panic!("it is acknowledged") };
    assert_eq!((by.by, by.how), (desk.session.account, How::SmsReply));
    assert!(emulator.memory.lock().unwrap().came.is_empty(), "the reply is forgotten");
    assert_eq!(emulator.sent().len(), 2, "and answered once");
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modem_that_answers_error_hands_over_and_is_tried_again() {
    let emulator = Emulator::start();
    emulator.memory.lock().unwrap().refuses = true;
    let mut desk = Desk::open(&[(Channel::Modem, "+40721000111")]).await;
    desk.call_with(Channels { modem: Some(emulator.modem()), ..Channels::default() });
    let notice = desk.raise("backup-failed").await;
    let failed = |calls: &[domain::reach::Attempt]| calls.iter().any(|call| call.state == AttemptState::Failed);
    let calls = desk.until_calls(notice, "the call failed", failed).await;
    assert!(calls[0].reason.contains("ERROR"), "{}", calls[0].reason);
    emulator.memory.lock().unwrap().refuses = false;
    desk.turn(SignedDuration::from_mins(2));
    desk.until_calls(notice, "the modem took it", |calls| sent(calls) == 1).await;
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modem_that_is_not_there_is_told_with_its_device() {
    let dir = tempfile::tempdir().unwrap();
    let device = dir.path().join("ttyUSB0");
    let modem = Modem::new(ModemConfig { device: device.clone(), baud: 115_200, pin: None });
    let why = modem.send("+40721000111", "x").await.unwrap_err();
    assert!(why.contains("ttyUSB0"), "{why}");
}
