//! Running events through an engine: route, extract, find candidates, evaluate, correlate, look indicators up.
//! A file of its own because everything mutable is here. After a caught panic make a new scanner and restore it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use domain::telemetry::Observable;
use jiff::Timestamp;

use super::source_time::{SourceTimes, TimeFlag};
use super::{
    By, Detection, EmbeddedLogsource, Engine, GivenUp, Hidden, MATCHED_MAX, MATCHED_VALUE_BYTES_MAX, OBSERVABLES_MAX,
    PlanKey, Quarantined, RawEvent, Routed, Scan, Seen,
};
use crate::correlate::{BaseDetection, Correlated, CorrelationLosses, Correlator};
use crate::decode::{self, Format};
use crate::event::{Entry, Event, Selected, Slots};
use crate::indicator::IndicatorMatch;
use crate::sigma::Logsource;
use crate::sigma::compile::CompiledRule;
use crate::sigma::matching::{Buffers, Memo, View};
use crate::sigma::plan::{Part, RoutePlan};

/// The most answers of the routing that are remembered; at the limit all are forgotten.
pub const ROUTE_MEMO_MAX: usize = 16_384;

/// Runs events through an engine. Mutable; one for each thread.
#[derive(Debug)]
pub struct Scanner {
    engine: Arc<Engine>,
    correlator: Correlator,
    times: SourceTimes,
    routes: HashMap<Box<[u8]>, Arc<RoutePlan>>,
    memory: Memory,
}

/// What is kept only to be used again.
#[derive(Debug, Default)]
struct Memory {
    entries: Vec<Entry>,
    slots: Slots<'static>,
    buffers: Buffers,
    text: String,
    route_key: Vec<u8>,
    candidates: Candidates,
    matched: Vec<u32>,
    gave_up_first: Option<u32>,
}

/// Rules of a part that are to be evaluated, each once.
#[derive(Debug, Default)]
struct Candidates {
    stamps: Vec<u32>,
    stamp: u32,
    list: Vec<u32>,
}

impl Candidates {
    fn begin(&mut self, rules: usize) {
        self.list.clear();
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamps.len() < rules || self.stamp == 0 {
            self.stamps.clear();
            self.stamps.resize(rules, 0);
            self.stamp = 1;
        }
    }

    fn add(&mut self, place: u32) {
        let stamp = &mut self.stamps[place as usize];
        if *stamp != self.stamp {
            *stamp = self.stamp;
            self.list.push(place);
        }
    }
}

/// How rules are chosen for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// Only those that a lookup finds.
    Candidates,
    /// Every rule of the route, every test each time.
    Full,
}

impl Scanner {
    /// A scanner with empty windows.
    pub fn new(engine: Arc<Engine>) -> Self {
        let correlator = Correlator::new(&engine.rules);
        Self { engine, correlator, times: SourceTimes::default(), routes: HashMap::new(), memory: Memory::default() }
    }

    /// The engine in use.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Changes the engine. Shape: windows of correlations that are unchanged survive.
    pub fn swap(&mut self, engine: Arc<Engine>) {
        let mut correlator = Correlator::new(&engine.rules);
        correlator.take_over(std::mem::take(&mut self.correlator));
        self.correlator = correlator;
        self.routes.clear();
        self.engine = engine;
    }

    /// Rebuilds the windows after a restart, from base detections in the order in which they were handed out.
    /// Shape: what fires on the way fired before the restart and is left out.
    pub fn restore(&mut self, base: &[BaseDetection]) {
        for detection in base {
            let _ = self.correlator.add(detection);
        }
    }

    /// What correlations had to leave out because of limits.
    pub fn losses(&self) -> CorrelationLosses {
        self.correlator.losses()
    }

