//! An attached console is a session on record, for as long as its line stands.

use std::time::Duration;

use flexcore_engine::{
    event::{Envelope, Event},
    handle::Engine,
    id::{Actor, Position},
    port::store::Filter,
};
use serde_json::Value;

use super::{
    web::{by_url, tokens},
    world::{self, Gate, attach},
};
use crate::http::world::Server;

/// What is told of sessions, as it happens.
struct Told<'a> {
    engine: &'a Engine,
    after: Position,
}

impl<'a> Told<'a> {
    fn of(engine: &'a Engine) -> Self {
        Self { engine, after: Position(0) }
    }

    /// The next one.
    async fn next(&mut self) -> Envelope {
        let filter = Filter { stream_prefix: Some("session/".into()), types: Vec::new() };
        let found = async {
            loop {
                self.engine.store().wait_past(self.after).await;
                let page = self.engine.store().read(self.after, &filter, 1).await.unwrap();
                self.after = page.seen;
                if let Some(envelope) = page.events.first() {
                    return envelope.clone();
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), found).await.unwrap()
    }

    async fn opened(&mut self) -> (Envelope, flexcore_engine::event::session::SessionOpened) {
        let envelope = self.next().await;
        match envelope.decode() {
            Some(Ok(Event::SessionOpened(opened))) => (envelope, opened),
            other => panic!("{other:?}"),
        }
    }

    async fn closed(&mut self) -> (Envelope, String) {
        let envelope = self.next().await;
        match envelope.decode() {
            Some(Ok(Event::SessionClosed(closed))) => (envelope, closed.reason),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_console_is_here_until_its_line_ends() {
    let engine = world::Engine::new().await;
    let mut told = Told::of(&engine.server.app.engine);
    let console = engine.attach().await.present();
    let (begin, opened) = told.opened().await;
    assert_eq!((&*opened.way, &*opened.from, &*opened.role, &*opened.node), ("attach", "", "admin", "here"));
    assert!(matches!(&begin.event.actor, Actor::Operator(_)) && opened.command.is_none());
    let sessions = engine.server.get("/api/v1/sessions").await;
    let all: Vec<&Value> = sessions["items"].as_array().unwrap().iter().map(|session| &session["way"]).collect();
    assert_eq!(all, ["attach"]);
    drop(console);
    let (end, reason) = told.closed().await;
    assert_eq!((&end.stream, &end.event.actor, &*reason), (&begin.stream, &begin.event.actor, "the client is gone"));
    let sessions = engine.server.get("/api/v1/sessions").await;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_asks_is_no_session() {
    let engine = world::Engine::new().await;
    let looks = engine.attach().await;
    flexcore_ui::link::Link::models(&looks).await.unwrap();
    drop(looks);
    let mut told = Told::of(&engine.server.app.engine);
    let _console = engine.attach().await.present();
    let (begin, _) = told.opened().await;
    assert_eq!(engine.server.app.engine.view(|models| models.sessions.rows.len()).await, 1, "{begin:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_ends_the_session_and_the_next_one_begins_another() {
    let engine = world::Engine::new().await;
    let gate = Gate::new(engine.folder.path(), engine.socket(), || None);
    let mut told = Told::of(&engine.server.app.engine);
    let console = attach(&gate.path).await.unwrap().present();
    let (begin, _) = told.opened().await;
    gate.cut(|| None);
    let (end, _) = told.closed().await;
    assert_eq!(begin.stream, end.stream);
    // Whoever follows makes the connection anew.
    while flexcore_ui::link::Link::models(&console).await.is_err() {}
    let (next, _) = told.opened().await;
    assert_ne!(begin.stream, next.stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_token_it_has_the_tokens_name_and_role_and_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let (path, [view, ..]) = tokens(folder.path());
    let server = Server::with(&[("api.tokens", &path)]).await;
    let _console = by_url(&server.url(""), Some(&view), None).await.unwrap().present();
    let (begin, opened) = Told::of(&server.app.engine).opened().await;
    assert_eq!((&begin.event.actor, &*opened.role), (&Actor::Token("view".into()), "viewer"));
    assert!(opened.from.starts_with("127.0.0.1:"), "{}", opened.from);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_stops_closes_it_first() {
    let engine = world::Engine::new().await;
    let app = engine.server.app.clone();
    let mut told = Told::of(&app.engine);
    let _console = engine.attach().await.present();
    told.opened().await;
    engine.server.listening.stop(flexcore_engine::unit::Duration::from_secs(30)).await;
    let head = app.engine.store().head();
    let (end, reason) = told.closed().await;
    assert_eq!(reason, "the engine stops");
    assert!(end.position <= head, "it was on record when the API had stopped");
}
