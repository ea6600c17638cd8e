//! The calls that Beats, the Elastic Agent and the Elasticsearch clients make
//! before their first event: which version are you, which licence, is this
//! template there, then take it. We say what they need to hear to start; set-up
//! that would change something here is acknowledged and has no effect.

use axum::http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

/// The version told to who does not say its own.
const DEFAULT_VERSION: &str = "9.1.0";
/// Things that senders ask for and then put.
const SET_UP: [&str; 8] =
    ["_ilm", "_index_template", "_component_template", "_template", "_data_stream", "_ingest", "_alias", "_security"];

/// The answer to a set-up call; `None` when it is none.
pub(super) fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Option<(StatusCode, Value)> {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let is_read = *method == Method::GET || *method == Method::HEAD;
    match first {
        "" if is_read => Some((StatusCode::OK, root(headers))),
        "_license" if is_read => Some((StatusCode::OK, licence())),
        "_xpack" if is_read => Some((StatusCode::OK, json!({ "license": licence()["license"], "features": {} }))),
        "_cluster" if is_read => Some((StatusCode::OK, json!({ "cluster_name": "lazaret", "status": "green" }))),
        name if SET_UP.contains(&name) && is_read => Some((StatusCode::NOT_FOUND, missing(path))),
        name if SET_UP.contains(&name) => Some((StatusCode::OK, json!({ "acknowledged": true }))),
        // An index or an alias by name.
        name if !name.starts_with('_') && !name.is_empty() && name != "ingest" && is_read => {
            Some((StatusCode::NOT_FOUND, missing(path)))
        }
        name if !name.starts_with('_') && !name.is_empty() && *method == Method::PUT => {
            Some((StatusCode::OK, json!({ "acknowledged": true, "shards_acknowledged": true, "index": name })))
        }
        _ => None,
    }
}

fn missing(path: &str) -> Value {
    json!({ "error": { "type": "resource_not_found_exception", "reason": format!("{path} is not kept here") }, "status": 404 })
}

fn licence() -> Value {
    json!({ "license": {
        "status": "active",
        "uid": "00000000-0000-4000-8000-000000000000",
        "type": "basic",
        "mode": "basic",
        "issue_date": "2020-01-01T00:00:00.000Z",
        "issue_date_in_millis": 1_577_836_800_000_i64,
        "issued_to": "lazaret",
        "issuer": "lazaret",
    } })
}

fn root(headers: &HeaderMap) -> Value {
    json!({
        "name": "lazaret",
        "cluster_name": "lazaret",
        "cluster_uuid": "bGF6YXJldC1ldmVudC1sb2c",
        "version": {
            "number": version(headers),
            "build_flavor": "default",
            "build_type": "deb",
            "lucene_version": "10.2.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    })
}

/// The sender's own version where it says one: Beats refuse a server older than
/// themselves.
fn version(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let agent = text(USER_AGENT);
    let is_elastic = agent.to_ascii_lowercase().contains("beat") || agent.to_ascii_lowercase().contains("elastic");
    let stated = agent
        .split_once('/')
        .map(|(_, rest)| rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect::<String>())
        .filter(|v| is_elastic && v.split('.').filter(|part| !part.is_empty()).count() == 3 && v.len() <= 12);
    match (stated, compatible_with(headers)) {
        (Some(stated), _) => stated,
        (None, Some(8)) => "8.19.0".to_owned(),
        (None, Some(7)) => "7.17.29".to_owned(),
        _ => DEFAULT_VERSION.to_owned(),
    }
}

/// The version in `application/vnd.elasticsearch+json; compatible-with=N`.
pub(super) fn compatible_with(headers: &HeaderMap) -> Option<u8> {
    [ACCEPT, CONTENT_TYPE].into_iter().find_map(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        let (_, version) = value.split_once("compatible-with=")?;
        version.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_version(name: axum::http::HeaderName, value: &str) -> String {
        let headers = HeaderMap::from_iter([(name, value.parse().expect("a header"))]);
        let (_, root) = answer(&Method::GET, "/", &headers).expect("an answer");
        root["version"]["number"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_sender_hears_a_version_it_accepts() {
        assert_eq!(told_version(USER_AGENT, "Elastic-Winlogbeat/8.17.3 (windows; amd64; x)"), "8.17.3");
        assert_eq!(told_version(USER_AGENT, "elasticsearch-py/9.5.1 (Python/3.11.7)"), "9.5.1");
        assert_eq!(told_version(USER_AGENT, "curl/8.4.0"), DEFAULT_VERSION);
        assert_eq!(told_version(ACCEPT, "application/vnd.elasticsearch+json; compatible-with=8"), "8.19.0");
    }

    #[test]
    fn set_up_is_missing_first_and_acknowledged_then() {
        let status = |method: Method, path: &str| answer(&method, path, &HeaderMap::new()).map(|(s, _)| s.as_u16());
        for path in ["/_ilm/policy/winlogbeat", "/_index_template/winlogbeat-9", "/_data_stream/winlogbeat-9"] {
            assert_eq!(status(Method::HEAD, path), Some(404), "{path}");
            assert_eq!(status(Method::PUT, path), Some(200), "{path}");
        }
        assert_eq!(status(Method::GET, "/_license"), Some(200));
        assert_eq!(status(Method::HEAD, "/winlogbeat-9"), Some(404));
        assert_eq!(status(Method::GET, "/_search"), None);
        assert_eq!(status(Method::POST, "/fhir/AuditEvent"), None);
    }
}
