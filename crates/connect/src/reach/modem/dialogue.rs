//! A conversation with a modem, without the line: what is said first, and what is said next to what it answers.
//! A file of its own because it can be tried with every odd answer, and needs no device for it.
//! Source: 3GPP TS 27.005 (`CMGF`, `CMGS`, `CMGL`, `CMGD`), TS 27.007 (`CPIN`), ITU-T V.250 (result codes, echo).

use std::collections::VecDeque;

use super::pdu::{Received, deliver, submit};

/// The most a modem may say in one conversation: a memory full of messages is about 20 kB.
const HEARD_BYTES_MAX: usize = 256 * 1024;

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing: it has not finished speaking.
    Listen,
    /// Say this.
    Say(Vec<u8>),
    /// The conversation is over: the messages that it listed, or why it failed.
    Done(Result<Vec<Received>, String>),
}

/// One thing to say and how its end is known.
#[derive(Debug)]
struct Line {
    bytes: Vec<u8>,
    ends: Ends,
    /// Whether an error here ends the conversation.
    must: Must,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// With a result code.
    Result,
    /// With the prompt for a message's text.
    Prompt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// An error is the conversation's.
    Work,
    /// An error means that it was so already.
    Try,
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Dialogue {
    lines: VecDeque<Line>,
    heard: Vec<u8>,
    heard_in_all: usize,
    /// The place of a message whose own line comes next.
    listed: Option<u32>,
    messages: Vec<Received>,
}

impl Dialogue {
    /// Sends one message.
    pub fn send(pin: Option<&str>, to: &str, text: &str) -> Self {
        let (pdu, octets) = submit(to, text);
        let mut dialogue = Self::opened(pin);
        dialogue.say(&format!("AT+CMGS={octets}"), Ends::Prompt, Must::Work);
        let mut bytes = pdu.into_bytes();
        // Ctrl-Z ends the message
        bytes.push(0x1a);
        dialogue.lines.push_back(Line { bytes, ends: Ends::Result, must: Must::Work });
        dialogue
    }

    /// Lists every message in the modem's memory.
    pub fn list(pin: Option<&str>) -> Self {
        let mut dialogue = Self::opened(pin);
        dialogue.say("AT+CMGL=4", Ends::Result, Must::Work);
        dialogue
    }

    /// Deletes messages by their places; one that is gone already is no error.
    pub fn delete(pin: Option<&str>, places: &[u32]) -> Self {
        let mut dialogue = Self::opened(pin);
        for place in places {
            dialogue.say(&format!("AT+CMGD={place}"), Ends::Result, Must::Try);
        }
        dialogue
    }

    /// No echo, the SIM unlocked, PDU mode. Escape first: it ends a message that a broken conversation began.
    fn opened(pin: Option<&str>) -> Self {
        let mut dialogue =
            Self { lines: VecDeque::new(), heard: Vec::new(), heard_in_all: 0, listed: None, messages: Vec::new() };
        dialogue.say("\u{1b}ATE0", Ends::Result, Must::Work);
        if let Some(pin) = pin {
            // refused where it was unlocked already
            dialogue.say(&format!("AT+CPIN=\"{pin}\""), Ends::Result, Must::Try);
        }
        dialogue.say("AT+CMGF=0", Ends::Result, Must::Work);
        dialogue
    }

    fn say(&mut self, command: &str, ends: Ends, must: Must) {
        self.lines.push_back(Line { bytes: format!("{command}\r").into_bytes(), ends, must });
    }

    /// What is said first.
    pub fn begin(&self) -> Vec<u8> {
        self.lines.front().map(|line| line.bytes.clone()).unwrap_or_default()
    }

    /// Takes what the modem said.
    pub fn hear(&mut self, bytes: &[u8]) -> Turn {
        self.heard.extend_from_slice(bytes);
        self.heard_in_all += bytes.len();
        if self.heard_in_all > HEARD_BYTES_MAX {
            return Turn::Done(Err("the modem does not stop speaking".to_owned()));
        }
        while let Some(end) = self.heard.iter().position(|byte| *byte == b'\n' || *byte == b'\r') {
            let line: Vec<u8> = self.heard.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if let Some(turn) = self.hear_line(&line) {
                return turn;
            }
        }
        let prompted = self.heard.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'>');
        if prompted && self.lines.front().is_some_and(|line| line.ends == Ends::Prompt) {
            self.heard.clear();
            return self.go_on();
        }
        Turn::Listen
    }

