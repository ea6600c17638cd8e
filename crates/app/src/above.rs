//! Warnings from the hub above, as the analyst of a hub sees them: what they say, whether they were passed on, and how
//! far they came among this hub's own members. A file of its own because a hub has no verdict on them, only members.

use store::{Delivery, ReceivedWarning};
use uuid::Uuid;

use crate::desk::{Reach, reach};
use crate::{App, Result};

/// A warning from above with everything a page shows.
#[derive(Debug, Clone)]
pub struct AboveView {
    /// The warning.
    pub warning: ReceivedWarning,
    /// Other nodes' warnings of the same attack.
    pub others: Vec<ReceivedWarning>,
    /// Whether this version went on to this hub's members; its marking may keep it here.
    pub passed_on: bool,
    /// Where it went: member by name.
    pub deliveries: Vec<(Delivery, String)>,
    /// How far it reached among this hub's members.
    pub reach: Reach,
}

impl App {
    /// One warning from above with how far it came here.
    pub async fn above(&self, release: Uuid) -> Result<AboveView> {
        let view = self.received_one(release).await?;
        let published = self.store.publications(&[release]).await?;
        let this = |one: &store::Published| one.issuer == view.warning.issuer && one.version == view.warning.version;
        let members = self.member_names().await?;
        let deliveries = self.store.deliveries(release).await?;
        let reach = reach(&deliveries, members.len() as u64);
        let named = |delivery: Delivery| {
            let name = members.get(&delivery.member).cloned().unwrap_or_default();
            (delivery, name)
        };
        Ok(AboveView {
            passed_on: published.iter().any(this),
            deliveries: deliveries.into_iter().map(named).collect(),
            reach,
            others: view.others,
            warning: view.warning,
        })
    }
}
