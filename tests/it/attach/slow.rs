//! A line that carries little: what must go over it is small, how far it is can be seen, and nothing old piles up.

use std::sync::atomic::Ordering;

use flexcore::attach::{Carrier, RemoteLink, Ssh};
use flexcore_engine::id::Position;
use flexcore_ui::link::{LineState, Link};

use super::world::{Dice, Engine, Gate};
use crate::http::world::COPY;

/// By way of a shell that does what `ssh` does, and of a gate: compressed, as everything that comes from afar.
async fn far(gate: &Gate) -> RemoteLink {
    let script = "for last; do :; done; exec sh -c \"$last\"";
    let command = ["sh", "-c", script, "ssh"].map(str::to_owned).to_vec();
    let program = env!("CARGO_BIN_EXE_flexcore").to_owned();
    let place = Some(gate.path.to_str().unwrap().to_owned());
    let ssh = Ssh { host: "me@box".into(), program, place, command };
    RemoteLink::connect(Carrier::Ssh(ssh), false).await.unwrap()
}

async fn busy() -> Engine {
    let engine = Engine::new().await;
    let mut dice = Dice(5);
    for number in 0..40 {
        let random: String = (0..1_500).filter_map(|_| char::from_digit(dice.below(16) as u32, 16)).collect();
        let text = COPY.replace("name: copy", &format!("name: copy-{number}")).replace("Copies one", &random);
        engine.server.pipeline(&text).await;
    }
    for number in 0..40 {
        engine.server.ended_run(&format!("copy-{number}")).await;
    }
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_first_is_compressed_and_its_progress_is_told() {
    let engine = busy().await;
    let gate = Gate::new(engine.folder.path(), engine.socket(), || None);
    let link = far(&gate).await;
    let whole = serde_json::to_vec(&engine.server.app.engine.models().await).unwrap().len() as u64;
    let before = gate.down.load(Ordering::Relaxed);
    gate.hold();
    // More than one frame of HTTP/2, which is handed on whole, and less than all of it.
    gate.let_pass(20_000);
    let mut line = link.line().unwrap();
    let models = link.models();
    tokio::pin!(models);
    let is_told =
        |state: &LineState| matches!(state, LineState::Loading { bytes, total: Some(total) } if *bytes > 0 && bytes < total);
    let told = tokio::select! {
        told = line.wait_for(is_told) => *told.unwrap(),
        _ = &mut models => panic!("all of it came with 20,000 bytes"),
    };
    gate.let_pass(u64::MAX / 2);
    let models = models.await.unwrap();
    assert_eq!(models, engine.server.app.engine.models_at(models.position).await.unwrap());
    assert_eq!(*link.line().unwrap().borrow(), LineState::Up);
    let came = gate.down.load(Ordering::Relaxed) - before;
    assert!(came * 3 < whole, "{came} of {whole} bytes, {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_figures_are_compressed_over_the_whole_stream() {
    let engine = busy().await;
    let gate = Gate::new(engine.folder.path(), engine.socket(), || None);
    let link = far(&gate).await;
    let before = gate.down.load(Ordering::Relaxed);
    let (mut seen, mut bytes, head) = (Position(0), 0, engine.server.app.engine.store().head());
    while seen < head {
        let page = link.follow(seen).await.unwrap();
        bytes += page.events.iter().map(|event| event.event.data.len() as u64 + 250).sum::<u64>();
        seen = page.seen;
    }
    let came = gate.down.load(Ordering::Relaxed) - before;
    assert!(came * 3 < bytes, "{came} of {bytes} bytes");
    let first = link.vitals(None).await.unwrap();
    let before = gate.down.load(Ordering::Relaxed);
    let second = link.vitals(Some(first.at)).await.unwrap();
    let came = gate.down.load(Ordering::Relaxed) - before;
    let whole = serde_json::to_vec(&*second).unwrap().len() as u64;
    assert!(came * 2 < whole, "{came} of {whole} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_waits_at_the_engine() {
    let engine = busy().await;
    let gate = Gate::new(engine.folder.path(), engine.socket(), || None);
    // Over a socket nothing is compressed.
    let link = super::world::attach(&gate.path).await.unwrap();
    let body = "x".repeat(10_000);
    for _ in 0..200 {
        let event = serde_json::json!({"type": "test.large", "data": {"text": body}});
        engine.server.post("/api/v1/events", &event, 201.try_into().unwrap()).await;
    }
    let before = gate.down.load(Ordering::Relaxed);
    // One page is taken, and then no more.
    link.follow(Position(0)).await.unwrap();
    // While that stands, others are answered.
    let far = link.models().await.unwrap();
    let came = gate.down.load(Ordering::Relaxed) - before;
    let models = serde_json::to_vec(&far).unwrap().len() as u64;
    assert!(came < models + (300 << 10), "{came} bytes came of more than two million, {models} of them read models");
}
