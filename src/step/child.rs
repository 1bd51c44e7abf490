//! Child processes: each in a process group of its own, ended as a group, always reaped, with output that is read in
//! bounded lines. A command that leaves something running behind it does not leave it to the machine, and neither does this
//! process: a guard in the group ends it when this process is killed, and the next start looks for what is left even so.

mod guard;
pub(super) mod lines;
mod program;
mod register;
mod stderr;
mod strays;

pub use self::{register::keep_in, strays::end_strays};

use std::{
    collections::BTreeMap,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use flexcore_engine::{
    pipeline::Mistake,
    port::step::{StepContext, StepError},
};
use rustix::process::{Pid, Signal, kill_process_group};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::process::{Child, ChildStdin, ChildStdout};

use self::stderr::Stderr;

/// The variable that tells a child, and whoever looks for strays, which run it belongs to.
pub const MARK: &str = "FLEXCORE_RUN";

/// Whether a program is given an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    None,
    Pipe,
}

/// What a group may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// What to run; part of the settings of every `process.*` type.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    /// The program and its arguments.
    #[serde(default)]
    command: Vec<String>,
    /// A line for `sh -c`, instead of `command`.
    #[serde(default)]
    shell: Option<String>,
    /// Variables added to its environment.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Where it runs. Default: the pipeline file's folder, where relative paths start too.
    #[serde(default)]
    cwd: Option<String>,
}

impl Program {
    /// What is wrong with it.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        match (self.command.first(), &self.shell) {
            (None, None) => found.push(
                Mistake::at("", "there is nothing to run").hint("give `command: [program, argument]` or `shell: \"a line\"`"),
            ),
            (Some(_), Some(_)) => {
                found.push(Mistake::at("/shell", "`command` and `shell` exclude each other").hint("remove one of them"));
            }
            (Some(program), None) if program.trim().is_empty() => found.push(Mistake::at("/command/0", "the program is empty")),
            (Some(_), None) | (None, Some(_)) => {}
        }
        found
    }

    /// Its short name, for messages; arguments may hold what nobody should read.
    pub(super) fn name(&self) -> &str {
        self.command.first().map_or("sh", |program| program.rsplit('/').next().unwrap_or(program))
    }

    /// Starts it, with or without an input to write to.
    pub(super) fn start(&self, context: &StepContext, input: Input) -> Result<Group, StepError> {
        let (program, arguments) = match (&self.shell, self.command.split_first()) {
            (Some(line), _) => ("sh", vec!["-c".to_owned(), line.clone()]),
            (None, Some((program, arguments))) => (program.as_str(), arguments.to_vec()),
            (None, None) => return Err(StepError::permanent("there is nothing to run")),
        };
        let folder = self.cwd.as_ref().map_or_else(|| context.folder.clone(), |cwd| context.folder.join(cwd));
        let cannot = |error: std::io::Error| {
            let cannot = format!("cannot start `{}` in {}", self.name(), folder.display());
            StepError::permanent(cannot).because(&error)
        };
        let path = self.env.get("PATH").map(String::as_str);
        program::check(program, &folder, path).map_err(cannot)?;
        let mut guarded = guard::Guarded::new(program, &arguments, input).map_err(cannot)?;
        let command = &mut guarded.command;
        command.envs(&self.env).env(MARK, context.run.to_string()).current_dir(&folder).process_group(0);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(cannot)?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let stderr = Stderr::follow(child.stderr.take(), context.log.clone());
        let entry = id.and_then(|id| register::enter(id, context, self.name()));
        let mut group = Group { name: self.name().to_owned(), child, id, stdin: None, stderr, context: context.clone(), entry };
        // Only now it may do anything: whoever starts after a crash of this process finds it.
        group.stdin = guarded.let_go().map_err(cannot)?;
        Ok(group)
    }
}

/// A running program and what it started.
pub(super) struct Group {
    name: String,
    child: Child,
    /// `None` once the group was ended: from then on the number may be another group's.
    id: Option<Pid>,
    stdin: Option<ChildStdin>,
    stderr: Stderr,
    context: StepContext,
    /// On record for whoever starts after a crash; gone with this.
    entry: Option<register::Entry>,
}

impl Group {
    pub(super) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    pub(super) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for its end; a status other than 0 is an error with the last lines of stderr. Cancel-safe.
    pub(super) async fn wait(&mut self) -> Result<(), StepError> {
        let status = self.child.wait().await;
        let status = status.map_err(|error| StepError::transient(format!("cannot wait for `{}`", self.name)).because(&error))?;
        // What it left running holds its pipes open, and would outlive the run.
        self.signal(Signal::KILL);
        self.id = None;
        self.entry = None;
        self.stderr.end().await;
        if status.success() { Ok(()) } else { Err(self.ended_badly(status)) }
    }

    fn ended_badly(&self, status: ExitStatus) -> StepError {
        use std::os::unix::process::ExitStatusExt;
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with exit code {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "ended".into(),
        };
        let mut error = StepError::transient(format!("`{}` {how}{}", self.name, self.stderr.last_words()));
        error.causes = self.stderr.last_lines();
        error
    }

    /// Ends the group: asks, waits, then kills; reaps in any case.
    pub(super) async fn end(&mut self) {
        if self.id.is_none() {
            return;
        }
        self.signal(Signal::TERM);
        let grace = self.context.clock.sleep(GRACE);
        tokio::select! {
            _ = self.child.wait() => {}
            () = grace => {}
        }
        self.signal(Signal::KILL);
        self.id = None;
        self.entry = None;
        // Killed: it cannot take long. An error means that there is nothing to reap.
        let _ = self.child.wait().await;
        self.stderr.end().await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // An error means that nobody is left to hear it.
            let _ = kill_process_group(id, signal);
        }
    }
}

/// When a step is dropped without being closed there is no time to ask; tokio reaps what is left.
impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
