//! Waiting until something is true, without a fixed sleep: asked again as fast as the answer changes, given up loudly.

use std::time::{Duration, Instant};

/// How long anything in a test may take before the test says what it waited for. Generous: a busy machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the answer is there. Panics with `what` when it never is.
pub async fn until<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for: {what}");
        // lets every other task of the runtime work before asking again
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
