//! `process.read`, with real processes.

use serde_json::json;

use super::{
    process_run::{pids, until_gone},
    world::{World, rejections, values},
};

#[tokio::test]
async fn every_line_of_the_output_is_a_record_or_rejected() {
    let world = World::new();
    let with = json!({"shell": "seq 1 2500; echo nonsense; echo; printf '{\"a\":1}'"});
    let batches = world.read_all("process.read", with).await.unwrap();
    let read = values(&batches);
    assert_eq!((read.len(), &read[0], &read[2499], &read[2500]), (2501, &json!(1), &json!(2500), &json!({"a": 1})));
    assert_eq!(rejections(&batches), ["sh:2501: not JSON: expected ident at column 2"]);
    assert!(batches.iter().all(|batch| batch.cursor.is_null()));
}

#[tokio::test]
async fn a_bad_end_is_an_error_after_the_records() {
    let world = World::new();
    let mut source = world.source("process.read", json!({"shell": "echo 1; echo no more >&2; exit 9"})).await;
    assert!(source.next().await.is_ok());
    assert_eq!(source.next().await.unwrap_err().message, "`sh` ended with exit code 9: no more");
}

#[tokio::test]
async fn a_line_beyond_the_limit_is_rejected_without_being_held() {
    let world = World::new();
    let batches = world.read_all("process.read", json!({"shell": "head -c 40000000 /dev/zero; echo; echo 2"})).await.unwrap();
    assert_eq!(values(&batches), [json!(2)]);
    assert_eq!(rejections(&batches), ["sh:1: the line is longer than 16 MiB"]);
}

#[tokio::test]
async fn closing_ends_the_whole_group() {
    let world = World::new();
    let mut source = world.source("process.read", json!({"shell": "sleep 1000 & echo $$ $! > pids; echo 1; wait"})).await;
    assert!(source.next().await.is_ok());
    let both = pids(&world, "pids", 2).await;
    source.close().await;
    until_gone(&both).await;
}
