//! The console over a real node: a store, an event log, the use cases, and HTTP as a browser without JavaScript speaks
//! it. Each test is named for a promise.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is wrong")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::{App, AppConfig, Approval, Clock, Content, Keys, Limits, Outgoing, SupplierList, Trial};
use domain::cluster::Thresholds;
use domain::party::{Actor, Role};
use eventstore::EventLog;
use jiff::Timestamp;
use store::{Store, Target};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use web::{Listener, ListenerKind, Place, SecureCookies, Site};

const PASSWORD: &str = "a sentence that nobody guesses";

struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[path = "console/log_in.rs"]
mod log_in;

struct Node {
    app: Arc<App>,
    clock: Arc<Hand>,
    address: String,
    _dir: TempDir,
}

async fn node(places: Vec<Place>) -> Node {
    let dir = tempfile::tempdir().unwrap();
    let hub = places.contains(&Place::Desk);
    let config = AppConfig {
        name: "Klinik".to_owned(),
        country: "GR".to_owned(),
        zone: jiff::tz::TimeZone::get("Europe/Athens").unwrap(),
        own: vec![],
        invite: Some(app::InviteAddress {
            urls: vec!["https://hub.example".to_owned()],
            ca_fingerprint: "0".repeat(64),
        }),
        backup_older_than: None,
        passes_on: hub,
        listens: !hub,
        sightings: Outgoing::Send,
        approval: Approval::Person,
        thresholds: Thresholds::default(),
        trial: Trial::default(),
        kept: app::Kept::default(),
        limits: Limits::default(),
    };
    let store = Store::open(&Target::Sqlite(dir.path().join("node.sqlite"))).await.unwrap();
    let limits = eventstore::Limits { free_bytes_min: 0, ..eventstore::Limits::default() };
    let (log, _) = EventLog::open(&dir.path().join("events"), limits).unwrap();
    let list = "[[supplier]]\nid = \"medilab\"\nname = \"Medilab\"\n\
                [[supplier.product]]\nid = \"lis\"\nname = \"LIS\"\nkind = \"laboratory\"\n";
    let content = Content { suppliers: SupplierList::parse(list).unwrap(), ..Content::default() };
    let clock = Arc::new(Hand(Mutex::new("2026-11-25T12:00:00Z".parse().unwrap())));
    let app = App::start(config, clock.clone(), Keys::generate().unwrap(), store, log, content).await.unwrap();
    let site = Site {
        cookie_name: "lazaret_test".to_owned(),
        places,
        theatre: Some(Arc::new(web::theatre::TheatreData::default)),
        secure_cookies: SecureCookies::No,
        lang: "en".to_owned(),
        listeners: vec![Listener {
            kind: ListenerKind::SyslogTcp,
            host: "klinik.example".to_owned(),
            port: 5514,
            certificate: None,
        }],
    };
    let router = web::router(Arc::clone(&app), site).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Node { app, clock, address, _dir: dir }
}

fn hospital() -> Vec<Place> {
    vec![Place::Now, Place::Alerts, Place::Warnings, Place::Cases, Place::Sources, Place::Sharing]
}

fn hub() -> Vec<Place> {
    vec![Place::Now, Place::Map, Place::Desk, Place::Members]
}

/// What came back.
struct Page {
    status: u16,
    headers: String,
    body: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        let wanted = format!("{name}: ");
        self.headers.lines().find_map(|line| line.strip_prefix(wanted.as_str())).unwrap_or_default()
    }

    /// The value of a hidden field.
    fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split(start.as_str()).nth(1).unwrap_or_else(|| panic!("no {name} in {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }
}

/// A browser without JavaScript: keeps one cookie, follows nothing by itself.
struct Browser<'a> {
    node: &'a Node,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn new(node: &'a Node) -> Self {
        Self { node, cookie: String::new() }
    }

    async fn ask(&mut self, method: &str, path: &str, origin: &str, body: &str) -> Page {
        let mut stream = TcpStream::connect(&self.node.address).await.unwrap();
        let host = &self.node.address;
        let kind = "application/x-www-form-urlencoded";
        let origin = if origin.is_empty() { format!("http://{host}") } else { origin.to_owned() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\norigin: {origin}\r\ncookie: {}\r\n\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            self.cookie,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (headers, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        let page = Page { status, headers: headers.to_owned(), body: body.to_owned() };
        if let Some(cookie) = page.header("set-cookie").split(';').next().filter(|cookie| !cookie.is_empty()) {
            self.cookie = cookie.to_owned();
        }
        page
    }

    async fn get(&mut self, path: &str) -> Page {
        self.ask("GET", path, "", "").await
    }

    async fn post(&mut self, path: &str, body: &str) -> Page {
        self.ask("POST", path, "", body).await
    }

    /// Posts and follows the redirect, as a browser does.
    async fn submit(&mut self, path: &str, body: &str) -> Page {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.body);
        let next = answer.header("location").to_owned();
        let page = self.get(&next).await;
        assert_eq!(page.status, 200, "{next}: {}", page.body);
        page
    }

    async fn log_in(&mut self, name: &str, role: Role) -> String {
        let by = Actor::Policy { name: "test".to_owned() };
        self.node.app.add_account(&by, name, role, PASSWORD).await.unwrap().unwrap();
        let page = self.submit("/login", &format!("name={name}&password={}", PASSWORD.replace(' ', "+"))).await;
        page.hidden("csrf")
    }
}

