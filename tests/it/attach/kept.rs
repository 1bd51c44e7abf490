//! Engines that no longer keep what a console would have gone on from.

use std::sync::atomic::Ordering;

use flexcore_engine::id::Position;
use flexcore_ui::link::{Link, LinkError};
use serde_json::json;

use super::world::{Engine, Gate, attach};

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_gone_is_told_and_everything_is_read_anew() {
    let engine = Engine::with(&[("retention.events_max", "1000")]).await;
    let gate = Gate::new(engine.folder.path(), engine.socket(), || None);
    let link = attach(&gate.path).await.unwrap();
    let seen = link.models().await.unwrap().position;
    let mut line = link.line().unwrap();
    gate.cut(|| Some(0));
    line.wait_for(|state| *state == flexcore_ui::link::LineState::Down).await.unwrap();
    let events: Vec<_> = (0..100).map(|n| json!({"type": "test.many", "data": {"n": n}})).collect();
    while engine.server.app.engine.store().stats().oldest <= seen.next() {
        let batch = engine.server.ask(reqwest::Method::POST, "/api/v1/events/batch").json(&events);
        // A full log refuses until retention has made room.
        assert!([201, 503].contains(&batch.send().await.unwrap().status().as_u16()));
    }
    assert!(matches!(link.resumes(seen).await, Err(LinkError::Gone(_))), "nothing passes the gate");
    gate.open();
    assert!(link.resumes(seen).await.unwrap(), "it is the same log");
    let told = link.follow(seen).await.unwrap_err();
    assert_eq!(told, LinkError::Refused(format!("events after position {seen} are no longer kept")));
    let models = link.models().await.unwrap();
    assert_eq!(models, engine.server.app.engine.models_at(models.position).await.unwrap());
    assert!(models.position > seen && gate.down.load(Ordering::Relaxed) > 0 && seen > Position(0));
}
