//! What steps say while they work: bounded per run, newest kept, shown in the console. Not events: there are too many.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;

use crate::{id::StepName, port::clock::Clock};

/// The most lines kept per run; the oldest go first.
pub const LINES_MAX: usize = 2_000;
/// The longest line, in bytes; longer ones are cut.
pub const LINE_BYTES_MAX: usize = 4_096;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Said in passing, such as a child process's stderr.
    Info,
    /// Needs a look.
    Warn,
    /// A failure.
    Error,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Counts the run's lines from 1, dropped ones included.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub step: StepName,
    /// How much it matters.
    pub level: LogLevel,
    /// What, without line feeds; may hold any other character, so show it with care.
    pub text: String,
}

/// The lines of one run.
#[derive(Debug, Clone, Default)]
pub struct RunLog {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<LogLine>,
    total: u64,
}

impl RunLog {
    /// Lines after a number, oldest first, at most `max`.
    pub fn after(&self, number: u64, max: usize) -> Vec<LogLine> {
        let lines = self.lock();
        let start = lines.kept.partition_point(|line| line.number <= number);
        lines.kept.iter().skip(start).take(max).cloned().collect()
    }

    /// A writer for one step.
    pub fn of_step(&self, step: StepName, clock: Arc<dyn Clock>) -> StepLog {
        StepLog { run: self.clone(), step, clock }
    }

    fn push(&self, step: &StepName, at: Timestamp, level: LogLevel, text: &str) {
        let mut cut = text.len().min(LINE_BYTES_MAX);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        let mut lines = self.lock();
        lines.total += 1;
        let number = lines.total;
        lines.kept.push_back(LogLine { number, at, step: step.clone(), level, text: text[..cut].replace('\n', " ") });
        if lines.kept.len() > LINES_MAX {
            lines.kept.pop_front();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.lines.lock().expect("no code panics while it holds this lock")
    }
}

/// Writes lines for one step.
#[derive(Clone)]
pub struct StepLog {
    run: RunLog,
    step: StepName,
    clock: Arc<dyn Clock>,
}

impl StepLog {
    /// Adds a line.
    pub fn line(&self, level: LogLevel, text: &str) {
        self.run.push(&self.step, self.clock.now(), level, text);
    }

    /// Adds a line said in passing.
    pub fn info(&self, text: &str) {
        self.line(LogLevel::Info, text);
    }

    /// Adds a line that needs a look.
    pub fn warn(&self, text: &str) {
        self.line(LogLevel::Warn, text);
    }
}