#[tokio::test]
async fn the_first_link_makes_one_administrator_and_then_is_closed() {
    let node = node(hospital()).await;
    let token = node.app.create_first_run().await.unwrap();
    let mut browser = Browser::new(&node);
    let path = format!("/first-run?token={token}");
    let short = browser.post(&path, "name=ana&password=short").await;
    assert_eq!(short.status, 200);
    assert!(short.body.contains("Use at least 15 characters") && short.body.contains("value=\"ana\""));
    assert!(short.body.contains("<title>Error:"));
    let page = browser.submit(&path, &format!("name=ana&password={}", PASSWORD.replace(' ', "+"))).await;
    assert!(page.body.contains("ana") && page.body.contains("Administrator"));
    assert!(browser.cookie.starts_with("lazaret_test="));
    let again = Browser::new(&node).get(&path).await;
    assert!(again.body.contains("has been used"));
}

#[tokio::test]
async fn nobody_sees_a_page_without_login_and_login_leads_there() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    for path in ["/", "/alerts", "/alerts/all?level=high", "/cases", "/sources", "/sharing", "/account/audit"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 303, "{path}");
        assert!(page.header("location").starts_with("/login?next=/"), "{path}");
    }
    assert_eq!(browser.get("/live").await.status, 204);
    browser.log_in("ana", Role::Viewer).await;
    let wrong = browser.post("/login", "name=ana&password=no&next=//evil.example").await;
    assert!(wrong.body.contains("value=\"ana\"") && wrong.body.contains("name=\"next\" value=\"/\""));
}

#[tokio::test]
async fn every_page_of_a_hospital_and_a_hub_answers() {
    let hospital = node(hospital()).await;
    let mut browser = Browser::new(&hospital);
    browser.log_in("ana", Role::Admin).await;
    let paths = [
        "/",
        "/?utc=1",
        "/alerts",
        "/alerts/all",
        "/alerts/all?level=high&state=open&text=x",
        "/warnings",
        "/cases",
        "/cases/new",
        "/sources",
        "/sharing",
        "/sharing/suppliers",
        "/help",
        "/account/preferences",
        "/account/people",
        "/account/audit",
        "/account/data-protection",
        "/account/data-protection/record",
        "/account/data-protection/assessment",
        "/account/data-protection/retention",
        "/account/data-protection/agreement",
        "/account/rota",
        "/sources/connect",
        "/sources/sight",
        "/account/rules",
        "/account/rules/all?state=off&text=x",
        "/theatre",
        "/?lang=en-XA",
    ];
    for path in paths {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(!page.body.contains('\u{27e6}'), "{path} lacks a message");
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    let sources = browser.get("/sources").await;
    assert!(sources.body.contains("target=&#34;klinik.example&#34; port=&#34;5514&#34;"), "{}", sources.body);
    assert_eq!(browser.get("/desk").await.status, 404, "a hospital has no warning desk");
    let missing = browser.get("/cases/00000000-0000-0000-0000-000000000000").await;
    assert_eq!(missing.status, 404);
    assert!(missing.body.contains("This page is not here") && missing.body.contains("class=\"menu\""));
    let hub = node(hub()).await;
    let mut browser = Browser::new(&hub);
    browser.log_in("ana", Role::Admin).await;
    for path in [
        "/",
        "/map",
        "/map?from=2026-11-20T00:00&to=2026-11-21T00:00",
        "/desk",
        "/desk/new",
        "/members",
        "/members/invite",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(!page.body.contains('\u{27e6}'), "{path} lacks a message");
    }
    let csv = browser.get("/map/csv?what=countries").await;
    assert!(csv.body.starts_with("country,hospitals,sightings,severity"));
}

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("ana", Role::Admin).await;
    let body = format!("csrf={csrf}&sightings=hold");
    assert_eq!(browser.ask("POST", "/sharing/policy", "https://evil.example", &body).await.status, 403);
    assert_eq!(browser.post("/sharing/policy", "sightings=hold").await.status, 403);
    assert_eq!(browser.post("/sharing/policy", "csrf=&sightings=hold").await.status, 403);
    assert_eq!(node.app.sharing().await.unwrap().policy, Outgoing::Send);
    browser.submit("/sharing/policy", &body).await;
    assert_eq!(node.app.sharing().await.unwrap().policy, Outgoing::Hold);
}

