//! The admin address: metrics for Prometheus, and whether the node lives and is ready. No login, so nothing about
//! events, people or records; it listens on loopback unless the operator decides otherwise.

use std::sync::Arc;

use app::App;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

/// The admin pages of one node.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(|| async { "alive\n" }))
        .route("/health/ready", get(ready))
        .with_state(app)
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics().prometheus())
}

/// Ready means: the store answers. A hub that is away does not make a hospital unready.
async fn ready(State(app): State<Arc<App>>) -> impl IntoResponse {
    match app.down_cursor().await {
        Ok(_) => (StatusCode::OK, "ready\n".to_owned()),
        Err(problem) => {
            tracing::warn!(%problem, "not ready: the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n".to_owned())
        }
    }
}
