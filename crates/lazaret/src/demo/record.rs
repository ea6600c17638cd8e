//! What the nine nodes said became durable, in order: the one record that the story, the judgement and the theatre are
//! made of. A file of its own because a lost observation would make a wrong judgement: losing one is an error here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use app::observe::Observed;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::world::World;

/// Everything observed so far. Clones share it.
#[derive(Clone, Default)]
pub struct Record {
    seen: Arc<Mutex<Vec<Observed>>>,
    lost: Arc<AtomicU64>,
}

/// Keeps recording while it lives.
pub struct Recording {
    _tasks: JoinSet<()>,
}

impl Record {
    /// Begins to listen at every node; each observation also goes to `live`, where somebody tells it.
    pub fn begin(&self, world: &World, live: Option<&mpsc::UnboundedSender<Observed>>) -> Recording {
        let mut tasks = JoinSet::new();
        for node in world.nodes() {
            let mut observed = node.app().observe();
            let (record, live) = (self.clone(), live.cloned());
            tasks.spawn(async move {
                loop {
                    match observed.recv().await {
                        Ok(one) => {
                            if let Some(live) = &live {
                                let _ = live.send(one.clone());
                            }
                            record.seen.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                        }
                        Err(RecvError::Lagged(lost)) => {
                            record.lost.fetch_add(lost, Ordering::Relaxed);
                        }
                        Err(RecvError::Closed) => return,
                    }
                }
            });
        }
        Recording { _tasks: tasks }
    }

    /// A copy of what was observed, in the order in which it became durable.
    pub fn all(&self) -> Vec<Observed> {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by_key(|one| one.at);
        all
    }

    /// How many observations were missed; a judgement needs none missed.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
