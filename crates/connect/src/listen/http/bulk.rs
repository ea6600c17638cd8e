//! The body of `_bulk`: an action line, then (but for `delete`) the document on
//! the next. Documents of `create` and `index` become events; the answer mirrors
//! every action in its order, or senders believe that nothing arrived.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use super::HasEvents;
use super::ndjson::object;

/// What a sender wants done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Index,
    Update,
    Delete,
}

impl Operation {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Index => "index",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }
}

/// One action and what came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub operation: Operation,
    pub index: String,
    pub id: Option<String>,
    /// The reason it was not taken.
    pub refused: Option<String>,
}

/// What a body held.
#[derive(Debug, Default)]
pub(super) struct Bulk {
    pub items: Vec<Item>,
    pub events: Vec<Bytes>,
}

impl HasEvents for Bulk {
    fn events(&self) -> &[Bytes] {
        &self.events
    }

    fn bad_lines(&self) -> usize {
        self.items.iter().filter(|i| i.refused.is_some()).count()
    }
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "_index")]
    index: Option<String>,
    #[serde(rename = "_id")]
    id: Option<serde_json::Value>,
}

/// Reads the pairs of lines. A document that is no JSON object refuses its own
/// item; an action that cannot be read refuses the whole body, because nobody
/// knows which lines belong together then (as Elasticsearch does).
pub(super) fn read(body: &Bytes, default_index: Option<&str>, event_bytes_max: usize) -> Result<Bulk, String> {
    let mut bulk = Bulk::default();
    let mut lines = (1_usize..).zip(body.split(|b| *b == b'\n'));
    while let Some((number, line)) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (operation, meta) =
            action(line).map_err(|why| format!("Malformed action/metadata line [{number}], {why}"))?;
        let mut item = Item {
            operation,
            index: meta.index.or(default_index.map(str::to_owned)).unwrap_or_else(|| "events".to_owned()),
            id: meta.id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)),
            refused: None,
        };
        if operation != Operation::Delete {
            let Some((_, document)) = lines.next() else {
                return Err(format!("the document after line [{number}] is missing"));
            };
            let document = document.trim_ascii_end();
            item.refused = why_refused(operation, document, event_bytes_max);
            if item.refused.is_none() {
                bulk.events.push(body.slice_ref(document));
            }
        } else {
            item.refused = Some("an event log deletes nothing on request".to_owned());
        }
        bulk.items.push(item);
    }
    Ok(bulk)
}

fn why_refused(operation: Operation, document: &[u8], event_bytes_max: usize) -> Option<String> {
    if operation == Operation::Update {
        return Some("an event log changes nothing on request".to_owned());
    }
    if document.len() > event_bytes_max {
        return Some(format!("{} bytes; an event has at most {event_bytes_max}", document.len()));
    }
    object(document).err()
}

fn action(line: &[u8]) -> Result<(Operation, Meta), String> {
    let actions: BTreeMap<String, Meta> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let mut actions = actions.into_iter();
    let (Some((name, meta)), None) = (actions.next(), actions.next()) else {
        return Err("expected one action".to_owned());
    };
    let operation = match name.as_str() {
        "create" => Operation::Create,
        "index" => Operation::Index,
        "update" => Operation::Update,
        "delete" => Operation::Delete,
        _ => return Err("expected field [create], [delete], [index] or [update]".to_owned()),
    };
    Ok((operation, meta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_mirrored_and_documents_become_events() {
        let body = Bytes::from_static(
            b"{\"create\":{\"_index\":\"a\",\"_id\":\"7\"}}\n{\"n\":1}\n{\"index\":{}}\n{\"n\":2} \n\
              {\"delete\":{\"_index\":\"a\",\"_id\":9}}\n{\"update\":{\"_index\":\"a\"}}\n{\"doc\":{}}\n\
              {\"create\":{\"dynamic_templates\":{}}}\nnot json\n\n",
        );
        let bulk = read(&body, Some("b"), 1000).expect("a body");
        assert_eq!(bulk.events, [&b"{\"n\":1}"[..], b"{\"n\":2}"]);
        let seen: Vec<_> = bulk
            .items
            .iter()
            .map(|i| (i.operation.as_str(), i.index.as_str(), i.id.as_deref(), i.refused.is_none()))
            .collect();
        assert_eq!(
            seen,
            [
                ("create", "a", Some("7"), true),
                ("index", "b", None, true),
                ("delete", "a", Some("9"), false),
                ("update", "a", None, false),
                ("create", "b", None, false),
            ]
        );
    }

    #[test]
    fn what_cannot_be_paired_refuses_the_body_and_says_where() {
        let check = |body: &'static [u8], expected: &str| {
            let why = read(&Bytes::from_static(body), None, 1000).expect_err("refused");
            assert!(why.contains(expected), "{why}");
        };
        check(b"{\"create\":{}}\n{}\n{\"n\":1}\n", "[3]");
        check(b"garbage\n", "[1]");
        check(b"{\"create\":{},\"index\":{}}\n{}\n", "one action");
        check(b"{\"create\":{}}", "missing");
    }
}
