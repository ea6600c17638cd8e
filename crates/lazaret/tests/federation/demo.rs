//! The demo keeps its promises. Latencies are printed here and judged by `lazaret demo --headless`.

use lazaret::content::cast::Variant;

/// Few ordinary lines: a check runs unoptimised.
const ORDINARY_LINES: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hospital_that_shares_the_pattern_is_warned_and_nobody_else() {
    let result = lazaret::demo::one_run(7, Variant::Attack, ORDINARY_LINES).await.unwrap();
    eprintln!("{}", result.in_words());
    assert_eq!(result.false_warnings, Vec::<String>::new());
    for scenario in &result.scenarios {
        let warned: std::collections::BTreeSet<usize> = scenario.warned.keys().copied().collect();
        assert_eq!(warned, scenario.expected, "{}", scenario.title);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_shared_pattern_no_warning_appears() {
    let result = lazaret::demo::one_run(8, Variant::Control, ORDINARY_LINES).await.unwrap();
    assert_eq!(result.false_warnings, Vec::<String>::new());
}
