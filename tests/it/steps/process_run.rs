//! `process.run`, with real processes.

use std::time::Duration;

use flexcore_engine::testing::clock::ManualClock;
use rustix::process::{Pid, test_kill_process};
use serde_json::json;

use super::world::{World, mistakes};

/// Waits for a file that a process writes, and reads the process numbers in it.
pub(super) async fn pids(world: &World, file: &str, count: usize) -> Vec<Pid> {
    loop {
        let text = std::fs::read_to_string(world.path(file)).unwrap_or_default();
        let found: Vec<_> = text.split_whitespace().filter_map(|word| Pid::from_raw(word.parse().ok()?)).collect();
        if found.len() == count && text.ends_with('\n') {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

/// Whether a process is gone, or dead and only waits for its new parent to notice.
fn is_gone(pid: Pid) -> bool {
    if test_kill_process(pid).is_err() {
        return true;
    }
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with(['Z', 'X']))
}

pub(super) async fn until_gone(pids: &[Pid]) {
    while !pids.iter().copied().all(is_gone) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_command_runs_in_the_pipelines_folder_and_its_output_is_logged() {
    let world = World::new();
    let with = json!({"command": ["sh", "-c", "echo \"$WORD in $PWD\"; echo oops >&2; printf last"], "env": {"WORD": "hello"}});
    let answer = world.task("process.run", with).await.run().await.unwrap();
    assert_eq!(answer, json!({"exit_code": 0, "last_line": "last"}));
    let folder = world.folder.path().canonicalize().unwrap();
    let mut lines = world.log_lines();
    lines.sort();
    assert_eq!(lines, [format!("hello in {}", folder.display()), "last".into(), "oops".into()]);
}

#[tokio::test]
async fn an_exit_code_other_than_0_fails_with_the_last_lines_of_stderr() {
    let world = World::new();
    let with = json!({"shell": "for n in 1 2 3 4 5 6 7 8 9; do echo line $n >&2; done; exit 3"});
    let error = world.task("process.run", with).await.run().await.unwrap_err();
    assert_eq!(error.message, "`sh` ended with exit code 3: line 9");
    assert_eq!(error.causes, ["line 3", "line 4", "line 5", "line 6", "line 7", "line 8", "line 9"]);
    assert!(error.retryable);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let world = World::new();
    let error = world.task("process.run", json!({"command": ["/no/such/flexcore-tool"]})).await.run().await.unwrap_err();
    assert_eq!(error.message, format!("cannot start `flexcore-tool` in {}", world.folder.path().display()));
    assert!(!error.retryable);
}

#[tokio::test]
async fn cancelling_ends_the_whole_group() {
    let world = World::new();
    let mut task = world.task("process.run", json!({"shell": "sleep 1000 & echo $$ $! > pids; wait"})).await;
    let cancel = world.context.cancel.clone();
    let running = tokio::spawn(async move { task.run().await });
    let both = pids(&world, "pids", 2).await;
    cancel.cancel();
    assert_eq!(running.await.unwrap().unwrap_err().message, "`sh` was cancelled");
    until_gone(&both).await;
}

#[tokio::test]
async fn a_group_that_ignores_the_request_to_end_is_killed_after_its_grace() {
    let mut world = World::new();
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    world.context.clock = clock.shared();
    let shell = "trap '' TERM; (trap '' TERM; sleep 1000 & wait) & echo $$ $! > pids; while true; do sleep 1000; done";
    let mut task = world.task("process.run", json!({"shell": shell})).await;
    let cancel = world.context.cancel.clone();
    let running = tokio::spawn(async move { task.run().await });
    let both = pids(&world, "pids", 2).await;
    cancel.cancel();
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!both.iter().copied().all(is_gone));
    clock.advance(Duration::from_secs(5));
    assert_eq!(running.await.unwrap().unwrap_err().message, "`sh` was cancelled");
    until_gone(&both).await;
}

#[tokio::test]
async fn what_a_command_leaves_running_ends_with_it() {
    let world = World::new();
    let mut task = world.task("process.run", json!({"shell": "sleep 1000 & echo $! > pids; echo done"})).await;
    assert_eq!(task.run().await.unwrap(), json!({"exit_code": 0, "last_line": "done"}));
    until_gone(&pids(&world, "pids", 1).await).await;
}

#[tokio::test]
async fn a_dropped_task_leaves_no_process() {
    let world = World::new();
    let mut task = world.task("process.run", json!({"shell": "sleep 1000 & echo $$ $! > pids; wait"})).await;
    let running = tokio::spawn(async move { task.run().await });
    let both = pids(&world, "pids", 2).await;
    running.abort();
    until_gone(&both).await;
}

#[tokio::test]
async fn a_flood_on_stderr_is_read_and_not_kept() {
    let world = World::new();
    let shell = "i=0; while [ $i -lt 30 ]; do head -c 100000 /dev/zero >&2; i=$((i+1)); done; echo >&2; yes flood | head -n 200000 >&2; exit 1";
    let error = world.task("process.run", json!({"shell": shell})).await.run().await.unwrap_err();
    assert_eq!(error.message, "`sh` ended with exit code 1: flood");
    assert!(world.log_lines().len() <= flexcore_engine::flow::log::LINES_MAX);
}

#[tokio::test]
async fn a_secret_in_the_environment_is_not_in_the_error() {
    let world = World::new();
    world.file("secrets/token", "hunter22\n");
    let with = json!({"shell": "echo \"bad token $TOKEN\" >&2; exit 1", "env": {"TOKEN": "${secret:token}"}});
    let error = world.task("process.run", with).await.run().await.unwrap_err();
    assert_eq!(error.message, "`sh` ended with exit code 1: bad token ***");
    assert_eq!(error.causes, ["bad token ***"]);
}

#[test]
fn something_to_run_is_needed_and_only_one() {
    assert_eq!(
        mistakes("process.run", json!({})),
        [" there is nothing to run (give `command: [program, argument]` or `shell: \"a line\"`)"]
    );
    assert_eq!(
        mistakes("process.run", json!({"command": ["a"], "shell": "b"})),
        ["/shell `command` and `shell` exclude each other (remove one of them)"]
    );
}
