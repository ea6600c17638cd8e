//! ATNA audit messages (IHE ITI-20, DICOM PS3.15 A.5, RFC 3881): the one log that hospitals truly share.
//! A file of its own because it flattens XML of two schema generations into the names that rules use.
//! No DTD, no entities beyond XML's own five, a depth limit: a document that asks for more is refused.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as XmlEvent};

use super::dicom_query;
use super::pairs::Pairs;

/// The deepest nesting of elements that is read; the standard needs five.
const DEPTH_MAX: usize = 16;
/// The most elements that are read of one message.
const ELEMENTS_MAX: usize = 4_096;

/// Why a message is no audit message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AtnaError {
    /// It declares a document type; none is ever needed and they are how entities explode.
    #[error("the audit message declares a DOCTYPE, which is refused")]
    DocumentType,
    /// Elements nest deeper than [`DEPTH_MAX`] or are more than [`ELEMENTS_MAX`].
    #[error("the audit message nests deeper than 16 or has more than 4,096 elements")]
    TooLarge,
    /// No `AuditMessage` with an event id was found.
    #[error("no AuditMessage with an EventIdentification was found")]
    NotAnAudit,
}

/// Whether a body holds an audit message.
pub fn is_message(body: &str) -> bool {
    body.contains("<AuditMessage") || body.contains(":AuditMessage")
}

/// Reads a message into flat pairs.
/// Shape: attributes under their own names (`EventActionCode`, `UserID`, `ParticipantObjectID`, …), codes as `EventID`,
/// `EventTypeCode`, `RoleIDCode` with `…Name` beside them; per role `SourceUserID`/`SourceAddress`,
/// `DestinationUserID`/…, `RequestorUserID`/… (the first participant where none says it asked); from the objects `PatientID`, `StudyInstanceUID`, `SOPClassUID`,
/// `NumberOfInstances` (summed), `StudyCount`, `PatientCount`, and the decoded query as `Query` with `QueryLevel` and
/// `QueryUniversal` (true where no key but wildcards restricts it).
/// Errors: what was read before stays in `pairs`; broken XML behind the event id is not an error (old senders write
/// invalid names), it only ends the reading.
pub fn read<'a>(body: &'a str, pairs: &mut Pairs<'a>) -> Result<(), AtnaError> {
    let start = body.find('<').unwrap_or(0);
    let mut reader = Reader::from_str(body.get(start..).unwrap_or(""));
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut message = Message::default();
    let mut depth = 0_usize;
    for _ in 0..ELEMENTS_MAX * 3 {
        match reader.read_event() {
            Ok(XmlEvent::Start(element)) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(AtnaError::TooLarge);
                }
                message.open(&element, pairs)?;
            }
            Ok(XmlEvent::Empty(element)) => {
                message.open(&element, pairs)?;
                message.close(local(element.local_name().into_inner()), pairs);
            }
            Ok(XmlEvent::End(element)) => {
                depth = depth.saturating_sub(1);
                message.close(local(element.local_name().into_inner()), pairs);
            }
            Ok(XmlEvent::Text(text)) => message.text.push_str(&text.xml10_content()),
            Ok(XmlEvent::DocType(_)) => return Err(AtnaError::DocumentType),
            Ok(XmlEvent::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    message.finish(pairs)
}

/// The element name without a stray colon that `local_name` may leave in broken names.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// What is remembered between elements.
#[derive(Debug, Default)]
struct Message {
    elements: usize,
    has_event: bool,
    text: String,
    participant: Participant,
    object: Object,
    instances: Option<u64>,
    first_participant: Option<(String, String)>,
    has_requestor: bool,
    patients: Vec<String>,
    studies: Vec<String>,
}

#[derive(Debug, Default)]
struct Participant {
    user: String,
    address: String,
    roles: Vec<String>,
    is_requestor: bool,
}

#[derive(Debug, Default)]
struct Object {
    id: String,
    role: String,
    kind: String,
}

