//! People and rota, a notice with its calls, and the page behind a message's link, with values made by hand.

use askama::Template;
use domain::telemetry::Level;
use jiff::ToSpan;

use super::{Frame, Place, Studio, ago, now};
use crate::screen::Choice;
use crate::screen::reach::{
    AcknowledgePage, CallRow, NoticePage, NoticeShown, QuietRow, RotaPage, RouteRow, ShiftRow, Typed,
};

/// A notice that failed over from mail to a short message.
pub(super) fn notice(s: &Studio) -> NoticeShown {
    let w = s.w();
    let call = |channel: &'static str, address: &str, state: &'static str, reason: &str| CallRow {
        person: "m.rossi".into(),
        channel,
        address: address.into(),
        state,
        at: ago(4),
        took: w.with("call-took", "ms", &w.number(&1_240)),
        reason: reason.into(),
    };
    let channel = w.word("channel", "modem");
    let next = [("person", "k.wagner"), ("channel", channel.as_str()), ("moment", "14:08 EET")];
    NoticeShown {
        id: "n1".into(),
        title: w.with("notice-about-alert", "title", "Shadow copies destroyed"),
        level: Level::Critical,
        raised_at: ago(5),
        open: true,
        says: w.t("call-by-open"),
        next: w.with_all("call-next", &next),
        calls: vec![
            call("mail", "m.rossi@klinik.example", "failed", "Connection error: Connection refused (os error 111)"),
            call("modem", "+306900000111", "sent", ""),
        ],
    }
}

pub(super) fn pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let w = s.w();
    let route = |id: &str, person: &str, channel: &'static str, address: &str, usable| RouteRow {
        id: id.into(),
        person: person.into(),
        channel,
        address: address.into(),
        usable,
        mine: true,
    };
    let people = vec![Choice::new("p1", "m.rossi".into(), true), Choice::new("p2", "k.wagner".into(), false)];
    let level = w.word("level", "high");
    let quiet = [("from", "22:00"), ("to", "07:00"), ("level", level.as_str())];
    let page = RotaPage {
        f: s.hospital("rota-title", Place::Now),
        gap: w.t("rota-gap-no-shift"),
        channels_says: w.with("rota-channels-some", "channels", &w.word("channel", "mail")),
        routes: vec![
            route("r1", "m.rossi", "mail", "m.rossi@klinik.example", true),
            route("r2", "m.rossi", "modem", "+306900000111", false),
        ],
        quiet: vec![QuietRow { person: "k.wagner".into(), says: w.with_all("rota-quiet-says", &quiet) }],
        shifts: vec![ShiftRow {
            id: "s1".into(),
            person: "m.rossi".into(),
            deputies: "k.wagner".into(),
            from: now() + 1.hours(),
            until: None,
        }],
        deputies: people.clone(),
        people,
        channels: s.choices("channel", &["mail", "webhook", "sms", "modem"], "mail"),
        levels: s.choices("level", &["medium", "high", "critical"], "high"),
        typed: Typed::default(),
    };
    pages.push(("rota", page.render().unwrap()));
    let notice = notice(s);
    let page = NoticePage {
        f: Frame { name: notice.title.clone(), ..s.hospital("call-title", Place::Now) },
        notice,
        matter: Some("/alerts/a1".into()),
    };
    pages.push(("notice", page.render().unwrap()));
    let page = AcknowledgePage {
        f: s.outside("ack-title"),
        title: w.with("notice-about-alert", "title", "Shadow copies destroyed"),
        level: Level::Critical,
        hospital: "Klinik Agios Lukas".into(),
        raised_at: ago(5),
        action: "/acknowledge/token".into(),
    };
    pages.push(("acknowledge", page.render().unwrap()));
}
