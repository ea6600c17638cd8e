//! Veeam Backup & Replication events over syslog: everything is in (broken) structured data.
//! A file of its own because a rule wants `instanceId` and who did it, not quoting accidents.

use super::cursor::between;
use super::pairs::Pairs;
use super::structured_data;
use super::syslog::Header;

/// Whether the message is Veeam's: its APP-NAME, or a data element with category and instance.
pub fn is_event(header: &Header<'_>, pairs: &Pairs<'_>) -> bool {
    header.program == Some("Veeam_MP") || pairs.get("instanceId").is_some() || element(header.body).is_some()
}

/// The element where it stands in the body instead of in its place.
fn element(body: &str) -> Option<&str> {
    let at = body.find("[categoryId=")?;
    body.get(at..).filter(|text| text.contains("instanceId="))
}

/// Reads the element if the header's reader could not, and adds who did it.
/// Shape: Veeam's own parameter names; `User` from `UserName`, `UserFullInfo` or `InitiatorFullInfo`; `message` from `Description` where the
/// message itself is empty.
pub fn read<'a>(header: &Header<'a>, pairs: &mut Pairs<'a>) {
    if pairs.get("instanceId").is_none()
        && let Some(text) = element(header.body)
    {
        structured_data::read(text, pairs);
    }
    let user = pairs.get("UserName").map(str::to_owned);
    let info = pairs.get("UserFullInfo").or_else(|| pairs.get("InitiatorFullInfo"));
    let full = info.and_then(|xml| between(xml, "fullName=\"", "\"")).map(str::to_owned);
    if let Some(user) = user.or(full) {
        pairs.push("User", user);
    }
    let description = pairs.get("Description").map(str::to_owned);
    match description {
        Some(text) if header.body.trim().is_empty() || element(header.body).is_some() => pairs.push("message", text),
        _ => pairs.push("message", header.body),
    }
}

#[cfg(test)]
mod tests {
    use super::super::syslog;
    use super::*;

    fn check(line: &str, expected: &[(&str, &str)]) {
        let mut pairs = Pairs::new();
        let header = syslog::read(line, &mut pairs).unwrap();
        assert!(is_event(&header, &pairs), "{line}");
        read(&header, &mut pairs);
        for (name, value) in expected {
            assert_eq!(pairs.get(name), Some(*value), "{name} in {line}");
        }
    }

    #[test]
    fn every_order_the_vendor_shows() {
        check(
            r#"<14>1 2025-11-20T10:20:38.744158-07:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=23090 JobID="a-1" JobName="Night" UserFullInfo="<ModifiedUserInfo fullName="TECH\user1" loginType="0" />" VbrVersion="13.0.1.180" Version="1" Description="Job Night has been deleted."]"#,
            &[
                ("instanceId", "23090"),
                ("JobName", "Night"),
                ("User", "TECH\\user1"),
                ("message", "Job Night has been deleted."),
            ],
        );
        check(
            r#"2023-11-03T13:30:25.182677+01:00 <14> VBRSRV01 Veeam_MP  [categoryId=0 instanceId=110 JobID="cd" Description="Backup job 'B 2' has been started."]"#,
            &[("instanceId", "110"), ("message", "Backup job 'B 2' has been started.")],
        );
        check(
            "<14>1 2025-11-20T10:20:38Z VBRSRV01 Veeam_MP - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=42401 UserName=\"TECH\\eve\"] Four-eyes off",
            &[("instanceId", "42401"), ("User", "TECH\\eve"), ("message", "Four-eyes off")],
        );
    }
}