impl Message {
    fn open(&mut self, element: &BytesStart<'_>, pairs: &mut Pairs<'_>) -> Result<(), AtnaError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(AtnaError::TooLarge);
        }
        self.text.clear();
        match local(element.local_name().into_inner()) {
            "EventIdentification" => {
                self.has_event = true;
                attributes(element, |name, value| pairs.push(name.to_owned(), value.into_owned()));
            }
            "EventID" => coded("EventID", element, pairs),
            "EventTypeCode" => coded("EventTypeCode", element, pairs),
            "ActiveParticipant" => self.open_participant(element, pairs),
            "RoleIDCode" => {
                coded("RoleIDCode", element, pairs);
                self.participant.roles.extend(code_of(element));
            }
            "AuditSourceIdentification" => attributes(element, |name, value| match name {
                "AuditSourceID" | "AuditEnterpriseSiteID" => pairs.push(name.to_owned(), value.into_owned()),
                "code" => pairs.push("AuditSourceTypeCode", value.into_owned()),
                _ => {}
            }),
            "AuditSourceTypeCode" => coded("AuditSourceTypeCode", element, pairs),
            "ParticipantObjectIdentification" => self.open_object(element, pairs),
            "ParticipantObjectIDTypeCode" => {
                self.object.kind = code_of(element).unwrap_or_default();
                coded("ParticipantObjectIDTypeCode", element, pairs);
            }
            "ParticipantObjectDetail" => detail(element, pairs),
            "SOPClass" => self.sop_class(element, pairs),
            _ => {}
        }
        Ok(())
    }

    fn open_participant(&mut self, element: &BytesStart<'_>, pairs: &mut Pairs<'_>) {
        self.participant = Participant::default();
        attributes(element, |name, value| {
            match name {
                "UserID" => self.participant.user = value.clone().into_owned(),
                "UserIsRequestor" => self.participant.is_requestor = value == "true",
                "NetworkAccessPointID" => {
                    let address = bare_address(&value).to_owned();
                    self.participant.address.clone_from(&address);
                    pairs.push(name.to_owned(), address);
                    return;
                }
                "AlternativeUserID" => titles(&value, pairs),
                _ => {}
            }
            pairs.push(name.to_owned(), value.into_owned());
        });
    }

    fn open_object(&mut self, element: &BytesStart<'_>, pairs: &mut Pairs<'_>) {
        self.object = Object::default();
        attributes(element, |name, value| {
            match name {
                "ParticipantObjectID" => self.object.id = value.clone().into_owned(),
                "ParticipantObjectTypeCodeRole" => self.object.role = value.clone().into_owned(),
                _ => {}
            }
            pairs.push(name.to_owned(), value.into_owned());
        });
    }

    fn sop_class(&mut self, element: &BytesStart<'_>, pairs: &mut Pairs<'_>) {
        attributes(element, |name, value| match name {
            "UID" => pairs.push("SOPClassUID", value.into_owned()),
            "NumberOfInstances" => {
                let count = value.trim().parse::<u64>().unwrap_or(0);
                self.instances = Some(self.instances.unwrap_or(0).saturating_add(count));
            }
            _ => {}
        });
    }

    fn close(&mut self, name: &str, pairs: &mut Pairs<'_>) {
        match name {
            "EventOutcomeDescription" => self.push_text("EventOutcomeDescription", pairs),
            "ParticipantObjectName" => self.push_text("ParticipantObjectName", pairs),
            "ParticipantObjectQuery" => {
                let text = std::mem::take(&mut self.text);
                dicom_query::push(text.trim(), pairs);
            }
            "ActiveParticipant" => self.close_participant(pairs),
            "ParticipantObjectIdentification" => self.close_object(pairs),
            _ => {}
        }
    }

    fn push_text(&mut self, name: &'static str, pairs: &mut Pairs<'_>) {
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            pairs.push(name, text.trim().to_owned());
        }
    }

    /// DICOM PS3.16 CID 402: 110153 source, 110152 destination.
    fn close_participant(&mut self, pairs: &mut Pairs<'_>) {
        let participant = std::mem::take(&mut self.participant);
        self.has_requestor |= participant.is_requestor;
        if self.first_participant.is_none() {
            self.first_participant = Some((participant.user.clone(), participant.address.clone()));
        }
        let mut as_role = |user: &'static str, address: &'static str| {
            pairs.push(user, participant.user.clone());
            if !participant.address.is_empty() {
                pairs.push(address, participant.address.clone());
            }
        };
        if participant.roles.iter().any(|role| role == "110153") {
            as_role("SourceUserID", "SourceAddress");
        }
        if participant.roles.iter().any(|role| role == "110152") {
            as_role("DestinationUserID", "DestinationAddress");
        }
        if participant.is_requestor {
            as_role("RequestorUserID", "RequestorAddress");
        }
    }

    /// RFC 3881 §5.5: role 1 is a patient; id types 2 (patient number) and 110180 (study instance UID).
    fn close_object(&mut self, pairs: &mut Pairs<'_>) {
        let object = std::mem::take(&mut self.object);
        if object.id.is_empty() {
            return;
        }
        if object.kind == "110180" {
            pairs.push("StudyInstanceUID", object.id.clone());
            note(&mut self.studies, object.id);
        } else if object.role == "1" || object.kind == "2" {
            pairs.push("PatientID", object.id.clone());
            note(&mut self.patients, object.id);
        }
    }

    fn finish(self, pairs: &mut Pairs<'_>) -> Result<(), AtnaError> {
        if !self.has_event {
            return Err(AtnaError::NotAnAudit);
        }
        if let Some((user, address)) = self.first_participant.filter(|_| !self.has_requestor) {
            pairs.push("RequestorUserID", user);
            pairs.push("RequestorAddress", address);
        }
        if let Some(instances) = self.instances {
            pairs.push("NumberOfInstances", instances.to_string());
        }
        for (name, distinct) in [("StudyCount", &self.studies), ("PatientCount", &self.patients)] {
            if !distinct.is_empty() {
                pairs.push(name, distinct.len().to_string());
            }
        }
        Ok(())
    }
}

