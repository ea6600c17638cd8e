//! One route's plan: the rules that its logsources select, the native fields they read, and what finds candidates.
//! A file of its own because it is where names are resolved, once, so that no event is ever renamed.
//! Compiled when the first event of a route arrives; immutable after that.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::Logsource;
use super::compile::{Compiled, KEYWORDS};
use super::matching::NO_SLOT;
use super::prefilter::{Index, witness};
use crate::event::{PathTable, Slots, Value};
use crate::mapping::{Entity, Field, MappingSet, Path, RouteId, TimePath, Transform};

/// The rules of one route and where their fields are.
#[derive(Debug)]
pub struct RoutePlan {
    /// What is read from an event, in one pass.
    pub table: PathTable,
    /// The logsources of the route.
    pub logsources: Vec<Logsource>,
    /// Name of the form that was recognised.
    pub shape: Option<Arc<str>>,
    /// Rules by the way their field names are resolved; nearly always one part.
    pub parts: Vec<Part>,
    /// Where the event's own time is.
    pub time: Vec<(usize, TimePath)>,
    /// Where the host's name is.
    pub host: Vec<usize>,
    /// Where values of the attacker's side are.
    pub entities: Vec<(Vec<usize>, Entity)>,
    derived: Vec<Derived>,
}

/// Rules that resolve their fields alike.
#[derive(Debug)]
pub struct Part {
    /// Field number → slot, or [`NO_SLOT`].
    pub field_slots: Vec<u32>,
    /// Rule numbers; the others name rules by their place here.
    pub rules: Vec<u32>,
    /// Rules that no lookup finds.
    pub always: Vec<u32>,
    /// Slot → the rules whose witnesses are looked up in its values.
    pub indexes: Vec<(usize, Index)>,
    /// The rules whose witnesses are keywords.
    pub keywords: Option<Index>,
}

/// A slot that is filled from others: the first that is present, through a transform.
#[derive(Debug)]
struct Derived {
    slot: usize,
    from: Vec<usize>,
    transform: Option<Transform>,
}

/// Where a route's events come from.
pub enum Origin<'o> {
    /// As the mappings say.
    Mapped(&'o MappingSet, RouteId),
    /// As the event itself says; fields are native, the rest as the mappings say.
    Embedded(&'o MappingSet, RouteId, &'o Logsource),
}

impl RoutePlan {
    /// Compiles the plan of a route.
    pub fn new(compiled: &Compiled, origin: &Origin<'_>) -> Self {
        let (mappings, route, logsources) = match origin {
            Origin::Mapped(mappings, route) => {
                (mappings, *route, mappings.sources(*route).iter().map(|source| source.logsource.clone()).collect())
            }
            Origin::Embedded(mappings, route, logsource) => (mappings, *route, vec![(*logsource).clone()]),
        };
        let mut paths = Paths::default();
        let groups = group(compiled, origin, &logsources);
        let time = mappings.time(route).iter().map(|time| (paths.slot(&time.path), time.clone())).collect();
        let host = mappings.host(route).iter().map(|path| paths.slot(path)).collect();
        let entities = mappings.observables(route).iter();
        let entities = entities
            .map(|entity| (entity.paths.iter().map(|path| paths.slot(path)).collect(), entity.clone()))
            .collect();
        let resolved: Vec<Vec<ReadField>> = groups.iter().map(|group| paths.read_fields(group)).collect();
        let table = PathTable::new(paths.list.iter().map(Path::as_str));
        let mut derived = Vec::new();
        let parts =
            groups.iter().zip(resolved).map(|(group, fields)| part(compiled, group, fields, &table, &mut derived));
        let parts = parts.collect();
        let shape = mappings.shape_name(route).map(Arc::from);
        Self { parts, table, logsources, shape, time, host, entities, derived }
    }

    /// Reads one event's fields, derived ones included.
    pub fn extract<'e>(&self, slots: &mut Slots<'e>, event: &'e crate::event::Event<'_>) {
        slots.extract(event, &self.table);
        for derived in &self.derived {
            let slot = slots.add_slot();
            debug_assert_eq!(slot, derived.slot);
            let Some(from) = derived.from.iter().copied().find(|from| slots.present(*from)) else { continue };
            let Some(transform) = &derived.transform else {
                slots.alias(slot, from);
                continue;
            };
            let made: Vec<String> =
                slots.values(from).filter_map(|value| transform.apply(value.text()).map(Cow::into_owned)).collect();
            for text in made {
                slots.push(slot, Value::made(Cow::Owned(text)));
            }
        }
    }
}

