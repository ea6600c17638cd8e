//! The form of a mapping file, and the only place that turns it into compiled shapes, routes and tables.
//! A file of its own because everything that can be wrong with a mapping is found and explained here.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use super::observe::{Entity, EntityKind};
use super::sample::{RawSample, Sample};
use super::transform::Transform;
use super::when::{Naive, TimePath};
use super::{Ask, Compiled, FieldTable, FirstLetter, Mapping, Needs, Path, Rank, Route, Selector, Shape, Source, Test};
use crate::decode::Format;
use crate::sigma::Logsource;

/// What is wrong with a mapping file. Shape: `path:line: key: what; instead`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {key}: {what}; {instead}")]
pub struct MappingProblem {
    /// The file.
    pub path: String,
    /// 1-based; 0 where no single line is at fault.
    pub line: usize,
    /// The key, dotted.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

/// One word or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Many {
    One(String),
    Number(i64),
    Several(Vec<Many>),
}

impl Many {
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::One(word) => vec![word.clone()],
            Self::Number(number) => vec![number.to_string()],
            Self::Several(list) => list.iter().flat_map(Self::words).collect(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum RawRename {
    Names(Many),
    Changed {
        from: Many,
        #[serde(rename = "as")]
        change: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMapping {
    id: String,
    #[serde(rename = "title")]
    _title: String,
    #[serde(default)]
    fallback: Option<bool>,
    #[serde(default)]
    shape: Vec<RawShape>,
    #[serde(default)]
    route: Vec<RawRoute>,
    #[serde(default)]
    fields: BTreeMap<String, BTreeMap<String, RawRename>>,
    #[serde(default)]
    aliases: BTreeMap<String, RawRename>,
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    observables: BTreeMap<String, Many>,
    #[serde(default)]
    sample: Vec<RawSample>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShape {
    id: String,
    format: Option<Many>,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
    #[serde(default)]
    equals: BTreeMap<String, Many>,
    #[serde(default)]
    fields: BTreeMap<String, Many>,
    #[serde(default)]
    below: Vec<String>,
    first_letter: Option<String>,
    #[serde(default)]
    time: Vec<RawTime>,
    #[serde(default)]
    host: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawTime {
    Path(String),
    Utc { utc: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoute {
    shapes: Option<Vec<String>>,
    each: Option<RawEach>,
    #[serde(default)]
    when: BTreeMap<String, Many>,
    #[serde(default)]
    when_present: BTreeMap<String, Many>,
    #[serde(default)]
    unless: BTreeMap<String, Many>,
    #[serde(default)]
    has: Vec<String>,
    logsource: RawSources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEach {
    field: String,
    values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawSources {
    One(RawSource),
    Several(Vec<RawSource>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    product: Option<String>,
    service: Option<String>,
    category: Option<String>,
    fields: Option<String>,
}

/// Collects files into one set.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    mappings: Vec<Mapping>,
    shapes: Vec<Shape>,
    selectors: Vec<Selector>,
    selector_ids: HashMap<Path, usize>,
    problems: Vec<MappingProblem>,
}

impl Builder {
    /// Adds one file; a file with any problem adds nothing but its problems.
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        let raw: RawMapping = match toml::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                self.problems.push(syntax_problem(path, text, &error));
                return;
            }
        };
        let before = self.problems.len();
        let mapping = self.mappings.len();
        let compiled = self.compile(path, &raw);
        self.check_references(path, &raw);
        if self.problems.len() > before {
            return;
        }
        let shapes =
            raw.shape.iter().map(|shape| self.shape(path, mapping, &raw, shape, &compiled)).collect::<Vec<_>>();
        if self.problems.len() == before {
            self.shapes.extend(shapes);
            self.mappings.push(compiled);
        }
    }

    pub(crate) fn finish(mut self) -> (Compiled, Vec<MappingProblem>) {
        self.shapes.sort_by_key(|shape| shape.rank);
        let compiled = Compiled { mappings: self.mappings, shapes: self.shapes, selectors: self.selectors };
        (compiled, self.problems)
    }

    fn problem(&mut self, path: &str, key: impl Into<String>, what: impl Into<String>, instead: impl Into<String>) {
        let (key, what, instead) = (key.into(), what.into(), instead.into());
        self.problems.push(MappingProblem { path: path.to_owned(), line: 0, key, what, instead });
    }

    /// Tables, aliases and samples.
    fn compile(&mut self, path: &str, raw: &RawMapping) -> Mapping {
        let tables = raw.fields.iter().map(|(name, rows)| self.table(path, &format!("fields.{name}"), name, rows, raw));
        let tables = tables.collect();
        let aliases = self.table(path, "aliases", "", &raw.aliases, raw);
        let mut samples = Vec::new();
        for (at, sample) in raw.sample.iter().enumerate() {
            match Sample::from_raw(sample) {
                Ok(sample) => samples.push(sample),
                Err((key, what, instead)) => self.problem(path, format!("sample[{at}].{key}"), what, instead),
            }
        }
        Mapping { id: raw.id.clone(), path: path.to_owned(), tables, aliases, samples }
    }

    fn table(
        &mut self,
        path: &str,
        key: &str,
        name: &str,
        rows: &BTreeMap<String, RawRename>,
        raw: &RawMapping,
    ) -> FieldTable {
        let mut table = FieldTable { name: name.to_owned(), renames: HashMap::new() };
        for (sigma, rename) in rows {
            let (names, transform) = match rename {
                RawRename::Names(names) => (names.words(), None),
                RawRename::Changed { from, change } => {
                    (from.words(), self.transform(path, &format!("{key}.{sigma}"), change, raw))
                }
            };
            if names.is_empty() {
                self.problem(path, format!("{key}.{sigma}"), "no native name", "name at least one native field");
            }
            table.renames.insert(sigma.clone(), (names, transform));
        }
        table
    }

    fn transform(&mut self, path: &str, key: &str, word: &str, raw: &RawMapping) -> Option<Transform> {
        if let Some(name) = word.strip_prefix("table:") {
            if let Some(rows) = raw.values.get(name) {
                return Some(Transform::Table(rows.iter().map(|(from, to)| (from.clone(), to.clone())).collect()));
            }
            self.problem(path, key, format!("there is no [values.{name}]"), "add that table or name an existing one");
            return None;
        }
        let transform = Transform::from_word(word);
        if transform.is_none() {
            let known =
                "write hex-to-decimal, signed-to-hex, base-name, opaque, drive:<letter>, hash:<NAME> or table:<name>";
            self.problem(path, key, format!("{word:?} is no transform"), known);
        }
        transform
    }

    /// Names that must exist elsewhere in the file.
    fn check_references(&mut self, path: &str, raw: &RawMapping) {
        if self.mappings.iter().any(|mapping| mapping.id == raw.id) {
            self.problem(path, "id", format!("{:?} is taken by another mapping", raw.id), "choose another id");
        }
        if raw.shape.is_empty() {
            self.problem(path, "shape", "there is none", "add [[shape]] with how the source is recognised");
        }
        let mut ids = HashSet::new();
        for shape in &raw.shape {
            if !ids.insert(shape.id.as_str()) {
                self.problem(path, "shape.id", format!("{:?} appears twice", shape.id), "give each shape its own id");
            }
        }
        for (at, route) in raw.route.iter().enumerate() {
            for shape in route.shapes.iter().flatten().filter(|shape| !ids.contains(shape.as_str())) {
                self.problem(
                    path,
                    format!("route[{at}].shapes"),
                    format!("no shape has the id {shape:?}"),
                    "name a shape of this file",
                );
            }
            for table in route.sources().iter().filter_map(|source| source.fields.as_deref()) {
                if !raw.fields.contains_key(table) {
                    self.problem(
                        path,
                        format!("route[{at}].logsource.fields"),
                        format!("there is no [fields.{table}]"),
                        "name a table of this file",
                    );
                }
            }
        }
        if raw.sample.is_empty() {
            self.problem(
                path,
                "sample",
                "there is none",
                "add [[sample]] with a raw event and what it is expected to give",
            );
        }
    }

    fn shape(&mut self, path: &str, mapping: usize, raw: &RawMapping, shape: &RawShape, compiled: &Mapping) -> Shape {
        let key = format!("shape.{}", shape.id);
        let formats = self.formats(path, &key, shape);
        let mut tests = Vec::new();
        for name in &shape.has {
            tests.push(self.test(&[Path::new(name.as_str())], Ask::Present));
        }
        for name in &shape.lacks {
            tests.push(self.test(&[Path::new(name.as_str())], Ask::Absent));
        }
        for (name, values) in &shape.equals {
            tests.push(self.test(&[Path::new(name.as_str())], Ask::OneOf(lower(values))));
        }
        let fields =
            shape.fields.iter().map(|(name, paths)| (name.clone(), paths.words().into_iter().map(Path::new).collect()));
        let first_letter = match shape.first_letter.as_deref() {
            None => FirstLetter::AsWritten,
            Some("lower") => FirstLetter::Lower,
            Some(other) => {
                self.problem(
                    path,
                    format!("{key}.first_letter"),
                    format!("{other:?} is unknown"),
                    "write \"lower\" or leave it out",
                );
                FirstLetter::AsWritten
            }
        };
        let rank = match (raw.fallback == Some(true), tests.is_empty()) {
            (true, _) => Rank::Fallback,
            (false, true) => Rank::ByFormat,
            (false, false) => Rank::ByFields,
        };
        let mut built = Shape {
            rank,
            id: format!("{}/{}", raw.id, shape.id),
            mapping,
            formats,
            tests,
            fields: fields.collect(),
            below: shape.below.clone(),
            first_letter,
            time: shape.time.iter().map(RawTime::compile).collect(),
            host: shape.host.iter().map(|host| Path::new(host.as_str())).collect(),
            routes: Vec::new(),
            entities: Vec::new(),
        };
        built.entities = self.entities(path, raw, &built);
        for route in raw.route.iter().filter(|route| route.is_for(&shape.id)) {
            for route in route.expanded() {
                let route = self.route(&route, &built, compiled);
                built.routes.push(route);
            }
        }
        built
    }

    fn formats(&mut self, path: &str, key: &str, shape: &RawShape) -> Vec<Format> {
        // a shipper may wrap any format into JSON, so a shape known by its fields need not name one
        let Some(words) = shape.format.as_ref().map(Many::words) else { return Format::ALL.to_vec() };
        let mut formats = Vec::new();
        for word in words {
            match Format::from_word(&word) {
                Some(format) => formats.push(format),
                None => {
                    let known: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
                    self.problem(
                        path,
                        format!("{key}.format"),
                        format!("{word:?} is no format"),
                        format!("write one of {}", known.join(", ")),
                    );
                }
            }
        }
        formats
    }

    fn entities(&mut self, path: &str, raw: &RawMapping, shape: &Shape) -> Vec<Entity> {
        let mut entities = Vec::new();
        for (word, names) in &raw.observables {
            match EntityKind::from_word(word) {
                Some(kind) => {
                    let paths = names.words().iter().flat_map(|name| shape.paths(name)).collect();
                    entities.push(Entity { kind, paths });
                }
                None => {
                    let known = "write address, domain, url, hash, email or file";
                    self.problem(path, format!("observables.{word}"), "unknown kind", known);
                }
            }
        }
        entities
    }

    fn route(&mut self, route: &RawRoute, shape: &Shape, compiled: &Mapping) -> Route {
        let mut tests = Vec::new();
        for (name, values) in &route.when {
            tests.push(self.test(&shape.paths(name), Ask::OneOf(lower(values))));
        }
        for (name, values) in &route.when_present {
            tests.push(self.test(&shape.paths(name), Ask::OneOfOrAbsent(lower(values))));
        }
        for (name, values) in &route.unless {
            tests.push(self.test(&shape.paths(name), Ask::NoneOf(lower(values))));
        }
        for name in &route.has {
            tests.push(self.test(&shape.paths(name), Ask::Present));
        }
        let table = |name: &str| compiled.tables.iter().position(|table| table.name == name);
        let sources = route.sources().into_iter().map(|source| Source {
            table: source.fields.as_deref().and_then(table),
            logsource: Logsource { product: source.product, service: source.service, category: source.category },
        });
        Route { tests, sources: sources.collect() }
    }

    fn test(&mut self, paths: &[Path], ask: Ask) -> Test {
        let needs = match ask {
            Ask::Present | Ask::Absent => Needs::Presence,
            _ => Needs::Value,
        };
        Test { selectors: paths.iter().map(|path| self.selector(path, needs)).collect(), ask }
    }

    fn selector(&mut self, path: &Path, needs: Needs) -> usize {
        let next = self.selectors.len();
        let index = *self.selector_ids.entry(path.clone()).or_insert(next);
        if index == next {
            self.selectors.push(Selector { path: path.clone(), needs });
        }
        if let Some(selector) = self.selectors.get_mut(index) {
            selector.needs = selector.needs.max(needs);
        }
        index
    }
}

impl RawTime {
    fn compile(&self) -> TimePath {
        match self {
            Self::Path(path) => TimePath { path: Path::new(path.as_str()), naive: Naive::SourceZone },
            Self::Utc { utc } => TimePath { path: Path::new(utc.as_str()), naive: Naive::Utc },
        }
    }
}

impl RawRoute {
    fn is_for(&self, shape: &str) -> bool {
        self.shapes.as_ref().is_none_or(|shapes| shapes.iter().any(|named| named == shape))
    }

    fn sources(&self) -> Vec<RawSource> {
        match &self.logsource {
            RawSources::One(source) => vec![source.clone()],
            RawSources::Several(sources) => sources.clone(),
        }
    }

    /// One route for every value of `each`, with `{}` in the logsource replaced by it.
    fn expanded(&self) -> Vec<Self> {
        let with = |value: Option<&str>| {
            let fill = |text: &Option<String>| text.as_ref().map(|text| text.replace("{}", value.unwrap_or("{}")));
            let sources = self.sources().into_iter().map(|source| RawSource {
                product: fill(&source.product),
                service: fill(&source.service),
                category: fill(&source.category),
                fields: source.fields,
            });
            let mut when = self.when.clone();
            if let (Some(each), Some(value)) = (&self.each, value) {
                when.insert(each.field.clone(), Many::One(value.to_owned()));
            }
            Self {
                shapes: None,
                each: None,
                when,
                when_present: self.when_present.clone(),
                unless: self.unless.clone(),
                has: self.has.clone(),
                logsource: RawSources::Several(sources.collect()),
            }
        };
        match &self.each {
            None => vec![with(None)],
            Some(each) => each.values.iter().map(|value| with(Some(value))).collect(),
        }
    }
}

fn lower(values: &Many) -> Vec<String> {
    values.words().iter().map(|word| word.to_lowercase()).collect()
}

/// A file that is no TOML, or has a key of the wrong kind.
fn syntax_problem(path: &str, text: &str, error: &toml::de::Error) -> MappingProblem {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or("");
    let line = before.lines().count().max(1) + usize::from(before.ends_with('\n'));
    let at_fault = text.lines().nth(line.saturating_sub(1)).unwrap_or("").trim();
    let key = at_fault.split('=').next().unwrap_or("").trim().to_owned();
    MappingProblem {
        path: path.to_owned(),
        line,
        key: if key.is_empty() { "file".to_owned() } else { key },
        what: error.message().trim().replace('\n', "; "),
        instead: "see content/mappings/README.md for the keys of a mapping".to_owned(),
    }
}
