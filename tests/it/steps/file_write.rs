//! `file.write` on real files.

use flexcore_engine::port::step::{Sink, Written};
use serde_json::{Value, json};

use super::world::{World, mistakes, records};

#[tokio::test]
async fn a_replaced_file_appears_as_a_whole_at_the_end() {
    let world = World::new();
    world.file("out.ndjson", "old\n");
    let mut sink = world.sink("file.write", json!({"path": "out.ndjson"})).await;
    let taken = sink.write(&records(&[json!({"b": 1, "a": 2}), json!(3)])).await.unwrap();
    assert_eq!(taken, Written { durable: false, rejected: vec![], ends: vec![14, 16] });
    assert_eq!(sink.flush().await, Ok(true));
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

/// Writes records, makes them durable, and gives what a checkpoint keeps after the first `kept` of them; then dies.
async fn die(world: &World, mut sink: Box<dyn Sink>, values: &[Value], kept: usize) -> Value {
    let written = sink.write(&records(values)).await.unwrap();
    assert_eq!(sink.flush().await, Ok(true));
    let resume = sink.resumes().unwrap();
    let end = if kept == 0 { resume.begin() } else { written.ends[kept - 1] };
    assert_eq!(world.context.attempt, 1);
    resume.mark(end).await.unwrap()
}

/// The next attempt's world: it gets the mark of the one before.
fn with_mark(mut world: World, stream: &str, mark: &Value) -> World {
    world.context.checkpoints.insert(stream.into(), mark.clone());
    world
}

fn files(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.folder.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn another_attempt_takes_back_what_no_checkpoint_counts_on_and_goes_on_behind_it() {
    for mode in ["append", "replace"] {
        for kept in 0..=3 {
            let world = World::new();
            let with = json!({"path": "out.ndjson", "mode": mode});
            let sink = world.sink("file.write", with.clone()).await;
            let mark = die(&world, sink, &[json!(1), json!(2), json!(3)], kept).await;
            let world = with_mark(world, "out.ndjson", &mark);
            let mut sink = world.sink("file.write", with).await;
            let rest: Vec<_> = (kept + 1..=5).map(Value::from).collect();
            sink.write(&records(&rest)).await.unwrap();
            sink.finish().await.unwrap();
            assert_eq!(world.text("out.ndjson"), "1\n2\n3\n4\n5\n", "{mode}, {kept} kept");
            assert_eq!(files(&world), ["out.ndjson"]);
        }
    }
}

#[tokio::test]
async fn a_file_that_took_its_place_before_anybody_could_say_so_is_gone_on_with() {
    let world = World::new();
    let mut sink = world.sink("file.write", json!({"path": "out.ndjson"})).await;
    let written = sink.write(&records(&[json!(1), json!(2)])).await.unwrap();
    sink.flush().await.unwrap();
    let mark = sink.resumes().unwrap().mark(written.ends[0]).await.unwrap();
    sink.finish().await.unwrap();
    drop(sink);
    let world = with_mark(world, "out.ndjson", &mark);
    let mut sink = world.sink("file.write", json!({"path": "out.ndjson"})).await;
    sink.write(&records(&[json!(2), json!(3)])).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(world.text("out.ndjson"), "1\n2\n3\n");
}

#[tokio::test]
async fn whoever_has_a_checkpoint_adds_to_a_file_that_took_its_place() {
    for continuous in [true, false] {
        let world = World::new();
        let mut sink = world.sink("file.write", json!({"path": "out.ndjson"})).await;
        let written = sink.write(&records(&[json!(1)])).await.unwrap();
        sink.finish().await.unwrap();
        let mark = sink.resumes().unwrap().mark(written.ends[0]).await.unwrap();
        assert_eq!(mark["finished"], json!(true));
        drop(sink);
        let mut world = with_mark(world, "out.ndjson", &mark);
        world.context.is_continuous = continuous;
        let mut sink = world.sink("file.write", json!({"path": "out.ndjson"})).await;
        sink.write(&records(&[json!(2)])).await.unwrap();
        sink.finish().await.unwrap();
        assert_eq!(world.text("out.ndjson"), "1\n2\n", "continuous: {continuous}");
    }
}

#[tokio::test]
async fn a_file_that_took_its_place_and_is_gone_is_made_anew_by_what_goes_on_and_an_error_in_a_batch() {
    for continuous in [true, false] {
        let world = World::new();
        let with = json!({"path": "out.ndjson"});
        let mut sink = world.sink("file.write", with.clone()).await;
        let written = sink.write(&records(&[json!(1)])).await.unwrap();
        sink.finish().await.unwrap();
        let mark = sink.resumes().unwrap().mark(written.ends[0]).await.unwrap();
        drop(sink);
        std::fs::remove_file(world.path("out.ndjson")).unwrap();
        let mut world = with_mark(world, "out.ndjson", &mark);
        world.context.is_continuous = continuous;
        let built = world.build("file.write", with).await;
        assert_eq!(built.is_ok(), continuous);
        let told = built.err().map(|error| error.message).unwrap_or_default();
        assert!(continuous || told.contains("is gone: a later run has put its own file in its place"), "{told}");
    }
}

#[tokio::test]
async fn a_file_that_somebody_changed_is_an_error_that_says_so_and_nothing_is_cut() {
    let changes: [(&str, &str, &str); 3] = [
        ("1\n", "has 2 bytes, and 4 of it are in a checkpoint", "cut"),
        ("1\n7\n", "was changed: what stands before byte 4", "edited"),
        ("1\n2\n3\n\"theirs\"\n", "that run wrote up to byte 6 at most", "added to"),
    ];
    for (text, expected, how) in changes {
        let world = World::new();
        let with = json!({"path": "out.ndjson", "mode": "append"});
        let sink = world.sink("file.write", with.clone()).await;
        let mark = die(&world, sink, &[json!(1), json!(2), json!(3)], 2).await;
        // In place, as an editor or a shell does it: the file stays the same one.
        std::fs::OpenOptions::new().write(true).truncate(true).open(world.path("out.ndjson")).unwrap();
        world.file("out.ndjson", text);
        let world = with_mark(world, "out.ndjson", &mark);
        let error = world.build("file.write", with).await.err().unwrap();
        assert!(error.message.contains(expected), "{how}: {}", error.message);
        assert!(!error.retryable);
        assert_eq!(world.text("out.ndjson"), text, "{how}");
    }
}

#[tokio::test]
async fn lines_that_somebody_added_after_everything_was_kept_stay_where_they_are() {
    let world = World::new();
    let with = json!({"path": "out.ndjson", "mode": "append"});
    let sink = world.sink("file.write", with.clone()).await;
    let mark = die(&world, sink, &[json!(1)], 1).await;
    world.file("out.ndjson", "1\n\"theirs\"\n");
    let world = with_mark(world, "out.ndjson", &mark);
    let mut sink = world.sink("file.write", with).await;
    sink.write(&records(&[json!(2)])).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(world.text("out.ndjson"), "1\n\"theirs\"\n2\n");
}

#[tokio::test]
async fn a_file_has_one_writer_at_a_time() {
    for mode in ["append", "replace"] {
        let world = World::new();
        let with = json!({"path": "out.ndjson", "mode": mode});
        let first = world.sink("file.write", with.clone()).await;
        let error = world.build("file.write", with.clone()).await.err().unwrap();
        assert!(error.message.contains("another run, step or program is writing it"), "{}", error.message);
        assert!(error.retryable);
        drop(first);
        let mut second = world.sink("file.write", with).await;
        second.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_run_that_put_its_file_in_place_removes_what_earlier_runs_left_and_they_say_so_when_tried_again() {
    let world = World::new();
    let with = json!({"path": "out.ndjson"});
    let sink = world.sink("file.write", with.clone()).await;
    let mark = die(&world, sink, &[json!(1)], 1).await;
    assert_eq!(files(&world).len(), 1);
    let mut world = world;
    let old = std::mem::replace(&mut world.context.run, flexcore_engine::id::RunId::fresh());
    let mut sink = world.sink("file.write", with.clone()).await;
    sink.finish().await.unwrap();
    assert_eq!(files(&world), ["out.ndjson"]);
    world.context.run = old;
    let world = with_mark(world, "out.ndjson", &mark);
    let error = world.build("file.write", with).await.err().unwrap();
    assert!(error.message.contains("is gone: a later run has put its own file in its place"), "{}", error.message);
}

#[tokio::test]
async fn csv_is_gone_on_with_under_its_one_header() {
    let world = World::new();
    let with = json!({"path": "out.csv"});
    let sink = world.sink("file.write", with.clone()).await;
    let mark = die(&world, sink, &[json!({"a": 1}), json!({"a": 2})], 1).await;
    let world = with_mark(world, "out.csv", &mark);
    let mut sink = world.sink("file.write", with).await;
    sink.write(&records(&[json!({"a": 2})])).await.unwrap();
    sink.finish().await.unwrap();
    assert_eq!(world.text("out.csv"), "a\n1\n2\n");
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
