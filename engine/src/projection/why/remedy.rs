//! What can be done about it. The engine knows no keys: a console finds the key of a deed in its own table.

use crate::id::{PipelineName, QueueName, RunId};

/// Something that an operator can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Let the triggers of a draft start runs.
    Activate(PipelineName),
    /// Let the triggers start runs again.
    Resume(PipelineName),
    /// Stop the triggers, or a continuous pipeline.
    Pause(PipelineName),
    /// Start a run by hand.
    Run(PipelineName),
    /// Make a draft of an archived one.
    Restore(PipelineName),
    /// Give it a definition that is mended.
    Revise(PipelineName),
    /// Ask a run to stop.
    Cancel(RunId),
    /// Start a run with the parameters of one that ended badly.
    Retry(RunId),
    /// Look at the error of a run, and at the record that did it.
    ShowRun(RunId),
    /// Look at messages or dead letters, mend them, replay them.
    ShowQueue(QueueName),
}

impl Deed {
    /// The command line that does the same.
    pub fn command_line(&self) -> String {
        match self {
            Self::Activate(name) => format!("flexcore pipeline activate {name}"),
            Self::Resume(name) => format!("flexcore pipeline resume {name}"),
            Self::Pause(name) => format!("flexcore pipeline pause {name}"),
            Self::Run(name) => format!("flexcore pipeline run {name}"),
            Self::Restore(name) => format!("flexcore pipeline restore {name}"),
            Self::Revise(name) => format!("flexcore pipeline revise {name} FILE"),
            Self::Cancel(run) => format!("flexcore runs cancel {run}"),
            Self::Retry(run) => format!("flexcore runs retry {run}"),
            Self::ShowRun(run) => format!("flexcore runs show {run}"),
            Self::ShowQueue(name) => {
                let verb = if name.as_str().strip_suffix(".dead").is_some() { "dead" } else { "peek" };
                format!("flexcore queue {verb} {name}")
            }
        }
    }
}

/// Something that can be done, and what it does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What.
    pub deed: Deed,
    /// Like `resume it`.
    pub text: String,
}

impl Remedy {
    pub(super) fn new(deed: Deed, text: impl Into<String>) -> Self {
        Self { deed, text: text.into() }
    }
}