#[tokio::test]
async fn a_case_is_opened_noted_and_closed_without_javascript() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("ana", Role::Operator).await;
    let empty = browser.get("/cases/new?step=check&title=&sort=incident").await;
    assert!(empty.body.contains("<title>Error:") && empty.body.contains("href=\"#title\""));
    let check = browser.get("/cases/new?step=check&title=Files+locked+%3Cb%3E&sort=incident").await;
    assert!(check.body.contains("Check before you open") && check.body.contains("Files locked &#60;b&#62;"));
    let case = browser.submit("/cases", &format!("csrf={csrf}&title=Files+locked&sort=incident")).await;
    assert!(case.body.contains("The case is open.") && case.body.contains("Nobody yet"));
    let list = browser.get("/cases").await;
    let id = list.body.split("href=\"/cases/").find_map(|part| part.get(..36).filter(|id| id.contains('-'))).unwrap();
    let path = format!("/cases/{id}");
    assert!(browser.submit(&format!("{path}/take"), &format!("csrf={csrf}")).await.body.contains("The case is yours."));
    let blank = browser.post(&format!("{path}/notes"), &format!("csrf={csrf}&note=++")).await;
    assert!(blank.body.contains("Write something before you save"));
    let noted = browser.submit(&format!("{path}/notes"), &format!("csrf={csrf}&note=Cut+from+the+network")).await;
    assert!(noted.body.contains("Cut from the network"));
    browser.submit(&format!("{path}/contain"), &format!("csrf={csrf}")).await;
    let unsure = browser.post(&format!("{path}/close"), &format!("csrf={csrf}")).await;
    assert!(unsure.body.contains("Choose how it ended"));
    let closed = browser.submit(&format!("{path}/close"), &format!("csrf={csrf}&outcome=resolved")).await;
    assert!(closed.body.contains("The case is closed.") && closed.body.contains("ana closed it: Real, and over."));
    let late = browser.post(&format!("{path}/take"), &format!("csrf={csrf}")).await;
    assert_eq!(late.status, 409);
    assert!(late.body.contains("The case is closed. Reopen it first."));
}

#[tokio::test]
async fn a_warning_needs_two_people_and_is_withdrawn_with_a_reason() {
    let node = node(hub()).await;
    let mut ana = Browser::new(&node);
    let csrf = ana.log_in("ana", Role::Approver).await;
    let wrong = ana.post("/desk/new", &format!("csrf={csrf}&title=T&summary=S&advice=A&indicators=10.0.0.1")).await;
    assert!(wrong.body.contains("Line 1 of the values") && wrong.body.contains("Choose where you know it from"));
    let form =
        "title=Fire&summary=It+burns&advice=Run&level=critical&indicators=185.220.101[.]44&source=phone&tlp=TLP:GREEN";
    let check = ana.post("/desk/new", &format!("csrf={csrf}&{form}")).await;
    assert!(check.body.contains("185.220.101.44") && check.body.contains("Propose it"));
    let back = ana.post("/desk/new", &format!("csrf={csrf}&{form}&step=change")).await;
    assert!(back.body.contains("value=\"Fire\""));
    let proposed = ana.submit("/desk/propose", &format!("csrf={csrf}&{form}")).await;
    assert!(proposed.body.contains("Somebody other than the proposer"));
    let list = ana.get("/desk").await;
    assert!(list.body.contains("One source"));
    let id = list.body.split("href=\"/desk/").find_map(|part| part.get(..36).filter(|id| !id.contains('"'))).unwrap();
    let id = id.to_owned();
    let own = ana.post(&format!("/desk/{id}/approve"), &format!("csrf={csrf}")).await;
    assert_eq!(own.status, 409);
    assert!(own.body.contains("Somebody other than you has to approve"));
    let mut ben = Browser::new(&node);
    let csrf = ben.log_in("ben", Role::Approver).await;
    let sent = ben.submit(&format!("/desk/{id}/approve"), &format!("csrf={csrf}")).await;
    assert!(sent.body.contains("In force"));
    let why = ben.post(&format!("/desk/{id}/withdraw"), &format!("csrf={csrf}")).await;
    assert!(why.body.contains("Choose why"));
    let gone = ben.submit(&format!("/desk/{id}/withdraw"), &format!("csrf={csrf}&reason=false-alarm")).await;
    assert!(gone.body.contains("It was taken back: It was wrong."));
}

