//! The pages of accounts and log-in, with values made by hand.

use askama::Template;

use super::{Studio, ago};
use crate::frame::{Frame, Place, Problem};
use crate::screen::account::{AuditPage, AuditRow, PeoplePage, PersonRow};
use crate::screen::entry::{BreakGlassEntryPage, CodePage, WelcomePage};
use crate::screen::security::{AuthenticatorPage, BreakGlassPage, PersonPage, SecurityPage, SessionRow};
use crate::screen::{Choice, Pager, qr};

pub(super) fn pages(s: &Studio, pages: &mut Vec<(&'static str, String)>) {
    let mut show = |name: &'static str, page: String| pages.push((name, page));
    let page = CodePage { f: s.outside("code-title"), ticket: "ticket".into(), next: "/alerts".into() };
    show("code", page.render().unwrap());
    let wrong = Problem { field: "code".into(), says: s.w().t("glass-wrong") };
    let f = Frame { problems: vec![wrong], ..s.outside("glass-entry-title") };
    show("break-glass-entry", BreakGlassEntryPage { f }.render().unwrap());
    let page =
        WelcomePage { f: s.outside("welcome-title"), action: "/welcome?token=abc".into(), account: "k.wagner".into() };
    show("welcome", page.render().unwrap());
    let f = |key: &str| s.hospital(key, Place::Now);
    let page = PeoplePage {
        f: f("people-title"),
        rows: vec![person(s, "m.rossi", true), person(s, "k.wagner", false)],
        name: String::new(),
        roles: s.choices("role", &["viewer", "operator", "approver", "admin"], "operator"),
    };
    show("people", page.render().unwrap());
    let page = PersonPage {
        f: f("people-title"),
        person: person(s, "k.wagner", false),
        sessions: vec![session(s, false)],
        end_all: "/account/people/1/sessions/end".into(),
        audit: "/account/audit?who=1".into(),
    };
    show("person", page.render().unwrap());
    let page = SecurityPage {
        f: f("security-title"),
        due: false,
        printed: false,
        app_since: Some(ago(90_000)),
        sessions: vec![session(s, true), session(s, false)],
    };
    show("security", page.render().unwrap());
    let page = SecurityPage {
        f: f("security-title"),
        due: true,
        printed: false,
        app_since: None,
        sessions: vec![session(s, true)],
    };
    show("security-due", page.render().unwrap());
    let uri = "otpauth://totp/Lazaret%20Klinik:m.rossi?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Lazaret%20Klinik";
    let page = AuthenticatorPage {
        picture: qr::svg(uri, &s.w().t("authenticator-picture")),
        key: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP".into(),
        ticket: "ticket".into(),
        f: f("authenticator-title"),
    };
    show("authenticator", page.render().unwrap());
    let used = Some((ago(12), "192.0.2.7".into()));
    let page = BreakGlassPage { f: f("glass-title"), made_at: Some(ago(400_000)), used };
    show("break-glass", page.render().unwrap());
    show("audit", audit(s).render().unwrap());
}

fn person(s: &Studio, name: &str, me: bool) -> PersonRow {
    PersonRow {
        id: "1".into(),
        name: name.into(),
        role: "operator",
        state: s.w().t("person-active"),
        disabled: false,
        me,
        printed: false,
        last_login_at: Some(ago(400)),
    }
}

fn session(s: &Studio, this: bool) -> SessionRow {
    SessionRow {
        device: "Firefox, Linux".into(),
        address: "2001:db8:85a3::8a2e:370:7334".into(),
        proof: s.w().word("proof", "password-and-code"),
        since: ago(400),
        seen_at: ago(2),
        this,
        end: "/account/sessions/1/end".into(),
    }
}

fn audit(s: &Studio) -> AuditPage {
    let any = Choice::new("", s.w().t("any"), true);
    AuditPage {
        f: s.hospital("audit-title", Place::Now),
        who: vec![any.clone(), Choice::new("1", "m.rossi".into(), false)],
        verbs: vec![any, Choice::new("alert-dismissed", s.w().t("audit-verb-alert-dismissed"), false)],
        from: String::new(),
        to: String::new(),
        csv: "/account/audit.csv?".into(),
        rows: vec![AuditRow {
            at: ago(4),
            who: "m.rossi".into(),
            what: s.w().t("audit-verb-alert-dismissed"),
            object: "0199f3a2-1c1e-7a55-9c8e-1f2d3c4b5a69".into(),
            detail: String::new(),
        }],
        pager: Pager::default(),
    }
}
