//! How a run ends, and what is said of it.

use std::process::Stdio;

use super::process::{Place, done};

const NUMBERS: &str = "
name: numbers
steps:
  - {name: make, uses: generate, with: {count: 3, interval: 0ms, template: '{n: $n}'}}
  - {name: out, uses: stdout}
";

#[test]
fn a_run_that_succeeds_gives_its_records_alone_on_stdout_and_one_closing_line() {
    let done = Place::with(NUMBERS).done(&["run", "p.pipeline.yaml"]);
    assert_eq!((done.code, &*done.out), (Some(0), "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"), "{}", done.told);
    let last = done.told.lines().last().unwrap();
    assert!(last.starts_with("numbers succeeded in "), "{last}");
    assert!(last.ends_with(": 3 records read, 3 written, 0 dead letters"), "{last}");
    assert!(!done.told.contains('\u{1b}'), "plain lines have no escape sequences: {:?}", done.told);
}

#[test]
fn a_run_that_fails_tells_the_step_the_cause_and_the_record() {
    let done = Place::with(
        "
name: bad
steps:
  - {name: make, uses: generate, with: {count: 3, interval: 0ms, template: '{n: $n}'}}
  - {name: check, uses: map, with: {expr: 'if .n == 2 then error(\"two is too much\") else . end'}}
  - {name: out, uses: drop}
",
    )
    .done(&["run", "p.pipeline.yaml"]);
    assert_eq!(done.code, Some(1), "{}", done.told);
    let end: Vec<&str> = done.told.lines().skip_while(|line| !line.starts_with("bad failed")).collect();
    assert!(end[0].contains("in step check: ") && end[0].contains("two is too much"), "{end:?}");
    assert_eq!(end[1..], ["  record: {\"n\":2}"], "{}", done.told);
}

#[test]
fn dead_letters_are_shown_before_the_command_forgets_them() {
    let done = Place::with(
        "
name: some
steps:
  - {name: make, uses: generate, with: {count: 4, interval: 0ms, template: '{n: $n}'}}
  - {name: check, uses: map, on_error: dead_letter, with: {expr: 'if .n > 2 then error(\"too big\") else . end'}}
  - {name: out, uses: stdout}
",
    )
    .done(&["run", "p.pipeline.yaml"]);
    assert_eq!((done.code, &*done.out), (Some(0), "{\"n\":1}\n{\"n\":2}\n"), "{}", done.told);
    assert!(done.told.contains("    {\"n\":3}\n") && done.told.contains("    {\"n\":4}\n"), "{}", done.told);
    assert!(done.told.ends_with("4 records read, 2 written, 2 dead letters\n"), "{}", done.told);
}

#[test]
fn what_a_command_of_the_pipeline_says_is_shown() {
    let done = Place::with(
        "
name: speaks
steps:
  - {name: hello, uses: process.run, with: {shell: 'echo out loud; echo aside >&2'}}
",
    )
    .done(&["run", "p.pipeline.yaml"]);
    assert_eq!(done.code, Some(0), "{}", done.told);
    assert!(done.told.contains(" hello: out loud\n") && done.told.contains(" hello: aside\n"), "{}", done.told);
}

#[test]
fn a_closed_stdout_fails_the_run_with_a_sentence() {
    let place = Place::with(&NUMBERS.replace("count: 3", "count: 100000"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = done(place.command(&["run", "p.pipeline.yaml"]).stdout(Stdio::from(writer)));
    assert_eq!(done.code, Some(1), "{}", done.told);
    assert!(done.told.contains("numbers failed after "), "{}", done.told);
    assert!(done.told.contains("cannot write to stdout"), "{}", done.told);
}

#[test]
fn what_is_printed_for_others_ends_quietly_when_nobody_reads_on() {
    let place = Place::new();
    for command in ["schema", "man"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = done(place.command(&[command]).stdout(Stdio::from(writer)));
        assert_eq!((done.code, &*done.told), (Some(0), ""), "{command}");
    }
}

#[test]
fn a_closed_stderr_does_not_stop_a_run() {
    let place = Place::with(NUMBERS);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = place.command(&["run", "p.pipeline.yaml"]);
    let output = command.stderr(Stdio::from(writer)).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 24));
}

