//! Dead letters, processed again.

use serde_json::json;

use super::*;
use crate::{
    command::QueueCommand,
    id::QueueName,
    port::queue::{Peek, PeekedMessage},
};

async fn dead(world: &World) -> Vec<PeekedMessage> {
    world.engine.queues().peek(&QueueName::dead_letters_of(&name()), Peek::Dead, 0, 100).await.unwrap()
}

async fn with_a_dead_letter(world: &World) {
    let mut document = plain();
    document["steps"][1]["with"] = json!({"poison": 2});
    document["steps"][1]["on_error"] = json!("dead_letter");
    world.active(document).await;
    let run = world.run().await;
    let row = world.wait(run, RunState::Succeeded).await;
    assert_eq!((row.records_out, row.dead), (2, 1));
    assert_eq!(dead(world).await.len(), 1);
}

async fn replay(world: &World) -> RunId {
    let run = RunId::fresh();
    let command = QueueCommand::ReplayDeadLetters { pipeline: name(), run, messages: Vec::new() };
    world.submit(Command::Queue(QueueName::dead_letters_of(&name()), command)).await.unwrap();
    run
}

#[tokio::test]
async fn a_corrected_dead_letter_reaches_its_sink_and_the_queue_of_the_replay_goes() {
    let world = World::new().await;
    with_a_dead_letter(&world).await;
    let letter = dead(&world).await.remove(0);
    let edit = QueueCommand::EditDeadLetter { message: letter.id, body: "20".into() };
    world.submit(Command::Queue(QueueName::dead_letters_of(&name()), edit)).await.unwrap();
    let run = replay(&world).await;
    let row = world.wait(run, RunState::Succeeded).await;
    assert_eq!(row.records_out, 1);
    assert!(world.diary.taken_by("out").contains(&json!(20)));
    assert!(dead(&world).await.is_empty());
    world.pass(Duration::from_millis(1)).await;
    let names: Vec<_> = world.engine.queues().stats().await.unwrap().into_iter().map(|(name, _)| name.to_string()).collect();
    assert!(!names.iter().any(|name| name.starts_with("flexcore.replay")), "{names:?}");
}

#[tokio::test]
async fn a_dead_letter_that_fails_again_is_a_dead_letter_again() {
    let world = World::new().await;
    with_a_dead_letter(&world).await;
    let run = replay(&world).await;
    world.wait(run, RunState::Succeeded).await;
    assert_eq!(dead(&world).await.len(), 1);
}
