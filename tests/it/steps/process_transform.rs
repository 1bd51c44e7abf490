//! `process.transform`, with real processes.

use serde_json::json;

use super::{
    process_run::{pids, until_gone},
    world::{World, records, shown},
};

#[tokio::test]
async fn answers_come_in_order_and_null_drops() {
    let world = World::new();
    let shell = "while read -r line; do case $line in 2) echo null;; 3) echo oops;; *) echo \"[$line]\";; esac; done";
    let mut filter = world.transform("process.transform", json!({"shell": shell})).await;
    let outcomes = filter.apply(&records(&[json!(1), json!(2), json!(3), json!(4)])).await.unwrap();
    assert_eq!(
        shown(&outcomes),
        [
            json!([1]),
            json!(null),
            json!({"rejected": "the command's answer is not JSON: expected value at column 1"}),
            json!([4])
        ]
    );
    assert_eq!(shown(&filter.apply(&records(&[json!(5)])).await.unwrap()), [json!([5])]);
    filter.finish().await.unwrap();
}

#[tokio::test]
async fn a_large_batch_does_not_block_on_full_pipes() {
    let world = World::new();
    let mut filter = world.transform("process.transform", json!({"command": ["cat"]})).await;
    let given = records(&(0..1000).map(|n| json!({"n": n, "text": "x".repeat(1000)})).collect::<Vec<_>>());
    let outcomes = filter.apply(&given).await.unwrap();
    assert_eq!(shown(&outcomes)[999]["n"], json!(999));
}

#[tokio::test]
async fn a_command_that_ends_too_early_fails_the_call_and_is_started_again() {
    let world = World::new();
    let with = json!({"shell": "read -r line; echo \"$line\"; echo enough >&2; exit 4"});
    let mut filter = world.transform("process.transform", with).await;
    let error = filter.apply(&records(&[json!(1), json!(2)])).await.unwrap_err();
    assert_eq!(error.message, "the command answered 1 of 2 records and closed its output; `sh` ended with exit code 4: enough");
    assert!(error.retryable);
    assert_eq!(shown(&filter.apply(&records(&[json!(3)])).await.unwrap()), [json!(3)]);
    assert_eq!(filter.finish().await.unwrap_err().message, "`sh` ended with exit code 4: enough");
}

#[tokio::test]
async fn closing_ends_the_whole_group() {
    let world = World::new();
    let shell = "sleep 1000 & echo $$ $! > pids; while read -r line; do echo \"$line\"; done; wait";
    let mut filter = world.transform("process.transform", json!({"shell": shell})).await;
    assert!(filter.apply(&records(&[json!(1)])).await.is_ok());
    let both = pids(&world, "pids", 2).await;
    filter.close().await;
    until_gone(&both).await;
}
