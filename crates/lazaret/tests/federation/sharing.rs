//! The reason for all of it: what two hospitals see, everybody hears, across the border.

use domain::telemetry::Verdict;

use crate::fixture::Federation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hospitals_in_two_countries_are_both_warned_through_the_union() {
    let federation = Federation::start(|_, _| ()).await;
    federation.helper_asks("ro-1", "PC1.ro-1.example", "calls-home.example").await;
    federation.helper_asks("fr-1", "PC7.fr-1.example", "calls-home.example").await;
    for hospital in ["ro-1", "fr-1"] {
        let card = federation.card(hospital, "a card", |_| true).await;
        assert_eq!(card.verdict, Verdict::Hit, "{hospital} finds it in its own kept events");
        let content = card.content.unwrap();
        assert!(content.indicators.iter().any(|one| one.value == "calls-home.example"), "{content:?}");
        assert_eq!(card.issuer, federation.node("union").id(), "only the union saw both countries");
    }
    let third = federation.card("ro-2", "a card", |_| true).await;
    assert_eq!(third.verdict, Verdict::CannotTell, "nobody said which suppliers ro-2 uses");
    // the warning is in the running engine: the third hospital's own event fires it
    federation.browser_asks("ro-2", "PC3.ro-2.example", "calls-home.example").await;
    let what = "ro-2 alarms by the indicator alone";
    testkit::until::until(what, || async { federation.alerts("ro-2").await.pop() }).await;
    federation.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_pushed_everywhere_warns_nobody() {
    let federation = Federation::start(|name, config| {
        if let Some(dir) = name.contains('-').then(|| config.data_dir.join("rules")) {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("bad.yml"), BAD_RULE).unwrap();
            config.rules_dir = Some(dir);
        }
    })
    .await;
    for (hospital, host, asked) in [("ro-1", "A", "news.one"), ("ro-2", "B", "news.two"), ("fr-1", "C", "news.three")] {
        federation.browser_asks(hospital, host, &format!("{asked}.example")).await;
        let what = format!("{hospital} has its alert");
        testkit::until::until(&what, || async { federation.alerts(hospital).await.pop() }).await;
        federation.sent(hospital).await;
    }
    for hub in ["ro", "fr", "union"] {
        federation.sent(hub).await;
        let what = format!("{hub} has judged everything");
        let app = federation.app(hub);
        testkit::until::until(&what, || async { (!app.judging_waits().await.unwrap()).then_some(()) }).await;
        assert_eq!(app.warnings(app::RecordQuery::default()).await.unwrap().items.len(), 0, "{hub} warns of nothing");
    }
    assert_eq!(federation.app("union").suspected_rules().await.unwrap().len(), 1, "the union suspects the rule");
    federation.end().await;
}

const BAD_RULE: &str = "title: Any name lookup\nid: 5d4f1a52-6f0e-4a2c-9c55-0d6f4e6f9b77\nlogsource:\n    product: windows\n    \
    category: dns_query\ndetection:\n    any:\n        QueryName|contains: 'news'\n    condition: any\nlevel: high\n";
