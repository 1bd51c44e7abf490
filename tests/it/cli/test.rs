//! The tests in pipeline files, run and told.

use std::{fs, path::PathBuf};

use flexcore::{
    cli::{
        ASKED_WRONGLY, DONE, FAILED,
        test::{TestArgs, test},
    },
    definition, step,
};

fn tested(paths: &[&str], only: Option<&str>, json: bool) -> (i32, String) {
    let args = TestArgs { paths: paths.iter().map(PathBuf::from).collect(), only: only.map(str::to_owned), json };
    let mut out = Vec::new();
    let code = test(&args, &*step::table(), &|_| None, &mut out).unwrap();
    (code, String::from_utf8(out).unwrap())
}

const STEPS: &str = "
steps:
  - {name: read, uses: file.read, with: {path: x.ndjson}}
  - name: shape
    uses: map
    on_error: POLICY
    with: {filter: '.n != null', fields: {n: .n * 2, who: $params.who}}
  - {name: write, uses: file.write, with: {path: y.ndjson}}
params: {who: {type: string, default: me}}
";

fn tested_text(policy: &str, tests: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.pipeline.yaml");
    fs::write(&path, format!("name: p{}tests:\n{tests}", STEPS.replace("POLICY", policy))).unwrap();
    tested(&[path.to_str().unwrap()], None, false)
}

#[test]
fn a_step_is_tested_on_its_records_alone() {
    let (code, told) = tested_text("fail", "  - {name: doubles, step: shape, input: [{n: 2}, {}], output: [{who: me, n: 4}]}\n");
    assert_eq!((code, &*told), (DONE, "ok   p: doubles\n1 test, all passed\n"));
}

#[test]
fn a_test_that_fails_tells_each_difference() {
    let (code, told) = tested_text("fail", "  - {name: doubles, step: shape, input: [{n: 2}], output: [{n: 5}, {n: 1}]}\n");
    assert_eq!(code, FAILED);
    assert_eq!(
        told,
        "FAIL p: doubles\n       expected 2 records, found 1\n       record 1 .n: expected 5, found 4\n       record 1 .who: not \
         expected, found \"me\"\n       record 2 is missing: {\"n\":1}\n1 test, 1 failed\n"
    );
}

#[test]
fn a_record_that_is_refused_fails_the_test_unless_the_step_allows_it() {
    let case = "  - {name: text, step: shape, input: [{n: {}}], output: []}\n";
    let (code, told) = tested_text("fail", case);
    assert_eq!(code, FAILED);
    assert!(told.contains("input 1 fails: "), "{told}");
    assert_eq!(tested_text("skip", case).0, DONE);
}

#[test]
fn the_whole_path_is_tested_with_counts_records_mocks_and_params() {
    let case = "  - name: path
    input: {read: [{n: 1}, {n: {}}, {}]}
    params: {who: you}
    expect: {write: [{n: 2, who: you}], shape: 3, dead_letters: 1}
  - name: mocked
    input: {read: [{n: 1}]}
    mock: {shape: [{a: 1}, {a: 2}]}
    expect: {write: [{a: 1}, {a: 2}]}
";
    let (code, told) = tested_text("dead_letter", case);
    assert_eq!((code, &*told), (DONE, "ok   p: path\nok   p: mocked\n2 tests, all passed\n"));
    let (code, told) = tested_text("dead_letter", &case.replace("dead_letters: 1", "dead_letters: 0"));
    assert_eq!(code, FAILED);
    assert!(told.contains("dead_letters: expected 0, found 1\n"), "{told}");
    assert!(told.contains("dead_letters: refused by `shape`: "), "{told}");
}

#[test]
fn a_file_with_mistakes_is_not_tested_and_fails() {
    let (code, told) = tested(&["tests/it/cli/bad/no-steps.pipeline.yaml"], None, false);
    assert_eq!(code, FAILED);
    assert!(told.contains("no-steps.pipeline.yaml:2:8: a pipeline needs at least one step"), "{told}");
    assert!(told.ends_with("0 tests; 1 file with mistakes, not tested\n"), "{told}");
    assert_eq!(tested(&["no/such"], None, false).0, ASKED_WRONGLY);
}

#[test]
fn tests_are_chosen_by_name_and_told_as_json() {
    let (code, told) = tested(&["tests/it/cli/good"], Some("cents"), true);
    assert_eq!(code, DONE);
    let lines: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["test"], "cents are whole");
    assert_eq!(lines[0]["passed"], true);
}

#[test]
fn the_tests_of_the_examples_and_of_the_templates_pass() {
    let (code, told) = tested(&["examples"], None, false);
    assert_eq!(code, DONE, "{told}");
    assert!(told.ends_with("9 tests, all passed\n"), "{told}");
    for template in definition::templates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.pipeline.yaml");
        fs::write(&path, &template.text).unwrap();
        let (code, told) = tested(&[path.to_str().unwrap()], None, false);
        assert_eq!(code, DONE, "{}: {told}", template.name);
    }
}
