//! Use cases: load, authorise, decide, save, and what to send. Every change by a person or a peer passes here.
//! What is *not* here: SQL (`store`), sockets (`connect`, `web`), pages (`web`), roles of nodes (`lazaret`).

mod above;
mod accounts;
mod alerts;
mod attacks;
mod attention;
mod audit;
mod backups;
mod break_glass;
mod cases;
mod clock;
mod config;
mod correlator;
mod data_protection;
mod desk;
mod engine;
mod error;
mod execute;
mod false_alarm;
mod guides;
mod health;
mod ingest;
mod keys;
mod links;
mod log_in;
mod logins;
mod lookback;
mod map;
mod members;
mod metrics;
mod notices;
mod probe;
mod received;
mod replay;
mod retention;
mod rhythm;
mod rota;
mod rule_list;
mod rule_trial;
mod scanner;
mod seal;
mod second_factor;
mod sessions;
mod sharing;
mod sources;
mod stream;
mod totp;
mod tuning;
mod vitals;

pub mod egress;
pub mod intake;
pub mod invite_code;
pub mod link;
pub mod observe;
pub mod suppliers;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use domain::party::NodeId;
use eventstore::EventLog;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use store::Store;
use tokio::sync::{Notify, broadcast, watch};

pub use above::AboveView;
pub use accounts::{LoginRefused, PASSWORD_CHARS_MIN, PasswordRefused, Preferences};
pub use alerts::{AlertGroup, AlertView, RawLine, RuleInfo, Today};
pub use attacks::{AttackView, RecordedAttack, RecordedEvent, RecordedStage, Sight, StageView};
pub use attention::{Attention, AttentionItem, LinkState, Urgency, What};
pub use audit::{AuditPeople, AuditRow};
pub use backups::{BackupFailed, BackupMade, BackupNote, Backups};
pub use break_glass::{BREAK_GLASS_NAME, readable_code};
pub use cases::{CaseRow, CaseView};
pub use clock::Clock;
pub use config::{AppConfig, Approval, InviteAddress, Kept, Limits, Outgoing, Trial};
pub use data_protection::{DataProtection, StaffRule, Statements};
pub use desk::{Reach, WarningRow, WarningView};
pub use engine::{Content, Observing};
pub use error::{Error, Result};
pub use execute::Executed;
pub use false_alarm::{EXCEPTION_TRIAL_DAYS, ExceptionTrial, FalseAlarm};
pub use guides::{GuideStep, GuideView, PLACEHOLDERS, SourceGuide, Way};
pub use health::{CLOCK_GRAVE_FROM, CLOCK_SHOWN_FROM, clock_off};
pub use keys::{KeyError, Keys, node_id_of, random, verify};
pub use links::{LINK_LIFE, MayLogIn};
pub use log_in::LogInPolicy;
pub use map::{CountryRow, Dot, Lane, Strip};
pub use members::{Enrolled, InviteOrder};
pub use metrics::Metrics;
pub use notices::{CALLING_MAX, Call, Called, Letter, NoticeView, Raise, Told};
pub use probe::{Probe, ProbeStuck};
pub use received::{ReceivedView, Taken};
pub use rhythm::Silence;
pub use rota::{RotaView, ShiftOrder};
pub use rule_list::{ExceptionView, FileFilter, RuleOffView, RuleRow, RuleState, RulesView};
pub use rule_trial::{FiredRule, NeededLog, RulesTrial, TriedRule};
pub use second_factor::{Factors, Setup, SetupRefused};
pub use sessions::{CameFrom, Session, SessionStart};
pub use sharing::{OutboxItemView, Sharing};
pub use sources::{Coverage, CoverageRow};
pub use store::{
    Account, Alert, AlertOrigin, AlertQuery, AlertStage, AlertState, AuditEntry, AuditQuery, BreakGlass, Broken,
    Delivery, DeliveryState, Depth, DutyRow, Exception, ExceptionScope, Gap, InboxConflict, InviteRefused,
    JournalEntry, JournalReport, LookBackHit, Member, MemberGap, MemberRole, MemberState, NotTaken, OutboxItem, Page,
    Proof, ReceivedState, ReceivedWarning, RecordQuery, RuleNoise, Session as SessionHeld, SightingQuery, Source,
    SourceEdit, SuspectedRule, VerdictWhy,
};
pub use suppliers::{Answer, Answers, SupplierList};
pub use tuning::{EXCEPTION_DAYS_DEFAULT, EXCEPTION_DAYS_MAX, ExceptionOrder, FilterProblem};
pub use vitals::{Certificate, CertificateOf, Disk, Health, Trouble};

/// How many observations an observer may fall behind before it loses the oldest.
const OBSERVED_WAITING_MAX: usize = 16_384;

/// One node's use cases. A value: no statics, its own clock, its own metrics.
pub struct App {
    config: AppConfig,
    clock: Arc<dyn Clock>,
    keys: Keys,
    store: Store,
    log: Arc<EventLog>,
    engine: Arc<engine::Holder>,
    warninglists: egress::Warninglists,
    suppliers: SupplierList,
    guides: Vec<SourceGuide>,
    attacks: Arc<Vec<RecordedAttack>>,
    /// The hub above, once enrolled.
    hub_key: Mutex<Option<Vec<u8>>>,
    link: watch::Sender<LinkState>,
    metrics: Metrics,
    changes: watch::Sender<u64>,
    published: watch::Sender<i64>,
    outbox: watch::Sender<u64>,
    scanned: watch::Sender<u64>,
    appended: Notify,
    sightings_arrived: Notify,
    observed: broadcast::Sender<observe::Observed>,
    sources: ingest::SourceNumbers,
    beats: rhythm::Beats,
    probes: probe::Probes,
    watched: vitals::Watched,
    logins: logins::Logins,
    calling: notices::Calling,
    log_in: arc_swap::ArcSwap<LogInPolicy>,
    /// The scanner and whoever takes releases take turns: a release is tried on what the scanner has read.
    taking: tokio::sync::Mutex<()>,
}

