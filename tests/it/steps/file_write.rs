//! `file.write` on real files.

use flexcore_engine::port::step::Written;
use serde_json::json;

use super::world::{World, mistakes, records};

#[tokio::test]
async fn a_replaced_file_appears_as_a_whole_at_the_end() {
    let world = World::new();
    world.file("out.ndjson", "old\n");
    let mut sink = world.sink("file.write", json!({"path": "out.ndjson"})).await;
    let taken = sink.write(&records(&[json!({"b": 1, "a": 2}), json!(3)])).await.unwrap();
    assert_eq!(taken, Written { durable: false, rejected: vec![] });
    assert_eq!(sink.flush().await, Ok(false));
    assert_eq!(world.text("out.ndjson"), "old\n");
    sink.finish().await.unwrap();
    assert_eq!(world.text("out.ndjson"), "{\"b\":1,\"a\":2}\n3\n");
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_replay_adds_to_the_file_that_a_run_would_replace() {
    let mut world = World::new();
    world.context.is_replay = true;
    world.file("out.ndjson", "1\n2\n");
    let mut sink = world.sink("file.write", json!({"path": "out.ndjson"})).await;
    sink.write(&records(&[json!(3)])).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(world.text("out.ndjson"), "1\n2\n3\n");
}

#[tokio::test]
async fn an_aborted_replacement_leaves_the_old_file_and_nothing_else() {
    let world = World::new();
    world.file("out.ndjson", "old\n");
    let mut sink = world.sink("file.write", json!({"path": "out.ndjson"})).await;
    sink.write(&records(&[json!(1)])).await.unwrap();
    sink.abort().await;
    assert_eq!(world.text("out.ndjson"), "old\n");
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 1);
    let error = sink.write(&records(&[json!(1)])).await.unwrap_err();
    assert_eq!(error.message, format!("{} is closed", world.path("out.ndjson").display()));
}

#[tokio::test]
async fn appended_lines_follow_the_last_whole_line_and_are_durable_when_flushed() {
    let world = World::new();
    world.file("logs/out.ndjson", "1\n2\n{\"torn\":");
    let mut sink = world.sink("file.write", json!({"path": "logs/out.ndjson", "mode": "append"})).await;
    sink.write(&records(&[json!(3)])).await.unwrap();
    assert_eq!(sink.flush().await, Ok(true));
    assert_eq!(world.text("logs/out.ndjson"), "1\n2\n3\n");
    sink.abort().await;
    assert_eq!(world.text("logs/out.ndjson"), "1\n2\n3\n");
}

#[tokio::test]
async fn missing_folders_are_made_unless_that_is_switched_off() {
    let world = World::new();
    let mut sink = world.sink("file.write", json!({"path": "a/b/out.ndjson"})).await;
    sink.finish().await.unwrap();
    assert_eq!(world.text("a/b/out.ndjson"), "");
    let error = world.build("file.write", json!({"path": "c/out.ndjson", "create_dirs": false})).await.err().unwrap();
    assert_eq!(error.message, format!("cannot write {}", world.path("c/out.ndjson").display()));
    assert!(error.causes[0].contains("No such file or directory"), "{:?}", error.causes);
}

#[tokio::test]
async fn csv_has_the_columns_of_the_first_record_and_quotes_what_needs_it() {
    let world = World::new();
    let mut sink = world.sink("file.write", json!({"path": "out.csv"})).await;
    let given = [json!({"a": 1, "b": "x, \"y\"\nz"}), json!({"b": null}), json!({"a": [1], "c": 2}), json!(5)];
    let taken = sink.write(&records(&given)).await.unwrap();
    let why: Vec<_> = taken.rejected.iter().map(|(index, error)| (*index, error.message.as_str())).collect();
    assert_eq!(
        why,
        [
            (2, "the field `c` has no column (a, b): add it to `columns`, or leave it out with a `map` before"),
            (3, "csv rows are made of objects, and this record is none")
        ]
    );
    sink.finish().await.unwrap();
    assert_eq!(world.text("out.csv"), "a,b\n1,\"x, \"\"y\"\"\nz\"\n,\n");
}

#[tokio::test]
async fn appended_csv_keeps_its_one_header() {
    let world = World::new();
    let with = json!({"path": "out.csv", "mode": "append", "columns": ["b", "a"]});
    for n in 1..=2 {
        let mut sink = world.sink("file.write", with.clone()).await;
        sink.write(&records(&[json!({"a": n, "b": true})])).await.unwrap();
        sink.finish().await.unwrap();
    }
    assert_eq!(world.text("out.csv"), "b,a\ntrue,1\ntrue,2\n");
    let with = json!({"path": "out.csv", "mode": "append", "columns": ["a", "b"]});
    let error = world.build("file.write", with).await.err().unwrap();
    assert_eq!(error.message, format!("{}: it has the columns b, a, not a, b", world.path("out.csv").display()));
}

#[test]
fn settings_that_do_not_fit_together_are_mistakes() {
    assert_eq!(mistakes("file.write", json!({"path": "x/"})), ["/path the path names no file"]);
    assert_eq!(mistakes("file.write", json!({"path": "x.json"})).len(), 1);
    assert_eq!(mistakes("file.write", json!({"path": "x.ndjson", "columns": ["a"]})), ["/columns `columns` is for csv only"]);
}
