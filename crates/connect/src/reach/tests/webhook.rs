//! Webhooks and gateways against a real HTTP server: what arrives, and that a refusal hands over to the next channel.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::reach::{AttemptState, Channel};

use super::{Desk, sent};
use crate::reach::{Channels, SmsGateway, SmsGatewayConfig, Webhook};

type Seen = Arc<Mutex<Vec<(String, String)>>>;

async fn server(seen: Seen) -> String {
    let heard = |State(seen): State<Seen>, headers: HeaderMap, body: String| async move {
        let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        seen.lock().unwrap().push((key.to_owned(), body));
    };
    let router = Router::new()
        .route("/hook", post(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/sms", post(heard))
        .with_state(seen);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_webhook_hands_over_to_the_gateway_and_the_reply_acknowledges() {
    let seen = Seen::default();
    let base = server(Arc::clone(&seen)).await;
    let routes = [(Channel::Webhook, format!("{base}/hook?key=s3cret")), (Channel::Sms, "+40721000111".to_owned())];
    let routes: Vec<(Channel, &str)> = routes.iter().map(|(channel, to)| (*channel, to.as_str())).collect();
    let mut desk = Desk::open(&routes).await;
    let gateway = SmsGateway::new(SmsGatewayConfig {
        url: format!("{base}/sms"),
        body: Some("to={to}&text={text}".to_owned()),
        content_type: "application/x-www-form-urlencoded".to_owned(),
        authorization: Some("Bearer {secret}".to_owned()),
        secret: Some("gateway-key".to_owned()),
        authority_pem: None,
    });
    desk.call_with(Channels {
        webhook: Some(Arc::new(Webhook::new(None).unwrap())),
        sms: Some(Arc::new(gateway.unwrap())),
        ..Channels::default()
    });
    let notice = desk.raise("backup-failed").await;
    let calls = desk.until_calls(notice, "the gateway took it", |calls| sent(calls) == 1).await;
    assert_eq!(calls[0].state, AttemptState::Failed);
    assert!(calls[0].reason.contains("503") && !calls[0].reason.contains("s3cret"), "{}", calls[0].reason);
    let heard = seen.lock().unwrap().clone();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].0, "Bearer gateway-key");
    let (to, text) = heard[0].1.split_once('&').unwrap();
    assert_eq!(to, "to=%2B40721000111");
    let code = text.rsplit("%20").next().unwrap();
    let reply = |from: &str, text: &str| {
        let (app, from, text) = (Arc::clone(&desk.app), from.to_owned(), text.to_owned());
        async move { app.acknowledge_by_reply(&from, &text).await.unwrap() }
    };
    assert_eq!(reply("+40799999999", code).await, None, "another number's reply does not count");
    assert_eq!(reply("+40721000111", "what?").await, None);
    assert_eq!(reply("0721000111", &format!("OK {code}")).await, Some(app::Told::First));
    let told = reply("+40721000111", code).await;
    assert!(matches!(told, Some(app::Told::Already { by, .. }) if by == "ana"));
    desk.stop().await;
}
