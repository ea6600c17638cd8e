//! Log-in: second factors, sessions, one-time links, the printed code, and the audit of all of it.

use app::LogInPolicy;
use jiff::SignedDuration;

use super::*;

impl Node {
    fn later(&self, seconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }
}

/// What an authenticator app would show. Source: RFC 6238, written anew so that the two sides prove each other.
fn code(key: &str, now: Timestamp) -> String {
    let bits: Vec<u8> = key
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .flat_map(|letter| {
            let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
            (0..5).rev().map(move |bit| (value >> bit) & 1)
        })
        .collect();
    let secret: Vec<u8> = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum * 2 + bit)).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = ring::hmac::sign(&key, &(now.as_second() / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes([tag[at] & 127, tag[at + 1], tag[at + 2], tag[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

fn key_on(page: &Page) -> String {
    let rest = page.body.split("aria-label=\"Key\">").nth(1).unwrap_or_else(|| panic!("no key: {}", page.body));
    rest.split('<').next().unwrap().to_owned()
}

fn password_form(name: &str) -> String {
    format!("name={name}&password={}", PASSWORD.replace(' ', "+"))
}

impl Browser<'_> {
    /// Sets up an authenticator app and returns its key.
    async fn add_app(&mut self, csrf: &str) -> String {
        let page = self.post("/account/authenticator", &format!("csrf={csrf}")).await;
        assert!(page.body.contains("<svg role=\"img\""), "{}", page.body);
        let (key, ticket) = (key_on(&page), page.hidden("ticket"));
        let wrong =
            self.post("/account/authenticator/confirm", &format!("csrf={csrf}&ticket={ticket}&code=000000")).await;
        assert!(wrong.body.contains("<title>Error:") && key_on(&wrong) == key, "the same key again");
        let right = code(&key, self.node.app.now());
        let done =
            self.submit("/account/authenticator/confirm", &format!("csrf={csrf}&ticket={ticket}&code={right}")).await;
        assert!(done.body.contains("The app is set up"));
        key
    }

    /// The password, up to the page that asks for the code; its ticket.
    async fn ticket(&mut self, name: &str) -> String {
        let page = self.post("/login", &password_form(name)).await;
        assert_eq!(page.status, 200, "{}", page.headers);
        assert!(page.body.contains("Code of six digits") && !page.headers.contains("set-cookie"), "{}", page.body);
        page.hidden("ticket")
    }

    async fn give_code(&mut self, ticket: &str, code: &str) -> Page {
        self.post("/login/code", &format!("ticket={ticket}&code={code}&next=/alerts")).await
    }
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_sets_one_up_first() {
    let node = node(hospital()).await;
    node.app.set_log_in(LogInPolicy { second_factor_from: Some(Role::Operator), ..LogInPolicy::default() });
    let by = Actor::Policy { name: "test".to_owned() };
    node.app.add_account(&by, "olga", Role::Operator, PASSWORD).await.unwrap().unwrap();
    let mut browser = Browser::new(&node);
    browser.post("/login", &password_form("olga")).await;
    for path in ["/", "/alerts", "/cases/new", "/account/people", "/help"] {
        let page = browser.get(path).await;
        assert_eq!((page.status, page.header("location")), (303, "/account/security"), "{path}");
    }
    let page = browser.get("/account/security").await;
    assert!(page.body.contains("Your role needs a second factor"));
    let csrf = page.hidden("csrf");
    let blocked = browser.post("/cases", &format!("csrf={csrf}&title=x")).await;
    assert_eq!(blocked.header("location"), "/account/security", "forms, too");
    assert_eq!(browser.get("/live").await.status, 204);
    browser.add_app(&csrf).await;
    assert_eq!(browser.get("/alerts").await.status, 200, "this session has proved it");
    let refused = browser.post("/account/authenticator/remove", &format!("csrf={csrf}")).await;
    assert_eq!(refused.status, 422, "the role must keep one");
    let mut viewer = Browser::new(&node);
    viewer.log_in("vera", Role::Viewer).await;
    assert_eq!(viewer.get("/alerts").await.status, 200, "below that role nobody is asked");
}

#[tokio::test]
async fn a_code_is_asked_for_and_works_once() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("ana", Role::Admin).await;
    let key = browser.add_app(&csrf).await;
    let again = browser.post("/account/authenticator", &format!("csrf={csrf}")).await;
    assert_eq!(again.status, 422, "one app an account");
    let mut other = Browser::new(&node);
    let ticket = other.ticket("ana").await;
    let used = other.give_code(&ticket, &code(&key, node.app.now())).await;
    assert!(
        used.body.contains("<title>Error:") && used.body.contains("each code works once"),
        "the code of the set-up"
    );
    node.later(30);
    let right = code(&key, node.app.now());
    let welcome = other.give_code(&ticket, &right).await;
    assert_eq!((welcome.status, welcome.header("location")), (303, "/alerts"));
    assert_eq!(other.get("/alerts").await.status, 200);
    let late = Browser::new(&node).give_code(&ticket, &right).await;
    assert!(late.body.contains("This took too long"), "a ticket is good once");
    let mut third = Browser::new(&node);
    let ticket = third.ticket("ana").await;
    assert!(third.give_code(&ticket, &right).await.body.contains("each code works once"), "a replay");
    node.later(60 * 6);
    assert!(third.give_code(&ticket, &code(&key, node.app.now())).await.body.contains("This took too long"));
}

#[tokio::test]
async fn wrong_codes_lock_and_the_right_password_between_does_not_help() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("ana", Role::Admin).await;
    let key = browser.add_app(&csrf).await;
    node.later(30);
    let right = code(&key, node.app.now());
    let wrong = if right == "111111" { "222222" } else { "111111" };
    for _ in 0..4 {
        // a new log-in each time: a right password alone must not set the count back
        let ticket = browser.ticket("ana").await;
        assert!(browser.give_code(&ticket, wrong).await.body.contains("each code works once"));
    }
    let ticket = browser.ticket("ana").await;
    assert!(browser.give_code(&ticket, wrong).await.body.contains("Too many attempts"));
    assert!(browser.give_code(&ticket, &right).await.body.contains("Too many attempts"), "the right one as well");
    assert!(browser.post("/login", &password_form("ana")).await.body.contains("Too many attempts"));
    node.later(15 * 60);
    let ticket = browser.ticket("ana").await;
    assert_eq!(browser.give_code(&ticket, &code(&key, node.app.now())).await.status, 303);
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let node = node(hospital()).await;
    let (mut here, mut there, mut boss) = (Browser::new(&node), Browser::new(&node), Browser::new(&node));
    let csrf = here.log_in("ana", Role::Viewer).await;
    there.post("/login", &password_form("ana")).await;
    let admin = boss.log_in("bo", Role::Admin).await;
    let page = here.get("/account/security").await;
    assert_eq!(page.body.matches("(this one)").count(), 1);
    let end = page.body.split("action=\"/account/sessions/").find(|part| part.contains("/end\"")).map(str::to_owned);
    let address =
        page.body.split("action=\"").find(|part| part.starts_with("/account/sessions/") && part.contains("-"));
    let address = address.unwrap_or_else(|| panic!("{end:?}")).split('"').next().unwrap().to_owned();
    let foreign = boss.post(&address, &format!("csrf={admin}")).await;
    assert_eq!(foreign.status, 303);
    assert_eq!(there.get("/alerts").await.status, 200, "somebody else's session is not ended by its address");
    here.submit(&address, &format!("csrf={csrf}")).await;
    assert_eq!(there.get("/alerts").await.status, 303, "ended");
    assert_eq!(here.get("/alerts").await.status, 200);
    there.post("/login", &password_form("ana")).await;
    let ana = node.app.account_names().await.unwrap().into_iter().find(|(_, name)| name == "ana").unwrap().0;
    assert_eq!(here.get(&format!("/account/people/{ana}")).await.status, 403, "a viewer sees nobody's");
    let page = boss.get(&format!("/account/people/{ana}")).await;
    assert_eq!(page.body.matches("End<span").count(), 2, "{}", page.body);
    boss.submit(&format!("/account/people/{ana}/sessions/end"), &format!("csrf={admin}")).await;
    assert_eq!((here.get("/alerts").await.status, there.get("/alerts").await.status), (303, 303));
    assert_eq!(boss.get("/alerts").await.status, 200);
    let audit = boss.get("/account/audit?what=sessions-ended").await;
    assert!(audit.body.contains(&ana.to_string()) && audit.body.contains("ended sessions"));
}

#[tokio::test]
async fn the_printed_code_opens_once_and_then_needs_a_new_one() {
    let node = node(hospital()).await;
    node.app.set_log_in(LogInPolicy { second_factor_from: Some(Role::Admin), ..LogInPolicy::default() });
    let mut boss = Browser::new(&node);
    let by = Actor::Policy { name: "test".to_owned() };
    node.app.add_account(&by, "ana", Role::Admin, PASSWORD).await.unwrap().unwrap();
    boss.post("/login", &password_form("ana")).await;
    let csrf = boss.get("/account/security").await.hidden("csrf");
    boss.add_app(&csrf).await;
    assert!(boss.get("/account/break-glass").await.body.contains("There is no code yet"));
    let sheet = boss.submit("/account/break-glass", &format!("csrf={csrf}")).await;
    let code = sheet.body.split("id=\"secret\"").nth(1).and_then(|rest| rest.split('>').nth(1)).unwrap();
    let code = code.split('<').next().unwrap().to_owned();
    assert_eq!(code.len(), 27, "{code}");
    let mut stranger = Browser::new(&node);
    let wrong = stranger.post("/login/break-glass", "code=aaaaaa-bbbbbb-cccccc-dddddd").await;
    assert!(wrong.body.contains("<title>Error:"));
    let typed = code.to_uppercase().replace('-', "+");
    let page = stranger.submit("/login/break-glass", &format!("code={typed}")).await;
    assert!(page.body.contains("ana"), "an administrator's list of people");
    assert!(
        Browser::new(&node).post("/login/break-glass", &format!("code={typed}")).await.body.contains("<title>Error:")
    );
    let now = boss.get("/").await;
    assert!(now.body.contains("Make a new printed code"), "everybody sees that it was used");
    let audit = boss.get("/account/audit?what=break-glass-used").await;
    assert!(audit.body.contains("used the printed code") && audit.body.contains("break-glass"));
    boss.submit("/account/break-glass", &format!("csrf={csrf}")).await;
    assert!(!boss.get("/").await.body.contains("Make a new printed code"));
    let password = boss.post("/login", "name=break-glass&password=").await;
    assert!(password.body.contains("<title>Error:"));
    assert!(node.app.login("break-glass", "", &app::CameFrom::default()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_one_time_link_sets_a_password_once() {
    let node = node(hospital()).await;
    let mut boss = Browser::new(&node);
    let csrf = boss.log_in("ana", Role::Admin).await;
    let link = |page: &Page| {
        let rest = page.body.split("/welcome?token=").nth(1).unwrap_or_else(|| panic!("no link: {}", page.body));
        format!("/welcome?token={}", rest.split('<').next().unwrap())
    };
    let page = boss.submit("/account/people", &format!("csrf={csrf}&name=bo&role=operator&password=")).await;
    let first = link(&page);
    let mut bo = Browser::new(&node);
    assert!(bo.get(&first).await.body.contains("value=\"bo\""));
    let short = bo.post(&first, "password=short").await;
    assert!(short.body.contains("Use at least 15 characters"));
    assert!(bo.post("/login", "name=bo&password=").await.body.contains("<title>Error:"), "no password is none");
    let set = bo.submit(&first, &format!("password={}", PASSWORD.replace(' ', "+"))).await;
    assert!(set.body.contains("Your password is set"));
    assert!(bo.get(&first).await.body.contains("has been used"));
    bo.post("/login", &password_form("bo")).await;
    let key = {
        let csrf = bo.get("/account/security").await.hidden("csrf");
        bo.add_app(&csrf).await
    };
    assert!(!key.is_empty());
    let id = node.app.account_names().await.unwrap().into_iter().find(|(_, name)| name == "bo").unwrap().0;
    let own = node.app.account_names().await.unwrap().into_iter().find(|(_, name)| name == "ana").unwrap().0;
    assert_eq!(boss.post(&format!("/account/people/{own}/reset"), &format!("csrf={csrf}")).await.status, 422);
    assert!(boss.get(&format!("/account/people/{id}/reset")).await.body.contains("Reset bo"));
    let page = boss.submit(&format!("/account/people/{id}/reset"), &format!("csrf={csrf}")).await;
    assert_eq!(bo.get("/alerts").await.status, 303, "sessions have ended");
    assert!(bo.post("/login", &password_form("bo")).await.body.contains("<title>Error:"), "the password is gone");
    let second = link(&page);
    node.later(60 * 60 * 73);
    assert!(bo.get(&second).await.body.contains("has expired"));
}

#[tokio::test]
async fn the_audit_says_who_exported_what_and_is_told_once() {
    let node = node(hub()).await;
    let mut boss = Browser::new(&node);
    let csrf = boss.log_in("ana", Role::Admin).await;
    boss.submit(
        "/account/people",
        &format!("csrf={csrf}&name=%3Dbo&role=viewer&password={}", PASSWORD.replace(' ', "+")),
    )
    .await;
    for _ in 0..3 {
        assert_eq!(boss.get("/map/csv?what=lanes").await.status, 200);
        let file = boss.get("/account/audit.csv?what=account-added").await;
        assert!(file.headers.contains("text/csv") && file.body.contains("number,at,who,what,object,detail"));
        assert_eq!(file.body.matches(",\"account-added\",").count(), 2, "{}", file.body);
    }
    let page = boss.get("/account/audit").await;
    assert_eq!(page.body.matches("<td data-th=\"What\">exported the map").count(), 1, "{}", page.body);
    assert_eq!(page.body.matches("<td data-th=\"What\">exported the audit").count(), 1);
    let whole = boss.get("/account/audit.csv").await;
    assert!(whole.body.contains(",\"ana\",\"audit-exported\",\"what=account-added\","), "{}", whole.body);
    let nobody = boss.get("/account/audit?who=first-run").await;
    assert!(nobody.body.contains("<td") || nobody.body.contains("Nothing"), "{}", nobody.body);
    let mut viewer = Browser::new(&node);
    viewer.log_in("vera", Role::Viewer).await;
    assert_eq!(viewer.get("/account/audit.csv").await.status, 403);
    assert_eq!(viewer.get("/account/break-glass").await.status, 403);
}
