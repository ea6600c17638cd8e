//! Answers in the shape that the sender expects: ours for `/ingest`,
//! Elasticsearch's for everything else. A file of its own so that the code that
//! decides does not speak JSON.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use app::intake::Refused;

use super::Problem;
use super::body::BodyProblem;
use super::bulk::{Bulk, Item};
use super::ndjson::Ingest;
use super::setup::compatible_with;

/// Elasticsearch's clients refuse to go on without this header.
const PRODUCT: (&str, &str) = ("x-elastic-product", "Elasticsearch");

fn json_answer(status: StatusCode, value: &Value, headers: &HeaderMap) -> Response {
    let wants_vendor = headers
        .get(ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.contains("application/vnd.elasticsearch+json"));
    let kind = match compatible_with(headers).filter(|_| wants_vendor) {
        Some(version) => format!("application/vnd.elasticsearch+json;compatible-with={version}"),
        None => "application/json".to_owned(),
    };
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_str(&kind).unwrap_or(HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(PRODUCT.0, HeaderValue::from_static(PRODUCT.1));
    response
}

/// What was stored of an `/ingest`, and which lines were not.
pub(super) fn ingested(read: &Ingest, stored: u64) -> Response {
    let is_all_bad = read.events.is_empty() && read.bad_lines > 0;
    let status = if is_all_bad { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let errors: Vec<Value> =
        read.described.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect();
    let value = json!({ "stored": stored, "refused": read.bad_lines, "errors": errors });
    json_answer(status, &value, &HeaderMap::new())
}

/// The mirror of a `_bulk`.
pub(super) fn bulk(read: &Bulk, took: Duration, headers: &HeaderMap) -> Response {
    let items: Vec<Value> = read.items.iter().enumerate().map(|(number, item)| bulk_item(number, item)).collect();
    let has_errors = read.items.iter().any(|i| i.refused.is_some());
    let value = json!({ "took": took.as_millis() as u64, "errors": has_errors, "items": items });
    json_answer(StatusCode::OK, &value, headers)
}

fn bulk_item(number: usize, item: &Item) -> Value {
    let outcome = match &item.refused {
        None => json!({
            "_index": item.index,
            "_id": item.id,
            "_version": 1,
            "result": "created",
            "_shards": { "total": 1, "successful": 1, "failed": 0 },
            "_seq_no": number,
            "_primary_term": 1,
            "status": 201,
        }),
        Some(reason) => json!({
            "_index": item.index,
            "_id": item.id,
            "status": 400,
            "error": { "type": "document_parsing_exception", "reason": reason },
        }),
    };
    let mut outer = serde_json::Map::new();
    outer.insert(item.operation.as_str().to_owned(), outcome);
    Value::Object(outer)
}

/// The answer to a set-up call, or to a path that nobody knows.
pub(super) fn setup(setup: Option<(StatusCode, Value)>, uri: &Uri, headers: &HeaderMap) -> Response {
    if let Some((status, value)) = setup {
        return json_answer(status, &value, headers);
    }
    let reason = format!("{} is not answered here; events go to /ingest or /_bulk", uri.path());
    if uri.path() == "/ingest" || uri.path().ends_with("/_bulk") {
        let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &reason, headers);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    error(StatusCode::NOT_FOUND, "resource_not_found_exception", &reason, headers)
}

/// Why a request came to nothing.
pub(super) fn problem(problem: &Problem, headers: &HeaderMap) -> Response {
    match problem {
        Problem::Unauthorised => {
            let text = "a token of this hospital is needed: Authorization: Bearer TOKEN (also ApiKey, or Basic with the token as password)";
            let mut response = error(StatusCode::UNAUTHORIZED, "security_exception", text, headers);
            let scheme = HeaderValue::from_static("Bearer realm=\"lazaret\", Basic realm=\"lazaret\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            response
        }
        Problem::Quota(wait) => {
            let text = "more events than this source may send; try again later";
            let mut response = error(StatusCode::TOO_MANY_REQUESTS, "es_rejected_execution_exception", text, headers);
            let seconds = wait.as_secs() + 1;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Problem::Body(problem) => body_problem(problem, headers),
        Problem::Shape(text) => error(StatusCode::BAD_REQUEST, "illegal_argument_exception", text, headers),
        Problem::Log(refused) => {
            let (status, kind) = match refused {
                Refused::Full { .. } => (StatusCode::INSUFFICIENT_STORAGE, "log_full"),
                Refused::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
                Refused::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "log_failed"),
            };
            error(status, kind, &refused.to_string(), headers)
        }
    }
}

fn body_problem(problem: &BodyProblem, headers: &HeaderMap) -> Response {
    let (status, kind, text) = match problem {
        BodyProblem::TooLarge { bytes_max } => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body, as sent or unpacked, has more than {bytes_max} bytes; send less at a time"),
        ),
        BodyProblem::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not come in time".to_owned()),
        BodyProblem::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many bodies are being read at this moment; try again".to_owned(),
        ),
        BodyProblem::Encoding(name) => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_encoding",
            format!("Content-Encoding {name} is not unpacked here; send gzip, deflate or none"),
        ),
        BodyProblem::Broken => {
            (StatusCode::BAD_REQUEST, "broken_body", "the body is not packed as its Content-Encoding says".to_owned())
        }
    };
    error(status, kind, &text, headers)
}

fn error(status: StatusCode, kind: &str, reason: &str, headers: &HeaderMap) -> Response {
    let cause = json!({ "type": kind, "reason": reason });
    let value = json!({
        "error": { "root_cause": [cause], "type": kind, "reason": reason },
        "status": status.as_u16(),
    });
    json_answer(status, &value, headers)
}
