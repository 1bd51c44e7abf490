//! What the fuzzer does, by a stable compiler and in seconds: every input that was worth keeping, and random ones.

#[path = "../../fuzz/checks/files.rs"]
mod files;
#[path = "../../fuzz/checks/journal.rs"]
mod journal;
#[path = "../../fuzz/checks/jq.rs"]
mod jq;
#[path = "../../fuzz/checks/keys.rs"]
mod keys;
#[path = "../../fuzz/checks/pipeline.rs"]
mod pipeline;
#[path = "../../fuzz/checks/queues.rs"]
mod queues;

use std::{
    fs,
    panic::{RefUnwindSafe, catch_unwind},
    path::Path,
};

use proptest::prelude::*;

/// Puts every kept input of a target through its check; says how many there were.
fn replay(target: &str, check: impl Fn(&[u8]) + RefUnwindSafe) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("each target has inputs") {
        let path = entry.expect("it can be listed").path();
        let input = fs::read(&path).expect("an input can be read");
        assert!(catch_unwind(|| check(&input)).is_ok(), "{}", path.display());
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn inputs_that_were_kept_pass() {
    replay("journal", journal::check);
    replay("queues", queues::check);
    replay("pipeline", pipeline::check);
    replay("jq", jq::check);
    replay("keys", keys::check);
}

fn input(first: impl Strategy<Value = u8>, length: usize) -> impl Strategy<Value = Vec<u8>> {
    (first, prop::collection::vec(any::<u8>(), 0..length)).prop_map(|(first, mut rest)| {
        rest.insert(0, first);
        rest
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_in_a_journals_file(bytes in input(0..3_u8, 60)) {
        journal::check(&bytes);
        queues::check(&bytes);
    }

    #[test]
    fn whatever_a_terminal_sends(bytes in input(1..9_u8, 80)) {
        keys::check(&bytes);
    }
}