/// A field, the slots it is read from, best first, and what is done to the value.
type ReadField = (u32, Vec<usize>, Option<Transform>);

#[derive(Default)]
struct Paths {
    list: Vec<Path>,
    slots: HashMap<Path, usize>,
}

impl Paths {
    fn slot(&mut self, path: &Path) -> usize {
        if let Some(slot) = self.slots.get(path) {
            return *slot;
        }
        let slot = self.list.len();
        self.list.push(path.clone());
        self.slots.insert(path.clone(), slot);
        slot
    }

    fn read_fields(&mut self, group: &Group) -> Vec<ReadField> {
        let mut fields: Vec<_> = group.fields.iter().collect();
        fields.sort_by_key(|(number, _)| **number);
        let mut read = Vec::with_capacity(fields.len());
        for (number, field) in fields {
            let from = field.paths.iter().map(|path| self.slot(path)).collect();
            read.push((*number, from, field.transform.clone()));
        }
        read
    }
}

/// Rules whose field names do not contradict each other.
#[derive(Default)]
struct Group {
    rules: Vec<u32>,
    fields: HashMap<u32, Field>,
}

fn group(compiled: &Compiled, origin: &Origin<'_>, logsources: &[Logsource]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<(usize, u32), Field> = HashMap::new();
    for (number, rule) in compiled.rules.iter().enumerate() {
        let Some(source) = logsources.iter().position(|source| rule.meta.logsource.satisfied_by(source)) else {
            continue;
        };
        for field in &rule.fields {
            known.entry((source, *field)).or_insert_with(|| resolve(compiled, origin, source, *field));
        }
        let agrees = |group: &Group| {
            rule.fields.iter().all(|field| group.fields.get(field).is_none_or(|held| *held == known[&(source, *field)]))
        };
        let place = groups.iter().position(agrees).unwrap_or_else(|| {
            groups.push(Group::default());
            groups.len() - 1
        });
        let group = &mut groups[place];
        group.rules.push(number as u32);
        for field in &rule.fields {
            group.fields.entry(*field).or_insert_with(|| known[&(source, *field)].clone());
        }
    }
    groups
}

fn resolve(compiled: &Compiled, origin: &Origin<'_>, source: usize, field: u32) -> Field {
    let name = &compiled.fields[field as usize];
    match origin {
        Origin::Mapped(mappings, route) => mappings.field(*route, source, name),
        Origin::Embedded(..) => Field { paths: vec![Path::new(name.as_str())], transform: None },
    }
}

fn part(
    compiled: &Compiled,
    group: &Group,
    fields: Vec<ReadField>,
    table: &PathTable,
    derived: &mut Vec<Derived>,
) -> Part {
    let mut field_slots = vec![NO_SLOT; compiled.fields.len()];
    for (field, from, transform) in fields {
        let slot = match (from.as_slice(), &transform) {
            ([single], None) => *single,
            _ => {
                let slot = table.slot_count() + derived.len();
                derived.push(Derived { slot, from, transform });
                slot
            }
        };
        field_slots[field as usize] = slot as u32;
    }
    let mut part =
        Part { field_slots, rules: group.rules.clone(), always: Vec::new(), indexes: Vec::new(), keywords: None };
    part.add_witnesses(compiled);
    part
}

impl Part {
    fn add_witnesses(&mut self, compiled: &Compiled) {
        for place in 0..self.rules.len() {
            let rule = &compiled.rules[self.rules[place] as usize];
            let Some(mut found) = witness(compiled, &rule.root) else {
                self.always.push(place as u32);
                continue;
            };
            found.tests.sort_unstable();
            found.tests.dedup();
            for test in found.tests {
                let predicate = &compiled.predicates[test as usize];
                self.index_of(predicate.field).add(&predicate.check, place as u32);
            }
        }
        self.indexes.iter_mut().for_each(|(_, index)| index.finish());
        self.keywords.iter_mut().for_each(Index::finish);
    }

    fn index_of(&mut self, field: u32) -> &mut Index {
        if field == KEYWORDS {
            return self.keywords.get_or_insert_default();
        }
        let slot = self.field_slots[field as usize] as usize;
        let place = self.indexes.iter().position(|(held, _)| *held == slot).unwrap_or_else(|| {
            self.indexes.push((slot, Index::default()));
            self.indexes.len() - 1
        });
        &mut self.indexes[place].1
    }
}
