//! Sessions are on record from begin to end, also when the process that served them was killed.

use super::World;
use crate::{
    event::session::{SessionClosed, SessionOpened},
    id::{Actor, SessionId},
    port::store::{Filter, Store},
    projection::ReadModels,
};

fn opened(node: &str) -> SessionOpened {
    let (way, from, role) = ("ssh".into(), "192.0.2.7:50122".into(), "viewer".into());
    SessionOpened { node: node.into(), way, from, role, command: None, recording: None }
}

fn ana() -> Actor {
    Actor::Operator("ana".into())
}

#[tokio::test]
async fn whoever_comes_in_is_here_until_it_is_over() {
    let World { engine, .. } = World::new();
    let (first, second) = (SessionId::fresh(), SessionId::fresh());
    engine.record_session_opened(first, ana(), opened("box")).await.unwrap();
    engine.record_session_opened(second, Actor::Operator("ben".into()), opened("box")).await.unwrap();
    let names = |models: &ReadModels| models.sessions.consoles().map(|row| row.actor.to_string()).collect::<Vec<_>>();
    assert_eq!(engine.view(names).await, ["ana", "ben"]);
    let closed = SessionClosed { reason: String::new(), exit_code: Some(0) };
    engine.record_session_closed(first, ana(), closed).await.unwrap();
    assert_eq!(engine.view(names).await, ["ben"]);
}

#[tokio::test]
async fn what_a_killed_process_left_open_is_closed_by_the_next_on_its_node_alone() {
    let World { engine, store, .. } = World::new();
    for node in ["box", "other", "box"] {
        engine.record_session_opened(SessionId::fresh(), ana(), opened(node)).await.unwrap();
    }
    assert_eq!(engine.close_left_sessions("box").await.unwrap(), 2);
    assert_eq!(engine.close_left_sessions("box").await.unwrap(), 0);
    let nodes = |models: &ReadModels| models.sessions.rows.values().map(|row| row.node.clone()).collect::<Vec<_>>();
    assert_eq!(engine.view(nodes).await, ["other"]);
    let filter = Filter { stream_prefix: None, types: vec!["session.closed".into()] };
    let closed = store.read(crate::id::Position(0), &filter, 10).await.unwrap();
    assert!(closed.events.iter().all(|envelope| envelope.event.actor == Actor::Engine));
}