    fn hear_line(&mut self, line: &str) -> Option<Turn> {
        // lines end with both a return and a line feed: between them there is nothing
        if line.is_empty() {
            return None;
        }
        if let Some(place) = self.listed.take() {
            self.messages.extend(deliver(place, line));
            return None;
        }
        if let Some(rest) = line.strip_prefix("+CMGL:") {
            self.listed = rest.split(',').next().and_then(|place| place.trim().parse().ok());
            return None;
        }
        let failed = line == "ERROR" || line.starts_with("+CMS ERROR") || line.starts_with("+CME ERROR");
        let current = self.lines.front()?;
        if failed && current.must == Must::Work {
            let said = String::from_utf8_lossy(&current.bytes);
            let command: String = said.chars().filter(|one| !one.is_control()).take(12).collect();
            return Some(Turn::Done(Err(format!("the modem answered {line} to {command}"))));
        }
        // a result code while a prompt is awaited is none: the text would go nowhere
        let done = failed || (line == "OK" && current.ends == Ends::Result);
        // everything else is an echo, a report of a ring, or the number that CMGS gives
        done.then(|| self.go_on())
    }

    fn go_on(&mut self) -> Turn {
        self.lines.pop_front();
        match self.lines.front() {
            Some(line) => Turn::Say(line.bytes.clone()),
            None => Turn::Done(Ok(std::mem::take(&mut self.messages))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a conversation: each thing said is matched with the next answer. Returns what was said and how it ended.
    fn play(mut dialogue: Dialogue, answers: &[&str]) -> (Vec<String>, Turn) {
        let mut said = vec![String::from_utf8(dialogue.begin()).unwrap()];
        let mut last = Turn::Listen;
        for answer in answers {
            // byte by byte: a serial line cuts anywhere
            for byte in answer.as_bytes() {
                match dialogue.hear(&[*byte]) {
                    Turn::Listen => {}
                    Turn::Say(bytes) => said.push(String::from_utf8(bytes).unwrap()),
                    done => last = done,
                }
            }
        }
        (said, last)
    }

    #[test]
    fn a_message_is_sent_after_its_prompt() {
        let dialogue = Dialogue::send(None, "+31628870634", "hellohello");
        let answers = ["\u{1b}ATE0\r\r\nOK\r\n", "\r\nOK\r\n", "\r\n> ", "\r\n+CMGS: 12\r\n\r\nOK\r\n"];
        let (said, end) = play(dialogue, &answers);
        assert_eq!(end, Turn::Done(Ok(vec![])));
        assert_eq!(said[..3], ["\u{1b}ATE0\r", "AT+CMGF=0\r", "AT+CMGS=22\r"]);
        assert_eq!(said[3], "0001000B911326880736F400000AE8329BFD4697D9EC37\u{1a}");
    }

    #[test]
    fn an_error_ends_it_with_the_modems_words() {
        let answers = ["OK\r\n", "OK\r\n", "> ", "\r\n+CMS ERROR: 38\r\n"];
        let (_, end) = play(Dialogue::send(None, "+40721000111", "x"), &answers);
        let Turn::Done(Err(why)) = end else { panic!("{end:?}") };
        assert!(why.contains("+CMS ERROR: 38"), "{why}");
        let (said, end) = play(Dialogue::send(None, "+40721000111", "x"), &["OK\r\n", "OK\r\n", "\r\nERROR\r\n"]);
        assert!(matches!(end, Turn::Done(Err(_))) && said.len() == 3, "no text is said without a prompt");
    }

    #[test]
    fn a_pin_that_is_not_needed_is_no_error() {
        let dialogue = Dialogue::delete(Some("1234"), &[7]);
        let (said, end) = play(dialogue, &["OK\r\n", "+CME ERROR: 3\r\n", "OK\r\n", "ERROR\r\n"]);
        assert_eq!(said, ["\u{1b}ATE0\r", "AT+CPIN=\"1234\"\r", "AT+CMGF=0\r", "AT+CMGD=7\r"]);
        assert_eq!(end, Turn::Done(Ok(vec![])));
    }

    #[test]
    fn messages_are_listed_between_reports_of_rings() {
        let pdu = "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37";
        let listing = format!("\r\nRING\r\n\r\n+CMGL: 3,0,,26\r\n{pdu}\r\n+CMGL: 4,1,,9\r\nnonsense\r\n\r\nOK\r\n");
        let (_, end) = play(Dialogue::list(None), &["OK\r\n", "OK\r\n", &listing]);
        let Turn::Done(Ok(messages)) = end else { panic!("{end:?}") };
        assert_eq!(messages.iter().map(|one| (one.index, one.text.as_str())).collect::<Vec<_>>(), [(3, "hellohello")]);
    }

    #[test]
    fn a_modem_that_never_stops_is_left() {
        let mut dialogue = Dialogue::list(None);
        let noise = vec![b'x'; 64 * 1024];
        let ends = (0..6).any(|_| matches!(dialogue.hear(&noise), Turn::Done(Err(_))));
        assert!(ends);
    }
}