fn note(distinct: &mut Vec<String>, value: String) {
    if !distinct.contains(&value) {
        distinct.push(value);
    }
}

/// Calls with every attribute, XML's own escapes undone; unknown entities stay as written.
fn attributes<'e>(element: &'e BytesStart<'_>, mut each: impl FnMut(&'e str, Cow<'e, str>)) {
    for attribute in element.attributes().with_checks(false).flatten() {
        let name = local(attribute.key.into_inner());
        if name.starts_with("xmlns") || name == "schemaLocation" {
            continue;
        }
        let value = match quick_xml::escape::unescape(&attribute.value) {
            Ok(value) => Cow::Owned(value.into_owned()),
            Err(_) => attribute.value,
        };
        each(name, value);
    }
}

/// The code under either schema's attribute: `csd-code` (DICOM today) or `code` (RFC 3881, IHE).
fn code_of(element: &BytesStart<'_>) -> Option<String> {
    let mut code = None;
    attributes(element, |name, value| {
        if matches!(name, "csd-code" | "code") {
            code = Some(value.into_owned());
        }
    });
    code
}

/// Pushes `<name>` (the code), `<name>Name` (its text) and, for events, `<name>System`.
fn coded(name: &'static str, element: &BytesStart<'_>, pairs: &mut Pairs<'_>) {
    attributes(element, |attribute, value| match attribute {
        "csd-code" | "code" => pairs.push(name, value.into_owned()),
        "originalText" | "displayName" => pairs.push(format!("{name}Name"), value.into_owned()),
        "codeSystemName" if name.starts_with("Event") => pairs.push(format!("{name}System"), value.into_owned()),
        _ => {}
    });
}

/// `AETITLE=AEFOO` or `AETITLES=AE1;AE2` (DICOM PS3.15 A.5.2.3): each title as `AETitle`.
fn titles(value: &str, pairs: &mut Pairs<'_>) {
    let Some((_, titles)) = value.split_once('=').filter(|(name, _)| name.starts_with("AETITLE")) else { return };
    for title in titles.split([';', ',']).filter(|title| !title.is_empty()) {
        pairs.push("AETitle", title.trim().to_owned());
    }
}

/// Java's `/127.0.0.1:54404` or `host/10.0.0.1` without slash and port; anything else as it is.
fn bare_address(value: &str) -> &str {
    let address = value.rsplit_once('/').map_or(value, |(_, address)| address);
    match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => address,
    }
}

