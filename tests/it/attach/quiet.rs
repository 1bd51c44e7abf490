//! A console over a socket at an engine at rest: nobody says anything.

use std::{sync::atomic::Ordering, time::Duration};

use flexcore_ui::link::Link;
use tokio::time::sleep;

use super::world::{Engine, Gate, attach};

/// What one end says to ask whether the other is there, and its answer.
const PING_BYTES: u64 = 17;

#[tokio::test(start_paused = true)]
async fn over_a_socket_streams_give_no_signs_of_life() {
    let engine = Engine::new().await;
    let gate = Gate::new(engine.folder.path(), engine.socket(), || None);
    let link = attach(&gate.path).await.unwrap().present();
    let store = engine.server.app.engine.store();
    // Its session is the last thing that happens.
    while engine.server.app.engine.view(|models| models.sessions.rows.is_empty()).await {
        store.wait_past(store.head()).await;
    }
    let said = || gate.up.load(Ordering::Relaxed) + gate.down.load(Ordering::Relaxed);
    let follows = link.follow(store.head());
    let rests = async {
        sleep(Duration::from_secs(60)).await;
        let before = said();
        sleep(Duration::from_secs(3_600)).await;
        said() - before
    };
    tokio::select! {
        page = follows => panic!("{page:?}"),
        // Each of both asks the other about once a minute.
        said = rests => assert!(said <= 2 * 2 * 60 * PING_BYTES, "{said} bytes"),
    }
}
