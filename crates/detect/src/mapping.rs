//! Mappings as data: how a source is recognised, which logsources it feeds, and where its fields are.
//! A file of its own because it is the one door between native names and Sigma's; the files are in `content/mappings`.
//! What is *not* here: values of an event (the engine extracts them), and any log format (decoders know those).

mod file;
mod observe;
mod sample;
mod transform;
mod when;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

use crate::decode::Format;
use crate::event::Selected;
use crate::sigma::Logsource;

pub use file::MappingProblem;
pub use observe::{Entity, EntityKind};
pub use sample::{Sample, SampleFailure};
pub use transform::Transform;
pub use when::TimePath;

/// The most different routes (shape and set of logsources) that are told apart; beyond it events are unrouted.
pub const ROUTES_MAX: usize = 4_096;

/// Where a value is, in native names: dots between levels, `*` for any one member.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Box<str>);

impl Path {
    /// A path from its dotted text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The dotted text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether recognising needs a field's value or only that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Only whether the field is there.
    Presence,
    /// Its first value.
    Value,
}

/// A path that [`MappingSet::route`] asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The native path.
    pub path: Path,
    /// What is asked.
    pub needs: Needs,
}

/// One logsource that an event feeds, and the table that renames fields for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// What a rule's logsource is compared with.
    pub logsource: Logsource,
    /// Index of a field table of the mapping; `None` for native names.
    pub(crate) table: Option<usize>,
}

/// A way through the mappings: a shape and the set of logsources, interned. 0 is *unrouted*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub u32);

impl RouteId {
    /// No mapping recognised the event.
    pub const UNROUTED: Self = Self(0);
}

/// Where a Sigma field's values are for one route.
/// Shape: the first path that is present wins; never without paths.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Native paths, in order of preference.
    pub paths: Vec<Path>,
    /// What to do with the native value, if anything.
    pub transform: Option<Transform>,
}

/// In which order shapes are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    ByFields,
    ByFormat,
    Fallback,
}

/// How native names look in one form that a source comes in.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) rank: Rank,
    pub(crate) id: String,
    pub(crate) mapping: usize,
    pub(crate) formats: Vec<Format>,
    pub(crate) tests: Vec<Test>,
    pub(crate) fields: HashMap<String, Vec<Path>>,
    pub(crate) below: Vec<String>,
    pub(crate) first_letter: FirstLetter,
    pub(crate) time: Vec<TimePath>,
    pub(crate) host: Vec<Path>,
    pub(crate) routes: Vec<Route>,
    pub(crate) entities: Vec<Entity>,
}

/// How a shape spells a field that it does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstLetter {
    AsWritten,
    Lower,
}

/// One condition, on selectors.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    /// Indexes into the selectors, in order of preference.
    pub(crate) selectors: Vec<usize>,
    pub(crate) ask: Ask,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    Present,
    Absent,
    /// One of these lower-case values; a trailing `*` stands for any rest.
    OneOf(Vec<String>),
    /// One of these, or not there at all.
    OneOfOrAbsent(Vec<String>),
    NoneOf(Vec<String>),
}

/// Conditions that add sources.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) tests: Vec<Test>,
    pub(crate) sources: Vec<Source>,
}

/// What one file says apart from its shapes.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) tables: Vec<FieldTable>,
    pub(crate) aliases: FieldTable,
    pub(crate) samples: Vec<Sample>,
}

/// Sigma name → native name in the shape's spelling, with a transform.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldTable {
    pub(crate) name: String,
    pub(crate) renames: HashMap<String, (Vec<String>, Option<Transform>)>,
}

/// What a route id stands for.
#[derive(Debug)]
struct Routed {
    shape: usize,
    sources: Vec<Source>,
}

/// Everything that the files said.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) selectors: Vec<Selector>,
}

/// All mappings, compiled. Immutable but for the interning of routes; a clone numbers its routes anew.
/// Limits: [`ROUTES_MAX`] routes.
#[derive(Debug)]
pub struct MappingSet {
    compiled: Arc<Compiled>,
    routed: Box<[OnceLock<Routed>]>,
    ids: RwLock<HashMap<(usize, Vec<usize>), RouteId>>,
}

impl Clone for MappingSet {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.compiled))
    }
}

impl Default for MappingSet {
    fn default() -> Self {
        Self::parse(&[]).0
    }
}

