//! A data directory of format 1, as the first program of that format wrote it, which every later one must read. Its files
//! stand in `tests/it/format-1` and are never changed; `events.ndjson` is what that program said was in it.

use std::{fs, path::Path};

#[cfg(feature = "listener")]
use rustix::process::Signal;
use serde_json::Value;
#[cfg(feature = "listener")]
use serde_json::json;

use super::process::Place;

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/format-1").join(name)
}

/// A copy that may be written to.
fn place() -> Place {
    let place = Place::new();
    for folder in ["data/log", "data/queues"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    for file in ["FORMAT", "adopted", "log/0000000001.journal", "log/models.state", "queues/0000000001.journal"] {
        fs::write(place.path("data").join(file), fs::read(golden(file)).unwrap()).unwrap();
    }
    place
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_event_of_a_directory_of_format_1_is_read_as_it_was_written() {
    let place = place();
    let done = place.done(&["doctor", "data"]);
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.told);
    let done = place.done(&["events", "data", "--json"]);
    assert_eq!(done.code, Some(0), "{}", done.told);
    let (read, written) = (lines(&done.out), lines(&fs::read_to_string(golden("events.ndjson")).unwrap()));
    assert_eq!(read.len(), written.len());
    read.iter().zip(&written).for_each(|(read, written)| assert_eq!(read, written));
}

#[cfg(feature = "listener")]
#[test]
fn an_engine_goes_on_with_it_with_its_read_models_or_without() {
    for has_models in [true, false] {
        let place = place();
        if !has_models {
            fs::remove_file(place.path("data/log/models.state")).unwrap();
        }
        let mut running = place.start(&["serve", "--data", "data"]);
        running.until("serving until SIGTERM");
        let told = |arguments: &[&str]| -> Value {
            let done = place.done(&[arguments, &["--json"]].concat());
            assert_eq!(done.code, Some(0), "{}", done.told);
            serde_json::from_str(&done.out).unwrap()
        };
        let items = |value: &Value, keys: &[&str]| -> Vec<Value> {
            let items = value["items"].as_array().unwrap().iter();
            items.map(|item| keys.iter().map(|key| item[key].clone()).collect()).collect()
        };
        let pipelines = told(&["pipeline", "list"]);
        let keys = ["name", "state", "runs_total", "succeeded_total", "failed_in_row", "dead_total"];
        let expected = [json!(["fails", "paused", 1, 0, 1, 0]), json!(["moves", "active", 1, 1, 0, 1])];
        assert_eq!(items(&pipelines, &keys), expected);
        let runs = told(&["runs", "list"]);
        let expected = [json!(["fails", "failed", 0, 0, 0]), json!(["moves", "succeeded", 4, 3, 1])];
        assert_eq!(items(&runs, &["pipeline", "state", "records_in", "records_out", "dead"]), expected);
        let messages = told(&["queue", "peek", "orders"]);
        let bodies: Vec<String> = items(&messages, &["body"]).iter().map(|item| item[0].to_string()).collect();
        assert_eq!(bodies, ["{\"n\":1}", "{\"n\":3}", "{\"n\":4}", "{\"by\":\"hand\"}"]);
        running.signal(Signal::TERM);
        assert_eq!(running.end().code(), Some(0), "{}", running.told);
    }
}