#[test]
fn a_device_that_is_full_fails_the_run_and_is_told() {
    let place = Place::with(
        "
name: full
steps:
  - {name: make, uses: generate, with: {count: 100000, interval: 0ms}}
  - {name: out, uses: stdout}
",
    );
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = done(place.command(&["run", "p.pipeline.yaml"]).stdout(Stdio::from(full)));
    assert_eq!(done.code, Some(1), "{}", done.told);
    assert!(done.told.contains("No space left on device"), "{}", done.told);
}

#[test]
fn a_file_that_cannot_be_run_is_asked_wrongly_and_nothing_is_made() {
    let place = Place::with("name: p\nsteps:\n  - {name: a, uses: file.raed}\n");
    place.write("two.pipeline.yaml", NUMBERS);
    let cases = [
        (vec!["run", "p.pipeline.yaml"], "p.pipeline.yaml:3:21: there is no step type `file.raed`"),
        (vec!["run", "none.yaml"], "flexcore: cannot read none.yaml: there is no such file or folder"),
        (vec!["run", "two.pipeline.yaml", "--param", "n"], "--param n: write it as NAME=VALUE"),
        (vec!["run", "two.pipeline.yaml", "--read-only"], "`read_only` is set"),
        (vec!["check", "none"], "flexcore: cannot read none: there is no such file or folder"),
        (vec!["check", "/"], "flexcore: there are no pipeline files in /"),
        (vec!["chek"], "did you mean the command `check`?"),
        (vec![], "the console needs a terminal"),
    ];
    for (arguments, expected) in cases {
        let done = place.done(&arguments);
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{arguments:?} {}", done.told);
        assert!(done.told.contains(expected), "{arguments:?} {}", done.told);
    }
    assert!(!place.path("state").exists(), "no log folder for what never began");
}

#[test]
fn checks_tests_and_the_schema_leave_nothing_behind() {
    let place = Place::with(NUMBERS);
    for arguments in [&["check", "."][..], &["test", "."], &["schema"], &["completions", "bash"], &["man"], &["--help"]] {
        assert_eq!(place.done(arguments).code, Some(0), "{arguments:?}");
    }
    let left: Vec<_> = std::fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["p.pipeline.yaml"]);
}

#[test]
fn parameters_are_typed_and_a_wrong_one_is_told_before_anything_runs() {
    let place = Place::with(
        "
name: typed
params:
  limit: {type: integer}
  word: {type: string, default: none}
steps:
  - {name: make, uses: generate, with: {count: 1, interval: 0ms, template: '{limit: $params.limit, word: $params.word}'}}
  - {name: out, uses: stdout}
",
    );
    let run = |params: &[&str]| {
        let params = params.iter().flat_map(|param| ["--param", param]);
        place.done(&["run", "p.pipeline.yaml"].into_iter().chain(params).collect::<Vec<_>>())
    };
    assert_eq!(run(&["limit=7", "word=8"]).out, "{\"limit\":7,\"word\":\"8\"}\n");
    let cases = [
        (&["word=x"][..], "parameter `limit`: must be given: a whole number"),
        (&["limit=many"], "parameter `limit`: must be a whole number, not \"many\""),
        (&["limit=1", "wort=x"], "parameter `wort`: is not one of this pipeline; did you mean `word`?"),
        (&["limit=1", "limit=2"], "--param limit is given twice"),
    ];
    for (params, expected) in cases {
        let done = run(params);
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{params:?} {}", done.told);
        assert!(done.told.contains(expected), "{params:?} {}", done.told);
    }
}

#[test]
fn records_can_be_piped_in() {
    let place = Place::with(
        "
name: piped
steps:
  - {name: read, uses: file.read, with: {path: /dev/stdin, format: ndjson}}
  - {name: out, uses: stdout}
",
    );
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, b"{\"n\":1}\n{\"n\":2}\n").unwrap();
    drop(writer);
    let done = done(place.command(&["run", "p.pipeline.yaml"]).stdin(Stdio::from(reader)));
    assert_eq!((done.code, &*done.out), (Some(0), "{\"n\":1}\n{\"n\":2}\n"), "{}", done.told);
}
