//! Every state with every command. States are found by walking: whatever a sequence of commands can reach is tried.

mod pipeline;
mod queue;
mod run;

use std::{fmt::Debug, sync::Arc};

use jiff::Timestamp;
use serde_json::json;

use crate::{event::pipeline::Source, pipeline::Definition, unit::Duration};

/// All states that commands lead to within so many steps, the first included; equal ones once.
fn reachable<S: Clone + PartialEq + Debug>(start: S, depth: usize, next: impl Fn(&S) -> Vec<S>) -> Vec<S> {
    let mut found = vec![start];
    let mut fresh = 0;
    for _ in 0..depth {
        let upto = found.len();
        for index in fresh..upto {
            for state in next(&found[index].clone()) {
                if !found.contains(&state) {
                    found.push(state);
                }
            }
        }
        fresh = upto;
    }
    found
}

fn moment(secs: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + secs).unwrap()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn definition(description: &str, overlap: &str) -> Arc<Definition> {
    let document = json!({
        "name": "quakes", "description": description, "overlap": overlap, "retry": {"attempts": 2}, "mode": "continuous",
        "steps": [{"name": "in", "uses": "generate"}]
    });
    Arc::new(serde_json::from_value(document).unwrap())
}

fn source() -> Source {
    Source { text: "name: quakes".into(), path: None, folder: "/srv".into() }
}
