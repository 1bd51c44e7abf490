//! What a child says on stderr: to the step's log line by line, and the last lines for the error should it fail. It is
//! always read, because a child that nobody listens to stops at a full pipe.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use flexcore_engine::flow::log::{LINE_BYTES_MAX, StepLog};
use tokio::{process::ChildStderr, task::JoinHandle};

use super::lines::Lines;

const LAST_LINES_MAX: usize = 7;

pub(super) struct Stderr {
    last: Arc<Mutex<VecDeque<String>>>,
    reading: Option<JoinHandle<()>>,
}

impl Stderr {
    pub(super) fn follow(stderr: Option<ChildStderr>, log: StepLog) -> Self {
        let last = Arc::new(Mutex::new(VecDeque::new()));
        let kept = last.clone();
        let reading = stderr.map(|stderr| tokio::spawn(follow(stderr, log, kept)));
        Self { last, reading }
    }

    /// Waits until all of it is read: the group has ended, so the pipe has too.
    pub(super) async fn end(&mut self) {
        if let Some(reading) = self.reading.take() {
            // It does not panic, and nobody aborts it.
            let _ = reading.await;
        }
    }

    pub(super) fn last_lines(&self) -> Vec<String> {
        self.last.lock().expect("no code panics while it holds this lock").iter().cloned().collect()
    }

    /// The last line, as the end of a sentence.
    pub(super) fn last_words(&self) -> String {
        let last = self.last_lines().into_iter().rev().find(|line| !line.trim().is_empty());
        last.map_or(String::new(), |line| format!(": {line}"))
    }
}

async fn follow(stderr: ChildStderr, log: StepLog, last: Arc<Mutex<VecDeque<String>>>) {
    let mut lines = Lines::new(stderr, LINE_BYTES_MAX);
    while let Ok(Some(line)) = lines.next().await {
        let text = String::from_utf8_lossy(&line.text).into_owned();
        log.info(&text);
        let mut last = last.lock().expect("no code panics while it holds this lock");
        last.push_back(text);
        if last.len() > LAST_LINES_MAX {
            last.pop_front();
        }
    }
}