#[tokio::test]
async fn products_are_asked_for_only_where_their_supplier_is_in_use() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("ana", Role::Operator).await;
    assert!(!browser.get("/sharing/suppliers").await.body.contains("name=\"lis\""));
    let used = browser.submit("/sharing/suppliers", &format!("csrf={csrf}&medilab=used")).await;
    assert!(used.body.contains("name=\"lis\"") && used.body.contains("1 question is open."));
    browser.submit("/sharing/suppliers", &format!("csrf={csrf}&medilab=not-used")).await;
    assert_eq!(node.app.supplier_answers().await.unwrap().of("lis"), app::Answer::NotUsed);
}

#[tokio::test]
async fn a_role_that_is_too_low_is_told_which_one_it_takes() {
    let node = node(hub()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("vera", Role::Viewer).await;
    let refused = browser.post("/members/invite", &format!("csrf={csrf}&name=X&country=GR&role=hospital")).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("needs the role Administrator"));
    assert_eq!(browser.get("/account/people").await.status, 403);
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let hospital = node(hospital()).await;
    let mut browser = Browser::new(&hospital);
    let csrf = browser.log_in("ana", Role::Admin).await;
    let answer = browser.post("/sources/tokens", &format!("csrf={csrf}&name=WINLOG01")).await;
    let page = answer.header("location").to_owned();
    assert!(browser.get(&page).await.body.contains("The token for WINLOG01"));
    assert!(browser.get(&page).await.body.contains("was shown once"));
    let hub = node(hub()).await;
    let mut browser = Browser::new(&hub);
    let csrf = browser.log_in("ana", Role::Admin).await;
    let code = browser.submit("/members/invite", &format!("csrf={csrf}&name=Klinik&country=GR&role=hospital")).await;
    assert!(code.body.contains("lazaret enrol "));
}

#[tokio::test]
async fn an_open_page_is_told_that_something_changed() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("ana", Role::Admin).await;
    let mut stream = TcpStream::connect(&node.address).await.unwrap();
    let request = format!("GET /live HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n\r\n", node.address, browser.cookie);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let head = lines.next_line().await.unwrap().unwrap();
    assert!(head.contains("200"), "{head}");
    browser.submit("/sharing/policy", &format!("csrf={csrf}&sightings=hold")).await;
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line == "event: change" {
                return true;
            }
        }
        false
    });
    assert!(told.await.unwrap());
}

#[tokio::test]
async fn logging_out_ends_the_session_at_the_server() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("ana", Role::Viewer).await;
    let cookie = browser.cookie.clone();
    browser.submit("/logout", &format!("csrf={csrf}")).await;
    browser.cookie = cookie;
    assert_eq!(browser.get("/").await.status, 303);
}

#[tokio::test]
async fn rules_that_observe_staff_need_every_statement_and_an_administrator() {
    let node = node(hospital()).await;
    let mut browser = Browser::new(&node);
    let csrf = browser.log_in("ana", Role::Admin).await;
    let early = browser.post("/account/data-protection/on", &format!("csrf={csrf}")).await;
    assert_eq!(early.status, 422, "{}", early.body);
    let all = "controller=Klinik&officer=dpo&legal-basis=works+agreement&representation=council&assessed-by=director";
    let wrong = format!("csrf={csrf}&{all}&agreed-on=yesterday&assessed-on=2026-11-02");
    let page = browser.post("/account/data-protection", &wrong).await;
    assert!(page.body.contains("<title>Error:") && page.body.contains("value=\"works agreement\""), "{}", page.body);
    let right = format!("csrf={csrf}&{all}&agreed-on=2026-11-01&assessed-on=2026-11-02");
    let page = browser.submit("/account/data-protection", &right).await;
    assert!(page.body.contains("Rules that observe staff are off"), "stating something switches nothing on");
    let page = browser.submit("/account/data-protection/on", &format!("csrf={csrf}")).await;
    assert!(page.body.contains("Rules that observe staff are on"));
    let agreement = browser.get("/account/data-protection/agreement").await;
    assert!(agreement.body.contains("Klinik and council"), "{}", agreement.body);
    // what is taken back switches off
    let page = browser.submit("/account/data-protection", &right.replace("&representation=council", "")).await;
    assert!(page.body.contains("Rules that observe staff are off"));
    let mut other = Browser::new(&node);
    other.log_in("ion", Role::Operator).await;
    assert_eq!(other.get("/account/data-protection").await.status, 403);
}