impl MappingSet {
    /// Reads mapping files, given as (path, text).
    /// Shape: every file that is whole is in the set; each one that is not is a problem that names path, key and what to
    /// write instead. Shapes that ask for fields are tried before those that only ask for a format, fallbacks last; within
    /// these, in the order of the files and of their text.
    pub fn parse(files: &[(String, String)]) -> (Self, Vec<MappingProblem>) {
        let mut builder = file::Builder::default();
        for (path, text) in files {
            builder.add(path, text);
        }
        let (compiled, problems) = builder.finish();
        (Self::new(Arc::new(compiled)), problems)
    }

    fn new(compiled: Arc<Compiled>) -> Self {
        let routed = (0..ROUTES_MAX).map(|_| OnceLock::new()).collect();
        Self { compiled, routed, ids: RwLock::default() }
    }

    /// Every path that [`MappingSet::route`] asks about; its index is the slot in [`Selected`].
    pub fn selectors(&self) -> &[Selector] {
        &self.compiled.selectors
    }

    /// Recognises an event. Shape: the first shape whose conditions hold, with the union of the sources of all its routes
    /// that hold; microseconds, so callers remember the answer by the selected values.
    pub fn route(&self, format: Format, selected: &Selected<'_, '_>) -> RouteId {
        let see = |index: usize| selected.text(index);
        let present = |index: usize| selected.present(index);
        self.route_by(format, &present, &see)
    }

    /// [`MappingSet::route`] over any way to look a selector up.
    pub(crate) fn route_by<'v>(
        &self,
        format: Format,
        present: &dyn Fn(usize) -> bool,
        text: &dyn Fn(usize) -> Option<Cow<'v, str>>,
    ) -> RouteId {
        let holds = |tests: &[Test]| tests.iter().all(|test| test.holds(present, text));
        let fits = |shape: &Shape| shape.formats.contains(&format) && holds(&shape.tests);
        let Some(index) = self.compiled.shapes.iter().position(fits) else { return RouteId::UNROUTED };
        let shape = &self.compiled.shapes[index];
        let held: Vec<usize> = (0..shape.routes.len()).filter(|at| holds(&shape.routes[*at].tests)).collect();
        self.intern(index, held)
    }

    fn intern(&self, shape: usize, routes: Vec<usize>) -> RouteId {
        let key = (shape, routes);
        if let Ok(ids) = self.ids.read()
            && let Some(id) = ids.get(&key)
        {
            return *id;
        }
        let Ok(mut ids) = self.ids.write() else { return RouteId::UNROUTED };
        if let Some(id) = ids.get(&key) {
            return *id;
        }
        let next = ids.len() + 1;
        let Some(slot) = self.routed.get(next) else { return RouteId::UNROUTED };
        let mut sources: Vec<Source> = Vec::new();
        for route in key.1.iter().filter_map(|at| self.compiled.shapes[shape].routes.get(*at)) {
            for source in &route.sources {
                if !sources.contains(source) {
                    sources.push(source.clone());
                }
            }
        }
        let _ = slot.set(Routed { shape, sources });
        let id = RouteId(next as u32);
        ids.insert(key, id);
        id
    }

    fn routed(&self, route: RouteId) -> Option<&Routed> {
        self.routed.get(route.0 as usize).and_then(OnceLock::get)
    }

    fn shape(&self, route: RouteId) -> Option<&Shape> {
        self.routed(route).map(|routed| &self.compiled.shapes[routed.shape])
    }

    /// The set of logsources of a route; empty where nothing was recognised.
    pub fn sources(&self, route: RouteId) -> &[Source] {
        self.routed(route).map_or(&[], |routed| &routed.sources)
    }

    /// The name of the shape that a route has, e.g. `windows/evtx`.
    pub fn shape_name(&self, route: RouteId) -> Option<&str> {
        self.shape(route).map(|shape| shape.id.as_str())
    }

    /// Where the event's own time is, best first.
    pub fn time(&self, route: RouteId) -> &[TimePath] {
        self.shape(route).map_or(&[], |shape| &shape.time)
    }

    /// Where the host's name is, best first.
    pub fn host(&self, route: RouteId) -> &[Path] {
        self.shape(route).map_or(&[], |shape| &shape.host)
    }

    /// Which fields hold values of the attacker's side.
    pub fn observables(&self, route: RouteId) -> &[Entity] {
        self.shape(route).map_or(&[], |shape| &shape.entities)
    }

    /// Where a Sigma field is, for the rules that `sources(route)[source]` satisfies. Asked when plans are compiled.
    pub fn field(&self, route: RouteId, source: usize, sigma_name: &str) -> Field {
        let native = || Field { paths: vec![Path::new(sigma_name)], transform: None };
        let Some(shape) = self.shape(route) else { return native() };
        let table = self.sources(route).get(source).and_then(|source| source.table);
        self.resolve(shape, table, sigma_name)
    }

    /// Table, then the shape itself, then the mapping's aliases.
    pub(crate) fn resolve(&self, shape: &Shape, table: Option<usize>, sigma_name: &str) -> Field {
        let mapping = &self.compiled.mappings[shape.mapping];
        let renamed = |table: &FieldTable| table.renames.get(sigma_name).cloned();
        let by_table = table.and_then(|at| mapping.tables.get(at)).and_then(renamed);
        let by_alias = || match shape.fields.contains_key(sigma_name) {
            true => None,
            false => renamed(&mapping.aliases),
        };
        let Some((names, transform)) = by_table.or_else(by_alias) else {
            return Field { paths: shape.paths(sigma_name), transform: None };
        };
        let mut paths: Vec<Path> = names.iter().flat_map(|name| shape.paths(name)).collect();
        if transform.is_none() {
            // a native field of that very name is better than a renamed one
            let own = shape.paths(sigma_name).into_iter().filter(|path| !paths.contains(path)).collect::<Vec<_>>();
            paths.extend(own);
        }
        Field { paths, transform }
    }

    /// Every logsource that some mapping can produce.
    pub fn logsources(&self) -> impl Iterator<Item = &Logsource> {
        let routes = self.compiled.shapes.iter().flat_map(|shape| &shape.routes);
        routes.flat_map(|route| &route.sources).map(|source| &source.logsource)
    }

    /// Whether some mapping can ever produce events for a rule's logsource.
    pub fn sees(&self, rule: &Logsource) -> bool {
        self.logsources().any(|source| rule.satisfied_by(source))
    }

    /// Whether events of one shape (see [`MappingSet::shape_name`]) can carry a rule's logsource.
    pub fn shape_sees(&self, shape: &str, rule: &Logsource) -> bool {
        let shapes = self.compiled.shapes.iter().filter(|candidate| candidate.id == shape);
        shapes
            .flat_map(|shape| &shape.routes)
            .flat_map(|route| &route.sources)
            .any(|source| rule.satisfied_by(&source.logsource))
    }

    /// The ids of the shapes in the set, e.g. `fortigate/kv`.
    pub fn shapes(&self) -> impl Iterator<Item = &str> {
        self.compiled.shapes.iter().map(|shape| shape.id.as_str())
    }

    /// The ids of the mappings in the set.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.compiled.mappings.iter().map(|mapping| mapping.id.as_str())
    }

    /// Runs the samples of every mapping through decoder and mapping; empty where all expectations hold.
    pub fn check_samples(&self) -> Vec<SampleFailure> {
        sample::check(self)
    }

    /// How many samples the mappings carry.
    pub fn sample_count(&self) -> usize {
        self.compiled.mappings.iter().map(|mapping| mapping.samples.len()).sum()
    }

    pub(crate) fn mappings(&self) -> &[Mapping] {
        &self.compiled.mappings
    }
}