    /// Scans a batch. `now` stands in for the received time of an event that claims to come from later than now.
    pub fn scan(&mut self, batch: &[RawEvent<'_>], now: Timestamp) -> Scan {
        self.run(batch, now, Effort::Candidates)
    }

    /// Scans a batch by evaluating every rule of each event's route in full: the oracle that the fast way is checked with.
    pub fn full_scan(&mut self, batch: &[RawEvent<'_>], now: Timestamp) -> Scan {
        self.run(batch, now, Effort::Full)
    }

    fn run(&mut self, batch: &[RawEvent<'_>], now: Timestamp, effort: Effort) -> Scan {
        let mut scan = Scan::default();
        for raw in batch {
            let decoded = decode::decode(raw.bytes, raw.carrier);
            let format = decoded.format;
            match Event::with_memory(raw.bytes, decoded, std::mem::take(&mut self.memory.entries)) {
                Ok(event) => {
                    self.scan_event(raw, &event, format, now, effort, &mut scan);
                    self.memory.entries = event.into_memory();
                }
                Err(error) => scan.quarantined.push(Quarantined { seq: raw.seq, reason: error.to_string() }),
            }
        }
        scan
    }

    fn scan_event(
        &mut self,
        raw: &RawEvent<'_>,
        event: &Event<'_>,
        format: Format,
        now: Timestamp,
        effort: Effort,
        scan: &mut Scan,
    ) {
        let engine = self.engine.clone();
        let mut slots = std::mem::take(&mut self.memory.slots).recycle();
        let plan = self.route(&engine, event, format, &mut slots);
        plan.extract(&mut slots, event);
        let received_at = raw.received_at.min(now);
        let zone = engine.options.source_zones.get(raw.source).unwrap_or(&engine.options.zone);
        let own = plan.time.iter().find_map(|(slot, path)| {
            slots.values(*slot).next().and_then(|value| path.read(&value.text(), received_at, zone))
        });
        let (time, time_flag) = self.times.decide(raw.source, raw.carrier, own, received_at);
        let host = first_text(&slots, &plan.host);
        let about = About { raw, time, time_flag, host: &host };
        let mut buffers = std::mem::take(&mut self.memory.buffers);
        buffers.begin_event(slots.value_count());
        let before = scan.detections.len();
        self.memory.gave_up_first = None;
        for part in &plan.parts {
            buffers.begin_part(engine.compiled.predicates.len());
            let mut view = View {
                compiled: &engine.compiled,
                field_slots: &part.field_slots,
                slots: &slots,
                event,
                buffers: &mut buffers,
                memo: if effort == Effort::Full { Memo::Forget } else { Memo::Keep },
            };
            self.matching_rules(&mut view, part, effort);
            for place in 0..self.memory.matched.len() {
                let number = self.memory.matched[place];
                self.report_rule(&engine, &mut view, &about, number, scan);
            }
        }
        if let Some(number) = self.memory.gave_up_first {
            let rule_id = engine.compiled.rules[number as usize].meta.id.clone();
            scan.given_up.push(GivenUp { seq: raw.seq, searches: buffers.gave_up(), rule_id });
        }
        for found in engine.indicators.matches(event, &mut self.memory.text) {
            scan.detections.push(about.detection_by_indicator(found));
        }
        if scan.detections.len() > before {
            let observables = observables(&slots, &plan);
            scan.detections[before..].iter_mut().for_each(|detection| detection.observables.clone_from(&observables));
        }
        let routed = if plan.logsources.is_empty() { Routed::No } else { Routed::Yes };
        let shape = plan.shape.clone();
        scan.seen.push(Seen { seq: raw.seq, time, time_flag, host, format: format.as_str(), shape, routed });
        self.memory.buffers = buffers;
        self.memory.slots = slots.recycle();
    }

    /// The plan of an event, by the values that the routing looks at.
    fn route<'e>(
        &mut self,
        engine: &Engine,
        event: &'e Event<'_>,
        format: Format,
        slots: &mut Slots<'e>,
    ) -> Arc<RoutePlan> {
        slots.extract(event, &engine.selectors);
        let key = &mut self.memory.route_key;
        key.clear();
        key.push(format as u8);
        let embedded = engine.options.embedded_logsource;
        for (slot, presence_only) in engine.presence_only.iter().enumerate() {
            push_selected(key, slots, slot, *presence_only);
        }
        let own = engine.presence_only.len();
        if embedded == EmbeddedLogsource::Honoured {
            (own..own + 3).for_each(|slot| push_selected(key, slots, slot, false));
        }
        if let Some(plan) = self.routes.get(key.as_slice()) {
            return plan.clone();
        }
        let route = engine.mappings.route(format, &Selected::new(slots));
        let embedded = match embedded {
            EmbeddedLogsource::Honoured => embedded_logsource(slots, own),
            EmbeddedLogsource::Ignored => None,
        };
        let plan = engine.plan(&PlanKey { route, embedded });
        if self.routes.len() >= ROUTE_MEMO_MAX {
            self.routes.clear();
        }
        self.routes.insert(key.as_slice().into(), plan.clone());
        plan
    }

    /// Fills `memory.matched` with the numbers of the part's rules that match.
    fn matching_rules(&mut self, view: &mut View<'_, '_>, part: &Part, effort: Effort) {
        let Memory { candidates, matched, gave_up_first, .. } = &mut self.memory;
        let mut holds = |view: &mut View<'_, '_>, number: u32| {
            let before = view.buffers.gave_up();
            let holds = view.holds(&view.compiled.rules[number as usize].root);
            if view.buffers.gave_up() > before {
                gave_up_first.get_or_insert(number);
            }
            holds
        };
        matched.clear();
        if effort == Effort::Full {
            matched.extend(part.rules.iter().filter(|number| holds(view, **number)));
            return;
        }
        candidates.begin(part.rules.len());
        part.always.iter().for_each(|place| candidates.add(*place));
        for (slot, index) in &part.indexes {
            let mut next = view.slots.first_index(*slot);
            while let Some(value) = next {
                view.look_up(value, index, &mut |place| candidates.add(place));
                next = view.slots.next_index(value);
            }
        }
        if let Some(index) = &part.keywords {
            for text in view.folded_keywords() {
                index.find(text, &mut |place| candidates.add(place));
            }
        }
        // In the order of the rules, as the full scan.
        candidates.list.sort_unstable();
        for place in &candidates.list {
            let number = part.rules[*place as usize];
            if holds(view, number) {
                matched.push(number);
            }
        }
    }

    fn report_rule(
        &mut self,
        engine: &Engine,
        view: &mut View<'_, '_>,
        about: &About<'_>,
        number: u32,
        scan: &mut Scan,
    ) {
        let rule = &engine.compiled.rules[number as usize];
        if about.hide(view, rule, scan) {
            return;
        }
        if let Some(names) = engine.base_fields.get(&number) {
            let base = about.base(&rule.meta.id, view, names);
            let reported = |fired: &Correlated| !engine.silent_correlations.contains(&fired.rule.id);
            for fired in self.correlator.add(&base).into_iter().filter(reported) {
                scan.detections.push(about.detection_by_correlation(fired));
            }
            scan.base.push(base);
        }
        if engine.silent[number as usize] {
            return;
        }
        let mut matched: Vec<(String, String)> = Vec::new();
        view.explain(&rule.root, &mut |field, value| {
            if matched.len() < MATCHED_MAX && !matched.iter().any(|(held, text)| held == field && *text == value) {
                matched.push((field.to_owned(), cut(value)));
            }
        });
        scan.detections.push(Detection { matched, ..about.detection(By::Rule(rule.meta.clone())) });
    }
}

fn push_selected(key: &mut Vec<u8>, slots: &Slots<'_>, slot: usize, presence_only: bool) {
    match slots.first_index(slot) {
        None => key.push(0),
        Some(_) if presence_only => key.push(1),
        Some(first) => {
            let value = slots.value(first);
            key.push(2 + value.kind as u8);
            key.extend_from_slice(&(value.raw.len() as u32).to_le_bytes());
            key.extend_from_slice(value.raw.as_bytes());
        }
    }
}

fn embedded_logsource(slots: &Slots<'_>, first: usize) -> Option<Logsource> {
    let dimension = |slot: usize| {
        let text = slots.values(slot).next()?.text().into_owned();
        (!text.is_empty() && text != "none").then_some(text)
    };
    let stated = (first..first + 3).any(|slot| slots.present(slot));
    let logsource =
        Logsource { product: dimension(first), service: dimension(first + 1), category: dimension(first + 2) };
    stated.then_some(logsource)
}

fn first_text(slots: &Slots<'_>, from: &[usize]) -> Option<String> {
    from.iter().find_map(|slot| {
        let text = slots.values(*slot).next()?.text();
        (!text.is_empty()).then(|| text.into_owned())
    })
}

fn observables(slots: &Slots<'_>, plan: &RoutePlan) -> Vec<Observable> {
    let mut found: Vec<Observable> = Vec::new();
    for (from, entity) in &plan.entities {
        for value in from.iter().flat_map(|slot| slots.values(*slot)) {
            entity.read(&value.text(), &mut |observable| {
                if found.len() < OBSERVABLES_MAX && !found.contains(&observable) {
                    found.push(observable);
                }
            });
        }
    }
    found
}

fn cut(text: Cow<'_, str>) -> String {
    if text.len() <= MATCHED_VALUE_BYTES_MAX {
        return text.into_owned();
    }
    let mut end = MATCHED_VALUE_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// What all detections on one event have in common.
struct About<'a> {
    raw: &'a RawEvent<'a>,
    time: Timestamp,
    time_flag: TimeFlag,
    host: &'a Option<String>,
}

impl About<'_> {
    /// Whether a filter of the rule hides its match; every filter that does is told.
    fn hide(&self, view: &mut View<'_, '_>, rule: &CompiledRule, scan: &mut Scan) -> bool {
        let before = scan.hidden.len();
        for filter in &rule.filters {
            if filter.scope.holds(self.raw.source, self.host.as_deref()) && !view.holds(&filter.root) {
                scan.hidden.push(Hidden {
                    seq: self.raw.seq,
                    rule: rule.meta.clone(),
                    filter: filter.meta.clone(),
                    time: self.time,
                    host: self.host.clone(),
                });
            }
        }
        scan.hidden.len() > before
    }

    fn detection(&self, by: By) -> Detection {
        Detection {
            seq: self.raw.seq,
            by,
            time: self.time,
            time_flag: self.time_flag,
            host: self.host.clone(),
            source: self.raw.source.to_owned(),
            matched: Vec::new(),
            observables: Vec::new(),
            because: Vec::new(),
        }
    }

    fn detection_by_correlation(&self, fired: Correlated) -> Detection {
        Detection { matched: fired.group, because: fired.because, ..self.detection(By::Rule(fired.rule)) }
    }

    fn detection_by_indicator(&self, found: IndicatorMatch) -> Detection {
        let matched = vec![(found.indicator.kind.as_str().to_owned(), found.found)];
        Detection { matched, ..self.detection(By::Indicator(found.indicator)) }
    }

    fn base(&self, rule_id: &str, view: &View<'_, '_>, names: &[String]) -> BaseDetection {
        let fields = names.iter().filter_map(|name| Some((name.clone(), cut(view.field_text(name)?)))).collect();
        BaseDetection {
            seq: self.raw.seq,
            rule_id: rule_id.to_owned(),
            time: self.time,
            host: self.host.clone(),
            fields,
        }
    }
}