/// The kind, and the value in clear (it is base64 in the message).
fn detail(element: &BytesStart<'_>, pairs: &mut Pairs<'_>) {
    let (mut kind, mut text) = (String::new(), String::new());
    attributes(element, |name, value| match name {
        "type" => kind = value.into_owned(),
        "value" => text = dicom_query::text_of(&value).unwrap_or_else(|| value.into_owned()),
        _ => {}
    });
    if !kind.is_empty() {
        pairs.push(format!("ParticipantObjectDetail.{kind}"), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Pairs<'_> {
        let mut pairs = Pairs::new();
        read(body, &mut pairs).unwrap();
        pairs
    }

    const TRANSFERRED: &str = r#"<?xml version="1.0" encoding="UTF-8"?><AuditMessage>
      <EventIdentification EventActionCode="R" EventDateTime="2026-11-24T08:16:55.672" EventOutcomeIndicator="0">
        <EventID csd-code="110104" originalText="DICOM Instances Transferred" codeSystemName="DCM"/>
        <EventTypeCode csd-code="ITI-43" originalText="x" codeSystemName="IHE"/></EventIdentification>
      <ActiveParticipant UserID="DCM4CHEE" AlternativeUserID="AETITLE=DCM4CHEE;DCM2" UserIsRequestor="false" NetworkAccessPointID="pacs" NetworkAccessPointTypeCode="1">
        <RoleIDCode csd-code="110153" originalText="Source" codeSystemName="DCM"/></ActiveParticipant>
      <ActiveParticipant UserID="EVIL" UserIsRequestor="true" NetworkAccessPointID="/10.0.0.66:54404" NetworkAccessPointTypeCode="2">
        <RoleIDCode csd-code="110152" originalText="Destination" codeSystemName="DCM"/></ActiveParticipant>
      <AuditSourceIdentification AuditSourceID="dcm4chee"/>
      <ParticipantObjectIdentification ParticipantObjectID="1.2.3" ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="3">
        <ParticipantObjectIDTypeCode csd-code="110180" originalText="Study Instance UID" codeSystemName="DCM"/>
        <ParticipantObjectDescription><SOPClass UID="1.2.840.10008.5.1.4.1.1.2" NumberOfInstances="180"/><SOPClass UID="1.2" NumberOfInstances="20"/></ParticipantObjectDescription>
      </ParticipantObjectIdentification>
      <ParticipantObjectIdentification ParticipantObjectID="P1^^^K&amp;1" ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="1">
        <ParticipantObjectIDTypeCode csd-code="2" originalText="Patient Number" codeSystemName="RFC-3881"/><ParticipantObjectName>Doe^Jane</ParticipantObjectName>
      </ParticipantObjectIdentification></AuditMessage>"#;

    #[test]
    fn the_dicom_schema() {
        let pairs = found(TRANSFERRED);
        let check = |name: &str, value: &str| assert_eq!(pairs.get(name), Some(value), "{name}");
        check("EventID", "110104");
        check("EventIDName", "DICOM Instances Transferred");
        check("EventTypeCode", "ITI-43");
        check("SourceUserID", "DCM4CHEE");
        check("DestinationUserID", "EVIL");
        check("DestinationAddress", "10.0.0.66");
        check("RequestorUserID", "EVIL");
        check("StudyInstanceUID", "1.2.3");
        check("NumberOfInstances", "200");
        check("StudyCount", "1");
        check("PatientID", "P1^^^K&1");
        check("ParticipantObjectName", "Doe^Jane");
        assert_eq!(pairs.all("AETitle").collect::<Vec<_>>(), ["DCM4CHEE", "DCM2"]);
    }

    #[test]
    fn the_older_schema_and_odd_senders() {
        let pairs = found(
            r#"<AuditMessage><EventIdentification EventActionCode="E" EventOutcomeIndicator=""><EventID code="110114" displayName="UserAuthenticated" codeSystemName="DCM"/></EventIdentification><AuditSourceIdentification AuditSourceID="openhim" code="1"/><Accession Number="1"/><ParticipantObjectIdentification ParticipantObjectID="x""#,
        );
        assert_eq!(pairs.get("EventID"), Some("110114"));
        assert_eq!(pairs.get("EventIDName"), Some("UserAuthenticated"));
        assert_eq!(pairs.get("EventOutcomeIndicator"), Some(""));
        assert_eq!(pairs.get("AuditSourceTypeCode"), Some("1"));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let check = |body: &str, error| assert_eq!(read(body, &mut Pairs::new()), Err(error), "{body:.60}");
        check("<!DOCTYPE x [<!ENTITY a \"b\">]><AuditMessage/>", AtnaError::DocumentType);
        check(&format!("<AuditMessage>{}", "<a>".repeat(40)), AtnaError::TooLarge);
        check(&"<a/>".repeat(ELEMENTS_MAX + 1), AtnaError::TooLarge);
        check("<AuditMessage/>", AtnaError::NotAnAudit);
        check("", AtnaError::NotAnAudit);
    }
}
