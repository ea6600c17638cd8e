//! How far a warning came at each member, as the hub's desk tells it: over real streams, by the hub's clock alone.

use std::time::Duration;

use app::DeliveryState;
use connect::link::Connection;
use domain::marking::Marking;
use domain::party::Role;
use domain::release::OutsideSource;
use lazaret::data_dir::DataDir;
use testkit::until::until;

use crate::fixture::Federation;
use crate::warning::content;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desk_says_how_far_a_warning_came_at_each_member_and_how_long_it_took() {
    let mut federation = Federation::start(|_, _| ()).await;
    let ana = federation.person("ro", "ana", Role::Operator).await;
    let ben = federation.person("ro", "ben", Role::Approver).await;
    let ro = federation.app("ro");
    let (source, marking) = (OutsideSource::Advisory, Marking::COMMUNITY);
    let id = ro.propose_warning(&ana, content(&["bad-one.example"]), source, marking).await.unwrap();
    ro.approve_warning(&ben, id).await.unwrap();
    let of = async |federation: &Federation, member: &str, version: u32| {
        let view = federation.app("ro").warning(id).await.unwrap();
        let found = view.deliveries.into_iter().find(|(one, name)| name == member && one.version == version);
        found.map(|(delivery, _)| delivery)
    };
    for member in ["ro-1", "ro-2"] {
        let answered = until(&format!("{member} answers"), || async {
            let delivery = of(&federation, member, 1).await?;
            matches!(delivery.state, DeliveryState::Verdict(_)).then_some(delivery)
        })
        .await;
        assert_eq!(answered.latency_ms, Some(0), "the clock in the hand stood still");
    }

    // the second hospital's line is read, and nobody confirms
    let files = DataDir::at(&federation.files("ro-2"));
    federation.stop("ro-2").await;
    let ro = federation.app("ro");
    ro.update_warning(&ana, id, content(&["bad-one.example", "bad-two.example"])).await.unwrap();
    ro.approve_warning(&ben, id).await.unwrap();
    let uplink = files.uplink().read().unwrap().unwrap();
    let keys = files.keys().unwrap();
    let connection = Connection::new(&uplink, keys.pkcs8(), None).unwrap();
    let mut opened = connection.open(0, None).await.unwrap();
    let reads = tokio::spawn(async move { while let Ok(Some(_)) = opened.next().await {} });
    let sent = until("version 2 goes down the line", || of(&federation, "ro-2", 2)).await;
    assert_eq!((sent.state, sent.latency_ms), (DeliveryState::Sent, None));
    reads.abort();

    federation.clock.turn(Duration::from_secs(90));
    federation.begin("ro-2").await;
    let answered = until("ro-2 answers version 2", || async {
        let delivery = of(&federation, "ro-2", 2).await?;
        matches!(delivery.state, DeliveryState::Verdict(_)).then_some(delivery)
    })
    .await;
    assert_eq!(answered.latency_ms, Some(90_000), "as long as it was away");
    federation.end().await;
}