impl Shape {
    /// The paths of a name in this shape's spelling.
    pub(crate) fn paths(&self, name: &str) -> Vec<Path> {
        if let Some(listed) = self.fields.get(name) {
            return listed.clone();
        }
        let spelled = match self.first_letter {
            FirstLetter::AsWritten => Cow::Borrowed(name),
            FirstLetter::Lower => Cow::Owned(lower_first(name)),
        };
        let mut paths: Vec<Path> = self.below.iter().map(|lead| Path::new(format!("{lead}{spelled}"))).collect();
        if paths.is_empty() {
            paths.push(Path::new(spelled.into_owned()));
        }
        paths
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

impl Test {
    fn holds<'v>(&self, present: &dyn Fn(usize) -> bool, text: &dyn Fn(usize) -> Option<Cow<'v, str>>) -> bool {
        let value = || self.selectors.iter().find_map(|index| text(*index));
        match &self.ask {
            Ask::Present => self.selectors.iter().any(|index| present(*index)),
            Ask::Absent => !self.selectors.iter().any(|index| present(*index)),
            Ask::OneOf(wanted) => value().is_some_and(|value| is_one_of(&value, wanted)),
            Ask::OneOfOrAbsent(wanted) => value().is_none_or(|value| is_one_of(&value, wanted)),
            Ask::NoneOf(unwanted) => !value().is_some_and(|value| is_one_of(&value, unwanted)),
        }
    }
}

fn is_one_of(value: &str, wanted: &[String]) -> bool {
    let value = value.to_lowercase();
    wanted.iter().any(|want| match want.strip_suffix('*') {
        Some(lead) => value.starts_with(lead),
        None => value == *want,
    })
}

#[cfg(test)]
mod tests;
