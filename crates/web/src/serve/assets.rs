//! The stylesheet, the script, and the icon that carries the count.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::fault::Fault;
use crate::frame::{CSS_PATH, SCRIPT_PATH};

const CSS: &str = include_str!(concat!(env!("OUT_DIR"), "/lazaret.css"));
const SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/lazaret.js"));
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A static file by its fingerprinted name.
pub(super) async fn file(Path(file): Path<String>) -> Response {
    let path = format!("/static/{file}");
    let (kind, text) = match path.as_str() {
        CSS_PATH => ("text/css; charset=utf-8", CSS.to_owned()),
        SCRIPT_PATH => ("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        _ => match file.strip_prefix("icon-").and_then(|rest| rest.strip_suffix(".svg")).map(str::parse::<u64>) {
            Some(Ok(count)) => ("image/svg+xml", icon(count)),
            _ => return Fault::NotFound.into_response(),
        },
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, FOR_EVER)], text).into_response()
}

/// The icon for browsers that ask by habit.
pub(super) async fn icon_plain() -> Response {
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, FOR_EVER)], icon(0)).into_response()
}

/// The yellow flag of quarantine; with a number where something needs somebody.
fn icon(count: u64) -> String {
    let number = match count {
        0 => String::new(),
        1..=9 => count.to_string(),
        _ => "9+".to_owned(),
    };
    let badge = if number.is_empty() {
        String::new()
    } else {
        format!(
            "<circle cx=\"21\" cy=\"21\" r=\"11\" fill=\"#c4122e\"/><text x=\"21\" y=\"26\" font-family=\"sans-serif\" font-weight=\"700\" font-size=\"14\" text-anchor=\"middle\" fill=\"#fff\">{number}</text>"
        )
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><path d=\"M3 1h3v30H3z\" fill=\"#0b1f33\"/><path d=\"M7 3h22v15H7z\" fill=\"#ffbf47\" stroke=\"#0b1f33\" stroke-width=\"2\"/>{badge}</svg>"
    )
}
