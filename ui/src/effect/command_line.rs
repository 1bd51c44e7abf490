//! The command-line twin of every change, quoted so that a paste into a shell does nothing else.

use flexcore_engine::{
    command::{Command, PipelineCommand, QueueCommand, RunCommand},
    event::queue::PurgeScope,
    id::MessageId,
};
use serde_json::{Map, Value};

use super::Change;

/// Quotes a word for a POSIX shell, if it needs it.
pub fn quoted(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=@,+".contains(char);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn params(params: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let words: Vec<_> =
        params.iter().map(|(name, value)| format!(" --param {}", quoted(&format!("{name}={}", text(value))))).collect();
    words.concat()
}

fn ids(messages: &[MessageId]) -> String {
    let words: Vec<_> = messages.iter().map(|id| format!(" {id}")).collect();
    if words.is_empty() { " --all".into() } else { words.concat() }
}

impl Change {
    /// The command line that asks for the same.
    pub fn command_line(&self) -> String {
        match self {
            Self::Command(command) => of_command(command),
            Self::Run { pipeline, params: given } => format!("flexcore pipeline run {pipeline}{}", params(given)),
            Self::Retry { of, .. } => format!("flexcore runs retry {of}"),
            Self::Replay { queue, messages, .. } => format!("flexcore queue replay {queue}{}", ids(messages)),
        }
    }
}

fn of_command(command: &Command) -> String {
    match command {
        Command::Pipeline(name, command) => of_pipeline(name.as_str(), command),
        Command::Run(run, RunCommand::Cancel { .. }) => format!("flexcore runs cancel {run}"),
        Command::Run(run, command) => format!("flexcore runs {} {run}", quoted(command.verb())),
        Command::Queue(name, command) => of_queue(name.as_str(), command),
    }
}

fn of_pipeline(name: &str, command: &PipelineCommand) -> String {
    match command {
        PipelineCommand::Create { source, .. } => {
            format!("flexcore pipeline create {}", source.path.as_deref().map_or_else(|| format!("{name}.yaml"), quoted))
        }
        PipelineCommand::Revise { source, .. } => {
            format!("flexcore pipeline revise {name} {}", source.path.as_deref().map_or_else(|| format!("{name}.yaml"), quoted))
        }
        PipelineCommand::Rollback { number } => format!("flexcore pipeline rollback {name} {number}"),
        PipelineCommand::Pause { reason } if !reason.is_empty() => {
            format!("flexcore pipeline pause {name} --reason {}", quoted(reason))
        }
        command => format!("flexcore pipeline {} {name}", command.verb()),
    }
}

fn of_queue(name: &str, command: &QueueCommand) -> String {
    match command {
        QueueCommand::Purge { scope: PurgeScope::Messages } => format!("flexcore queue purge {name}"),
        QueueCommand::Purge { scope: PurgeScope::DeadLetters } => format!("flexcore queue purge {name} --dead"),
        QueueCommand::Redrive { messages } => format!("flexcore queue redrive {name}{}", ids(messages)),
        QueueCommand::DiscardDeadLetters { messages } => format!("flexcore queue discard {name}{}", ids(messages)),
        QueueCommand::EditDeadLetter { message, .. } => format!("flexcore queue edit {name} {message}"),
        QueueCommand::ReplayDeadLetters { messages, .. } => format!("flexcore queue replay {name}{}", ids(messages)),
        QueueCommand::Send { body, .. } => format!("flexcore queue send {name} {}", quoted(&String::from_utf8_lossy(body))),
        QueueCommand::Declare { .. } => format!("flexcore queue declare {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_a_shell_would_read_is_quoted() {
        assert_eq!(quoted("day=2026-01-31"), "day=2026-01-31");
        assert_eq!(quoted("$(rm -rf /)"), "'$(rm -rf /)'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
