//! A command on its way while its engine is killed and started anew: it is carried out once or not at all, and which of the
//! two is said.

use std::path::Path;

use bytes::Bytes;
use flexcore::attach::RemoteLink;
use flexcore_engine::{
    command::{Command, PipelineCommand, QueueCommand},
    id::{Position, QueueName},
    port::queue::Peek,
    unit::Duration,
};
use flexcore_ui::link::Link;
use rustix::process::Signal;

use super::world::{Gate, attach};
use crate::run::process::{Place, Running};

fn serve(place: &Place) -> Running {
    let mut running = place.start(&["serve", "--data", "data", "--set", "socket=engine.sock"]);
    running.until("serving until SIGTERM");
    running
}

fn orders() -> QueueName {
    "orders".parse().unwrap()
}

fn send(body: &'static str) -> Command {
    let body = Bytes::from_static(body.as_bytes());
    Command::Queue(orders(), QueueCommand::Send { body, priority: 5, delay: Duration::from_millis(0) })
}

async fn bodies(link: &RemoteLink) -> Vec<String> {
    let messages = link.peek(orders(), Peek::Waiting, 0, 100).await.unwrap();
    messages.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect()
}

async fn direct(socket: &Path) -> RemoteLink {
    attach(socket).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_the_engine_was_killed_is_not_done_again() {
    let place = Place::new();
    let first = serve(&place);
    let socket = place.path("engine.sock");
    let gate = Gate::new(place.folder.path(), socket.clone(), || None);
    let link = attach(&gate.path).await.unwrap();
    link.models().await.unwrap();
    // The question goes up, and its answer does not come down.
    gate.hold();
    let sent = tokio::spawn(link.submit(send("1")));
    let (looks, mut seen) = (direct(&socket).await, Position(0));
    while !looks.follow(seen).await.unwrap().events.iter().any(|event| {
        seen = event.position;
        event.event.kind.as_str() == "queue.message_sent"
    }) {}
    first.signal(Signal::KILL);
    drop(first);
    let _second = serve(&place);
    gate.cut(|| None);
    gate.let_pass(u64::MAX / 2);
    let accepted = sent.await.unwrap().unwrap();
    assert_eq!(accepted.note, "done; the engine was started anew since");
    assert_eq!(bodies(&direct(&socket).await).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_reached_the_engine_is_told_as_not_done() {
    let place = Place::new();
    let first = serve(&place);
    let socket = place.path("engine.sock");
    let gate = Gate::new(place.folder.path(), socket.clone(), || None);
    let link = attach(&gate.path).await.unwrap();
    let seen = link.models().await.unwrap().position;
    // It takes nothing any more, and what is sent to it is gone with it.
    first.signal(Signal::STOP);
    let up = gate.up.clone();
    let before = up.load(std::sync::atomic::Ordering::Relaxed);
    let pause = PipelineCommand::Pause { reason: String::new() };
    let sent = tokio::spawn(link.submit(Command::Pipeline("quakes".parse().unwrap(), pause)));
    // What a connection says by itself is shorter.
    while up.load(std::sync::atomic::Ordering::Relaxed) < before + 100 {
        tokio::task::yield_now().await;
    }
    first.signal(Signal::KILL);
    drop(first);
    let _second = serve(&place);
    let told = sent.await.unwrap().unwrap_err().to_string();
    assert_eq!(told, "not done: the engine was started anew before it got there, and its log has nothing of it");
    let looks = direct(&socket).await;
    assert!(!link.resumes(seen).await.unwrap(), "nothing was followed by which the log could be known again");
    looks.submit(send("2")).await.unwrap();
    assert_eq!(bodies(&looks).await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_before_the_engine_was_killed_is_told_with_its_reason() {
    let place = Place::new();
    let first = serve(&place);
    let socket = place.path("engine.sock");
    let gate = Gate::new(place.folder.path(), socket.clone(), || None);
    let link = attach(&gate.path).await.unwrap();
    link.models().await.unwrap();
    gate.hold();
    let redrive = Command::Queue(orders(), QueueCommand::Redrive { messages: Vec::new() });
    let sent = tokio::spawn(link.submit(redrive));
    let looks = direct(&socket).await;
    let mut seen = Position(0);
    while !looks.follow(seen).await.unwrap().events.iter().any(|event| {
        seen = event.position;
        event.event.kind.as_str() == "command.rejected"
    }) {}
    first.signal(Signal::KILL);
    drop(first);
    let _second = serve(&place);
    gate.cut(|| None);
    gate.let_pass(u64::MAX / 2);
    let told = sent.await.unwrap().unwrap_err().to_string();
    assert!(told.contains("orders"), "{told}");
}
