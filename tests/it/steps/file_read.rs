//! `file.read` on real files.

use std::io::Write;

use flexcore_engine::port::step::Pull;
use serde_json::{Value, json};

use super::world::{World, failure, mistakes, rejections, values};

#[tokio::test]
async fn ndjson_lines_become_records_with_their_origin() {
    let world = World::new();
    world.file("in.ndjson", "\u{feff}{\"a\": 1}\r\n\n  [2]  \n\"last, without a line feed\"");
    let batches = world.read_all("file.read", json!({"path": "in.ndjson"})).await.unwrap();
    assert_eq!(values(&batches), [json!({"a": 1}), json!([2]), json!("last, without a line feed")]);
    let origins: Vec<_> = batches[0].records.iter().map(|record| record.origin.to_string()).collect();
    assert_eq!(origins, ["in.ndjson:1", "in.ndjson:3", "in.ndjson:4"]);
    assert_eq!(&*batches[0].stream, "in.ndjson");
}

#[tokio::test]
async fn a_missing_file_is_named_with_its_folder() {
    let world = World::new();
    let folder = world.folder.path().display();
    let missing = failure(world.build("file.read", json!({"path": "no.csv"})).await);
    assert_eq!(missing, format!("there is no file `no.csv` in {folder}"));
    let unmatched = failure(world.build("file.read", json!({"path": "no-*.csv"})).await);
    assert_eq!(unmatched, format!("no file matches `no-*.csv` in {folder}"));
}

#[tokio::test]
async fn hostile_lines_are_rejected_and_the_lines_around_them_are_read() {
    let world = World::new();
    let mut content = b"{\"n\":1}\n".to_vec();
    content.extend(b"{\"n\":\n\"\xff\xfe\"\n\"a\0b\"\nnull,\n1e999\n");
    content.extend(b"[".repeat(10_000));
    content.extend(b"]".repeat(10_000));
    content.push(b'\n');
    content.extend(format!("{{\"n\":\"{}\"}}\n", "x".repeat(1 << 20)).as_bytes());
    content.extend(format!("{}\n{{\"n\":9}}\n", "9".repeat(300)).as_bytes());
    content.extend(b"{\"torn\":");
    world.file("in.ndjson", &content);
    let batches = world.read_all("file.read", json!({"path": "in.ndjson"})).await.unwrap();
    let kept: Vec<_> = batches.iter().flat_map(|batch| &batch.records).map(|record| record.origin.number).collect();
    assert_eq!(kept, [1, 8, 9, 10]);
    let why = rejections(&batches);
    assert_eq!(why[0], "in.ndjson:2: not JSON: EOF while parsing a value at column 5");
    assert!(why[5].starts_with("in.ndjson:7: not JSON: recursion limit exceeded"), "{}", why[5]);
    assert_eq!(
        why[6],
        "in.ndjson:11: the last line is torn (it has no line feed): not JSON: EOF while parsing a value at column 8"
    );
    assert_eq!(why.len(), 7);
}