/// A hospital whose only account has a mail address and is on duty, both set on the page.
async fn on_duty(browser: &mut Browser<'_>) -> String {
    browser.node.app.set_channels(vec![domain::reach::Channel::Mail]);
    let csrf = browser.log_in("ana", Role::Admin).await;
    let page = browser.get("/account/rota").await;
    let person = page.body.split("<option value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let route = format!("csrf={csrf}&person={person}&channel=mail&address=");
    let wrong = browser.post("/account/rota/routes", &format!("{route}ana")).await;
    assert!(wrong.body.contains("<title>Error:") && wrong.body.contains("Write a mail address"), "{}", wrong.body);
    browser.submit("/account/rota/routes", &format!("{route}ana@klinik.example")).await;
    assert!(browser.get("/").await.body.contains("Nobody can be reached"), "a channel and nobody on duty");
    let page =
        browser.submit("/account/rota/shifts", &format!("csrf={csrf}&person={person}&deputy=&from=&until=")).await;
    assert!(page.body.contains("until removed") && !page.body.contains("Nobody is on duty"), "{}", page.body);
    assert!(!browser.get("/").await.body.contains("Nobody can be reached"));
    csrf
}

#[tokio::test]
async fn the_link_of_a_message_acknowledges_by_its_button_only() {
    let node = node(hospital()).await;
    let mut ana = Browser::new(&node);
    on_duty(&mut ana).await;
    node.app.raise_trouble("backup-failed", "vault", domain::telemetry::Level::Critical).await.unwrap();
    assert!(ana.get("/").await.body.contains("The last backup failed"), "it needs somebody now");
    let calls = node.app.due_attempts().await.unwrap();
    assert_eq!(calls.len(), 1);
    let link = format!("/acknowledge/{}", calls[0].token);
    let mut stranger = Browser::new(&node);
    for _ in 0..3 {
        let page = stranger.get(&link).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("The last backup failed") && page.body.contains("I know"), "{}", page.body);
        assert!(!page.body.contains("vault"), "what of several stays inside");
    }
    let foreign = stranger.ask("POST", &link, "http://evil.example", "").await;
    assert_eq!(foreign.status, 403, "another page cannot press the button");
    let done = stranger.post(&link, "").await;
    assert!(done.body.contains("you take care of it"), "{}", done.body);
    let again = stranger.post(&link, "").await;
    assert!(again.body.contains("ana was faster"), "{}", again.body);
    assert_eq!(stranger.get("/acknowledge/not-a-token").await.status, 404);
    let page = ana.get(&format!("/notices/{}", calls[0].notice.id)).await;
    assert!(page.body.contains("ana acknowledged") && page.body.contains("by the link"), "{}", page.body);
    assert!(ana.get("/account/audit").await.body.contains("acknowledged a notice"));
    assert!(!ana.get("/").await.body.contains("The last backup failed"));
}

#[tokio::test]
async fn a_test_button_shows_what_became_of_its_message() {
    let node = node(hospital()).await;
    let mut ana = Browser::new(&node);
    let csrf = on_duty(&mut ana).await;
    let page = ana.get("/account/rota").await;
    let button = page.body.split("action=\"/account/rota/routes/").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/account/rota/routes/{button}");
    let page = ana.submit(&path, &format!("csrf={csrf}")).await;
    assert!(page.body.contains("Test of this channel"), "{}", page.body);
    let call = node.app.due_attempts().await.unwrap().pop().unwrap();
    let failed = app::Called::Failed { latency_ms: 12, reason: "connection refused".to_owned() };
    node.app.attempt_done(call.attempt, failed).await.unwrap();
    let page = ana.get(&format!("/notices/{}", call.notice.id)).await;
    assert!(page.body.contains("connection refused") && page.body.contains("12 ms"), "{}", page.body);
    let mut ion = Browser::new(&node);
    let csrf = ion.log_in("ion", Role::Operator).await;
    let theirs = ion.post(&path, &format!("csrf={csrf}")).await;
    assert_eq!(theirs.status, 403, "somebody else's channel");
    let page = ion.submit(&format!("/notices/{}/acknowledge", call.notice.id), &format!("csrf={csrf}")).await;
    assert!(page.body.contains("ion acknowledged") && page.body.contains("in the console"), "{}", page.body);
}
