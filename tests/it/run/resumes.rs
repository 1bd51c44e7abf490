//! Attempts that go on where the one before them stood, by what is in the file at the end.

use super::process::Place;

/// Its command dies in the middle, once: the first attempt fails behind several checkpoints.
fn pipeline(mode: &str) -> String {
    format!(
        "
name: resumes
retry: {{attempts: 3, backoff: 10ms, jitter: 0}}
checkpoint: {{every: 5ms, records: 500}}
steps:
  - {{name: in, uses: file.read, with: {{path: in.ndjson}}}}
  - name: dies
    uses: process.transform
    with: {{shell: 'if [ -e died ]; then exec cat; else touch died; exec sed -u 12345q; fi'}}
    retry: {{attempts: 1}}
  - {{name: out, uses: file.write, with: {{path: out.ndjson, mode: {mode}}}, batch: {{max: 700}}}}
"
    )
}

fn lines(count: usize) -> String {
    (0..count).fold(String::new(), |text, n| text + "{\"n\":" + &n.to_string() + "}\n")
}

#[test]
fn a_file_has_every_record_once_and_in_order_after_an_attempt_that_failed_in_the_middle() {
    for mode in ["replace", "append"] {
        let place = Place::with(&pipeline(mode));
        place.write("in.ndjson", &lines(20_000));
        let done = place.done(&["run", "p.pipeline.yaml"]);
        assert_eq!(done.code, Some(0), "{}", done.told);
        assert!(done.told.contains("attempt 1 failed"), "{}", done.told);
        assert!(done.told.contains("checkpoint"), "it went on from one: {}", done.told);
        assert!(place.read("out.ndjson") == lines(20_000), "{mode}: {} bytes", place.read("out.ndjson").len());
    }
}