#[tokio::test]
async fn a_line_beyond_the_limit_is_rejected_without_being_held() {
    let world = World::new();
    let mut file = std::fs::File::create(world.path("in.ndjson")).unwrap();
    file.write_all(b"1\n\"").unwrap();
    for _ in 0..40 {
        file.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    file.write_all(b"\"\n3\n").unwrap();
    let batches = world.read_all("file.read", json!({"path": "in.ndjson"})).await.unwrap();
    assert_eq!(values(&batches), [json!(1), json!(3)]);
    assert_eq!(rejections(&batches), ["in.ndjson:2: the line is longer than 16 MiB"]);
}

#[tokio::test]
async fn a_glob_reads_its_files_in_alphabetical_order_and_gzip_by_its_ending() {
    let world = World::new();
    world.file("data/b.ndjson", "2\n");
    world.file("data/a.ndjson", "1\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"3\n").unwrap();
    world.file("data/c.ndjson.gz", gzip.finish().unwrap());
    let batches = world.read_all("file.read", json!({"path": "data/*", "format": "ndjson"})).await.unwrap();
    assert_eq!(values(&batches), [json!(1), json!(2), json!(3)]);
    assert_eq!(&*batches[2].stream, "data/c.ndjson.gz");
}

#[tokio::test]
async fn gzip_that_ends_too_early_gives_what_was_there_and_then_says_so() {
    let world = World::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all("1\n".repeat(200_000).as_bytes()).unwrap();
    let mut content = gzip.finish().unwrap();
    content.truncate(content.len() - 20);
    world.file("in.ndjson.gz", content);
    let mut source = world.source("file.read", json!({"path": "in.ndjson.gz"})).await;
    let mut count = 0;
    let error = loop {
        match source.next().await {
            Ok(Pull::Batch(batch)) => count += batch.records.len(),
            Ok(Pull::End) => panic!("the end must not be reached"),
            Err(error) => break error,
        }
    };
    assert!(count > 100_000);
    assert_eq!(error.message, format!("{} ends in the middle of its gzip data", world.path("in.ndjson.gz").display()));
    assert_eq!(source.next().await, Err(error));
}

#[tokio::test]
async fn csv_values_are_text_unless_types_say_otherwise() {
    let world = World::new();
    world.file("in.csv", "\u{feff}place,mag,felt,note\n\"a, \"\"b\"\"\n2nd line\",1.10,7,\nc,,x,y\nd,2\ne,abc,1,z\nf,3,4,w\n");
    let with = json!({"path": "in.csv", "types": {"mag": "number", "felt": "integer"}});
    let batches = world.read_all("file.read", with).await.unwrap();
    assert_eq!(
        values(&batches),
        [
            json!({"place": "a, \"b\"\n2nd line", "mag": 1.10, "felt": 7, "note": ""}),
            json!({"place": "f", "mag": 3, "felt": 4, "note": "w"}),
        ]
    );
    assert_eq!(
        rejections(&batches),
        [
            "in.csv:4: `felt` is `x`, not a whole number",
            "in.csv:5: the row has 2 values, the header 4",
            "in.csv:6: `mag` is `abc`, not a number",
        ]
    );
}

#[tokio::test]
async fn csv_types_of_columns_that_are_not_there_are_an_error() {
    let world = World::new();
    world.file("in.csv", "a,b\n1,2\n");
    let error = world.read_all("file.read", json!({"path": "in.csv", "types": {"c": "number"}})).await.unwrap_err();
    let path = world.path("in.csv");
    assert_eq!(error.message, format!("{}: `types` names the column `c`, which is not there: it has a, b", path.display()));
}

#[tokio::test]
async fn a_quote_that_is_never_closed_does_not_take_the_rest_of_the_file() {
    let world = World::new();
    let mut file = std::fs::File::create(world.path("in.csv")).unwrap();
    file.write_all(b"a,b\n1,2\n\"").unwrap();
    for _ in 0..40 {
        file.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    let error = world.read_all("file.read", json!({"path": "in.csv"})).await.unwrap_err();
    assert!(error.message.contains("is longer than 16 MiB; perhaps a quote is not closed"), "{}", error.message);
}

#[tokio::test]
async fn json_records_are_found_by_their_path_and_lose_their_line_feeds() {
    let world = World::new();
    world
        .file("in.json", "{\"type\": \"x\", \"data\": {\"features\": [{\n  \"id\": 1\n}, {\"id\": \"a b\"}, 3]}, \"more\": [1]}");
    let batches = world.read_all("file.read", json!({"path": "in.json", "records": ".data.features"})).await.unwrap();
    assert_eq!(values(&batches), [json!({"id": 1}), json!({"id": "a b"}), json!(3)]);
    assert!(!batches[0].records[0].json.contains(&b'\n'));
    world.file("one.json", "{\"a\": [1, 2], \"b\": {}}");
    let batches = world.read_all("file.read", json!({"path": "one.json", "records": "."})).await.unwrap();
    assert_eq!(values(&batches), [json!({"a": [1, 2], "b": {}})]);
}

#[tokio::test]
async fn json_that_does_not_hold_what_the_path_says_is_an_error() {
    let world = World::new();
    world.file("in.json", "{\"features\": 5}");
    let error = world.read_all("file.read", json!({"path": "in.json", "records": ".items"})).await.unwrap_err();
    assert!(error.message.contains("`records: .items`: there is no key `items`"), "{}", error.message);
    let error = world.read_all("file.read", json!({"path": "in.json", "records": ".features"})).await.unwrap_err();
    let expected =
        "`records: .features`: invalid type: integer `5`, expected an array of records, or an object that is the record";
    assert!(error.message.contains(expected), "{}", error.message);
}

#[tokio::test]
async fn reading_goes_on_after_the_cursor_of_an_earlier_attempt() {
    let lines = (1..=2_500).map(|n| format!("{{\"n\":{n}}}")).collect::<Vec<_>>().join("\n");
    let rows = format!("n\n{}", (1..=2_500).map(|n| n.to_string()).collect::<Vec<_>>().join("\n"));
    let array = format!("[{}]", (1..=2_500).map(|n| n.to_string()).collect::<Vec<_>>().join(", "));
    for (name, content, with) in [
        ("in.ndjson", lines, json!({"path": "in.ndjson"})),
        ("in.csv", rows, json!({"path": "in.csv"})),
        ("in.json", array, json!({"path": "in.json", "records": "."})),
    ] {
        let mut world = World::new();
        world.file(name, content);
        let mut source = world.source("file.read", with.clone()).await;
        let Pull::Batch(first) = source.next().await.unwrap() else { panic!("there are records") };
        source.ack(&first.stream, &first.cursor).await.unwrap();
        source.close().await;
        world.context.checkpoints.insert(name.into(), first.cursor.clone());
        let rest = world.read_all("file.read", with.clone()).await.unwrap();
        let whole: Vec<Value> = values(&[first]).into_iter().chain(values(&rest)).collect();
        world.context.checkpoints.clear();
        assert_eq!(whole, values(&world.read_all("file.read", with).await.unwrap()), "{name}");
        assert_eq!(whole.len(), 2_500);
    }
}

#[tokio::test]
async fn a_file_that_grew_is_read_on_and_a_replaced_one_from_its_beginning() {
    let mut world = World::new();
    world.file("in.ndjson", "1\n2\n");
    let batches = world.read_all("file.read", json!({"path": "in.ndjson"})).await.unwrap();
    world.context.checkpoints.insert("in.ndjson".into(), batches[0].cursor.clone());
    world.file("in.ndjson", "1\n2\n3\n");
    assert_eq!(values(&world.read_all("file.read", json!({"path": "in.ndjson"})).await.unwrap()), [json!(3)]);
    world.file("in.ndjson", "7\n8\n9\n");
    let batches = world.read_all("file.read", json!({"path": "in.ndjson"})).await.unwrap();
    assert_eq!(values(&batches), [json!(7), json!(8), json!(9)]);
    assert_eq!(world.log_lines(), ["in.ndjson was replaced since the last checkpoint: it is read from its beginning"]);
}

#[test]
fn settings_that_do_not_fit_together_are_mistakes() {
    let cases = [
        (json!({"path": ""}), "/path the path is empty"),
        (
            json!({"path": "a.xml"}),
            "/path the ending of `a.xml` does not tell its format (add `format: ndjson`, `json` or `csv`)",
        ),
        (
            json!({"path": "a.json"}),
            " json needs `records`, where the records are in the document (`.` for a file that is an array, else a path such as .features)",
        ),
        (json!({"path": "a.ndjson", "delimiter": ";"}), "/delimiter `delimiter` is for csv only"),
        (json!({"path": "a.csv", "delimiter": "ab"}), "/delimiter the delimiter is not one ASCII character"),
        (
            json!({"path": "a.json", "records": "x"}),
            "/records there is no filter `x` (at column 1) (write a path such as `.` or `.features`, or jq such as `.features[] | .properties`)",
        ),
    ];
    for (with, mistake) in cases {
        assert_eq!(mistakes("file.read", with), [mistake]);
    }
}
