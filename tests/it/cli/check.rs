//! Bad files and what is said of them: `bad/<name>.pipeline.yaml` beside `bad/<name>.txt`. A new case is a new file; with
//! `FLEXCORE_BLESS=1` the texts are written anew, to be read before they are kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

use flexcore::{
    cli::{
        ASKED_WRONGLY, DONE, FAILED,
        check::{CheckArgs, check},
    },
    definition, step,
};

const FOLDER: &str = "tests/it/cli/bad";
const GOOD: &str = "tests/it/cli/good/orders.pipeline.yaml";

fn env(name: &str) -> Option<String> {
    (name == "SET").then(|| "set".to_owned())
}

/// Exit code and output of a check.
fn checked(paths: &[&Path], json: bool) -> (i32, String) {
    let args = CheckArgs { paths: paths.iter().map(|path| path.to_path_buf()).collect(), json };
    let mut out = Vec::new();
    let code = check(&args, &*step::table(), &env, &mut out).unwrap();
    (code, String::from_utf8(out).unwrap())
}

/// The list of step types grows with each new one; it is not what these files are about.
fn without_list_of_types(text: &str) -> String {
    let line = |line: &str| line.split_once("there are: ").map_or(line.to_owned(), |(before, _)| format!("{before}there are: …"));
    text.lines().map(|text| line(text) + "\n").collect()
}

fn files_ending(ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    found.sort();
    found
}

#[test]
fn every_bad_file_is_told_exactly_what_is_wrong_with_it() {
    let bless = std::env::var_os("FLEXCORE_BLESS").is_some();
    let files = files_ending(".pipeline.yaml");
    assert!(files.len() > 20, "{}", files.len());
    let mut different = Vec::new();
    for path in files {
        let (code, told) = checked(&[&path], false);
        assert_eq!(code, FAILED, "{}: {told}", path.display());
        let told = without_list_of_types(&told);
        let expected = PathBuf::from(path.to_string_lossy().replace(".pipeline.yaml", ".txt"));
        if bless {
            fs::write(&expected, &told).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != told {
            different.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn first_line_about(bytes: &[u8]) -> String {
    let (folder, path) = written("x.pipeline.yaml", bytes);
    let (code, told) = checked(&[&path], false);
    assert_eq!(code, FAILED, "{told}");
    let prefix = format!("{}/", folder.path().display());
    told.lines().next().unwrap_or_default().replace(&prefix, "")
}

#[test]
fn bytes_that_are_no_text_are_refused_at_their_place() {
    assert_eq!(first_line_about(b"name: a\nsteps: \xff\n"), "x.pipeline.yaml:2:8: the file is not UTF-8");
    assert_eq!(first_line_about(b"name: \0\n"), "x.pipeline.yaml:1:7: a NUL character stands here; this is not a text");
    assert_eq!(first_line_about(b""), "x.pipeline.yaml:1:1: the file is empty");
    assert_eq!(first_line_about(&vec![b'a'; 1 << 20]), "x.pipeline.yaml:1:1: the file has 1024 KiB; the most is 256 KiB");
}

#[test]
fn an_alias_bomb_is_refused_before_it_bursts() {
    let level = |level: usize| format!("a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 10].join(", "));
    let lines: Vec<_> = ["a0: &a0 [x, x, x]".to_owned()].into_iter().chain((1..12).map(level)).collect();
    let told = first_line_about(lines.join("\n").as_bytes());
    assert_eq!(told, "x.pipeline.yaml:7:10: the aliases of this file copy too much");
}

#[test]
fn nesting_without_end_is_refused() {
    let told = first_line_about("[".repeat(200_000).as_bytes());
    assert_eq!(told, "x.pipeline.yaml:1:129: lists and maps are nested deeper than 64 levels here");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let good = fs::read_to_string(GOOD).unwrap();
    let (_folder, path) = written("x.pipeline.yaml", format!("\u{feff}{}", good.replace('\n', "\r\n")).as_bytes());
    assert_eq!(checked(&[&path], false), (DONE, "1 file, no mistakes\n".to_owned()));
}

#[test]
fn the_examples_and_the_templates_have_no_mistakes() {
    assert_eq!(checked(&[Path::new("examples")], false), (DONE, "4 files, no mistakes\n".to_owned()));
    for template in definition::templates() {
        let (_folder, path) = written("x.pipeline.yaml", template.text.as_bytes());
        assert_eq!(checked(&[&path], false), (DONE, "1 file, no mistakes\n".to_owned()), "{}", template.name);
    }
}

#[test]
fn a_path_that_is_not_there_is_asked_wrongly() {
    let (code, told) = checked(&[Path::new("no/such.yaml")], false);
    // What is wrong goes to standard error: output may be JSON for another program.
    assert_eq!((code, &*told), (ASKED_WRONGLY, ""));
    assert_eq!(checked(&[Path::new("tests/it")], false), (ASKED_WRONGLY, String::new()));
}

#[test]
fn two_files_of_one_name_are_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name: same\nsteps:\n  - {name: a, uses: generate}\n  - {name: b, uses: file.write, with: {path: x.ndjson}}\n";
    for name in ["a.pipeline.yaml", "b.pipeline.yml"] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let (code, told) = checked(&[folder.path()], false);
    assert_eq!(code, FAILED);
    let first = folder.path().join("a.pipeline.yaml");
    assert!(told.contains(&format!("b.pipeline.yml:1:7: the pipeline `same` stands in {}, too", first.display())), "{told}");
    assert!(told.ends_with("2 files, 1 mistake in 1 of them\n"), "{told}");
}

#[test]
fn json_has_one_line_a_file_with_every_mistake() {
    let path = Path::new(FOLDER).join("unknown-keys.pipeline.yaml");
    let (code, told) = checked(&[&path, Path::new(GOOD)], true);
    let lines: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(code, FAILED);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["mistakes"][0]["line"], 2);
    assert_eq!(lines[0]["mistakes"][0]["mistake"]["pointer"], "/owners");
    assert_eq!(lines[1]["name"], "orders");
    assert_eq!(lines[1]["mistakes"], serde_json::json!([]));
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let told = first_line_about("name: \"a\\e[31mb\"\nsteps: []\n".as_bytes());
    assert!(!told.contains('\u{1b}'), "{told:?}");
}