impl App {
    /// Builds the use cases of a node over its opened parts and compiles the engine: built-in rules, the operator's
    /// rules, and those of the warnings in force. Rules that do not load are reported, never fatal.
    pub async fn start(
        config: AppConfig,
        clock: Arc<dyn Clock>,
        keys: Keys,
        store: Store,
        log: EventLog,
        content: Content,
    ) -> Result<Arc<Self>> {
        let (mut warninglists, unread) = egress::Warninglists::parse(content.warninglists.iter().map(String::as_str));
        for (line, value) in unread {
            tracing::warn!(line, value, "a warninglist line is no address, block, hash or domain; it is left out");
        }
        for own in &config.own {
            if !warninglists.add(own) {
                tracing::warn!(own, "an own name is no domain, address or block; it is left out");
            }
        }
        let suppliers = content.suppliers.clone();
        let (guides, attacks) = (content.guides.clone(), Arc::new(content.attacks.clone()));
        let head = store.published_head().await?;
        let scanned = store.scan_cursor().await?;
        // an older copy of the log must not give out numbers that were scanned already
        log.skip_to(scanned);
        let engine = Arc::new(engine::Holder::start(content, &config, &store, clock.now()).await?);
        let app = Arc::new(Self {
            engine,
            warninglists,
            suppliers,
            guides,
            attacks,
            hub_key: Mutex::new(None),
            link: watch::Sender::new(LinkState::Alone),
            metrics: Metrics::default(),
            changes: watch::Sender::new(0),
            published: watch::Sender::new(head),
            outbox: watch::Sender::new(0),
            scanned: watch::Sender::new(scanned),
            appended: Notify::new(),
            sightings_arrived: Notify::new(),
            observed: broadcast::Sender::new(OBSERVED_WAITING_MAX),
            sources: ingest::SourceNumbers::default(),
            beats: rhythm::Beats::default(),
            probes: probe::Probes::default(),
            watched: vitals::Watched::default(),
            logins: logins::Logins::default(),
            calling: notices::Calling::start()?,
            log_in: arc_swap::ArcSwap::default(),
            taking: tokio::sync::Mutex::new(()),
            log: Arc::new(log),
            config,
            clock,
            keys,
            store,
        });
        app.load_sources().await?;
        app.show_engine();
        Ok(app)
    }

    /// The node's name as people know it.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The node's identity.
    pub fn node(&self) -> NodeId {
        self.keys.node_id()
    }

    /// The node's keys, for the TLS layer and for signatures of the link.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What this node was told to do.
    pub fn config(&self) -> &AppConfig {
        &self.config
    }

    /// ISO 3166-1 alpha-2 code of the node's country.
    pub fn country(&self) -> &str {
        &self.config.country
    }

    /// The node's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The zone in which times are shown.
    pub fn zone(&self) -> &TimeZone {
        &self.config.zone
    }

    /// The node's counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Rises after every commit that a page could show.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The head of the published log; rises when there is something to send down.
    pub fn published(&self) -> watch::Receiver<i64> {
        self.published.subscribe()
    }

    /// Rises when there may be something to send up.
    pub fn outbox_wake(&self) -> watch::Receiver<u64> {
        self.outbox.subscribe()
    }

    /// The number of the next event to be scanned: everything before it is scanned, and what it caused is saved.
    pub fn scanned(&self) -> watch::Receiver<u64> {
        self.scanned.subscribe()
    }

    /// What becomes durable here from now on.
    pub fn observe(&self) -> broadcast::Receiver<observe::Observed> {
        self.observed.subscribe()
    }

    /// Says which hub is above: its raw public key. Releases are believed when it signed them or vouches for them.
    pub fn set_hub_key(&self, key: Vec<u8>) {
        if self.config.listens && self.config.own.is_empty() {
            tracing::warn!(
                "no own domains and addresses are configured: mail addresses and public addresses of this house may leave it; set `own`"
            );
        }
        *self.hub_key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    fn hub_key(&self) -> Option<Vec<u8>> {
        self.hub_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how the link to the hub stands; every page shows it.
    pub fn set_link_state(&self, state: LinkState) {
        let connected = u64::from(matches!(state, LinkState::Connected { .. }));
        self.metrics.set("lazaret_link_connected", "", connected);
        let changed = self.link.send_replace(state.clone()) != state;
        if changed {
            self.changed();
        }
    }

    /// How the link to the hub stands.
    pub fn link_state(&self) -> LinkState {
        self.link.borrow().clone()
    }

    /// Takes the store out of use; nothing may be called afterwards.
    pub async fn stop(&self) {
        self.store.clone().close().await;
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn wake_outbox(&self) {
        self.outbox.send_modify(|count| *count += 1);
    }

    fn tell(&self, what: observe::What) {
        // nobody observing is the ordinary case
        let _ = self.observed.send(observe::Observed {
            node: self.node(),
            name: self.config.name.clone(),
            at: Instant::now(),
            time: self.now(),
            what,
        });
    }
}
