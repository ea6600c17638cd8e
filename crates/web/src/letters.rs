//! Messages that leave the house, in the words of the same catalogue as the pages.
//! A file of its own because what stands here is read by a mail server's operator and a telephone company too: a title,
//! a severity, the hospital's name, a link and a number, and nothing else.

use std::sync::Arc;

use app::{Call, Letter, Told};
use domain::reach::{About, Channel, Notice};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::words::{Catalogue, CatalogueFault, Language, Words};

/// The longest a short message may be: one message of the GSM alphabet. Source: 3GPP TS 23.040 §9.2.3.24.
const SHORT_CHARS_MAX: usize = 160;

/// Puts calls into words.
pub struct Letters {
    catalogue: Arc<Catalogue>,
    language: Language,
    zone: TimeZone,
}

impl Letters {
    /// Letters in this language (English where it is not known), with times in this zone.
    ///
    /// # Errors
    /// The embedded message files cannot be read; the tests of this crate find that first.
    pub fn new(language: &str, zone: TimeZone) -> Result<Self, CatalogueFault> {
        let language = Language::from_tag(language).unwrap_or(Language::English);
        Ok(Self { catalogue: Arc::new(Catalogue::embedded()?), language, zone })
    }

    /// What the message of a call says; `link` is where it is acknowledged.
    pub fn letter(&self, call: &Call, link: &str) -> Letter {
        let raised = call.notice.raised_at;
        let words = Words::new(Arc::clone(&self.catalogue), self.language, self.zone.clone(), raised);
        let what = notice_title(&words, &call.notice);
        let level = words.word("level", call.notice.level.as_str());
        let drill = if call.notice.drill { words.t("letter-drill") + " " } else { String::new() };
        let moment = words.moment(&raised);
        // only a modem reads replies
        let short = if call.channel == Channel::Modem { "letter-short" } else { "letter-short-link" };
        let filled = |key: &str, what: &str| {
            let values: [(&str, &str); 7] = [
                ("what", what),
                ("level", &level),
                ("drill", &drill),
                ("hospital", &call.hospital),
                ("moment", &moment),
                ("link", link),
                ("code", &call.code),
            ];
            // messages cross systems that show the catalogue's direction marks as rubbish
            words.with_all(key, &values).replace(['\u{2068}', '\u{2069}'], "")
        };
        Letter {
            subject: filled("letter-subject", &what),
            text: filled("letter-text", &what),
            short: shortened(&what, |what| filled(short, what)),
        }
    }
}

impl Letters {
    /// What somebody reads who answered by a short message; `now` is the node's clock.
    pub fn answer(&self, told: &Told, now: Timestamp) -> String {
        let words = Words::new(Arc::clone(&self.catalogue), self.language, self.zone.clone(), now);
        let text = match told {
            Told::First => words.t("ack-done"),
            Told::Already { by, at } => {
                words.with_all("ack-already", &[("name", by), ("moment", &words.near_moment(at))])
            }
            Told::Over => words.t("ack-over"),
        };
        text.replace(['\u{2068}', '\u{2069}'], "")
    }
}

/// Cuts what it is about until the whole fits; link and number are never cut.
fn shortened(what: &str, filled: impl Fn(&str) -> String) -> String {
    let whole = filled(what);
    let over = whole.chars().count().saturating_sub(SHORT_CHARS_MAX);
    if over == 0 {
        return whole;
    }
    let kept = what.chars().count().saturating_sub(over + 2);
    let cut: String = what.chars().take(kept).collect();
    filled(&format!("{}..", cut.trim_end()))
}

/// What a notice is about, in a line.
pub(crate) fn notice_title(words: &Words, notice: &Notice) -> String {
    let key = format!("notice-about-{}", notice.about.word());
    match &notice.about {
        About::Trouble { code, .. } => {
            let of_code = format!("trouble-{code}");
            let title = if words.has(&of_code) { words.t(&of_code) } else { words.t("trouble-other") };
            words.with(&key, "title", &title)
        }
        About::Alert { .. } | About::Hit { .. } => words.with(&key, "title", &notice.title),
        About::MonthlyTest { .. } | About::Test { .. } => words.t(&key),
    }
}

#[cfg(test)]
mod tests {
    use domain::reach::NoticeState;
    use domain::telemetry::Level;
    use uuid::Uuid;

    use super::*;

    fn call(title: &str) -> Call {
        let notice = Notice {
            id: Uuid::nil(),
            about: About::Hit { release: Uuid::nil() },
            level: Level::Critical,
            title: title.to_owned(),
            drill: false,
            raised_at: "2026-11-25T00:14:00Z".parse().unwrap(),
            state: NoticeState::Open,
        };
        Call {
            attempt: Uuid::nil(),
            channel: Channel::Modem,
            address: "+40721000111".to_owned(),
            person: "ana".to_owned(),
            notice,
            hospital: "Spitalul Clinic".to_owned(),
            token: "token".to_owned(),
            code: "482193".to_owned(),
        }
    }

    #[test]
    fn a_letter_says_what_where_and_how_to_answer() {
        let letters = Letters::new("en", TimeZone::get("Europe/Bucharest").unwrap()).unwrap();
        let letter = letters.letter(&call("Ransomware spreads"), "https://l.example/acknowledge/token");
        assert_eq!(letter.subject, "[Spitalul Clinic] Critical: A warning hits here: Ransomware spreads");
        for part in ["02:14 EET", "https://l.example/acknowledge/token", "Spitalul Clinic"] {
            assert!(letter.text.contains(part), "{part} in {}", letter.text);
        }
        assert!(!letter.text.contains('\u{2068}') && !letter.text.contains('\u{27e6}'), "{}", letter.text);
        let mut drill = call("Ransomware spreads");
        drill.notice.drill = true;
        assert!(letters.letter(&drill, "https://l.example").subject.starts_with("DRILL ["));
    }

    #[test]
    fn a_short_letter_keeps_its_link_and_its_number() {
        let letters = Letters::new("en", TimeZone::UTC).unwrap();
        let letter = letters.letter(&call(&"A very long title ".repeat(20)), "https://l.example/acknowledge/token");
        assert!(letter.short.chars().count() <= SHORT_CHARS_MAX, "{}", letter.short.chars().count());
        assert!(letter.short.ends_with("OK 482193 or https://l.example/acknowledge/token"), "{}", letter.short);
        let short = letters.letter(&call("Brief"), "https://l.example/a").short;
        assert_eq!(
            short,
            "Spitalul Clinic: Critical: A warning hits here: Brief Answer OK 482193 or https://l.example/a"
        );
    }
}
