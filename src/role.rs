//! What somebody may do here, by whatever way they came: a token of the API, a key of SSH, a console. One table says which
//! command takes which role, so that no way in allows more than another.

use std::str::FromStr;

use flexcore_engine::command::{Command, PipelineCommand};
use serde::{Deserialize, Serialize};

/// What a caller may do; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// And operate what is there: pipelines' states, runs, queues, events.
    Operator,
    /// And change what is there: definitions, which may run any command on the machine.
    Admin,
}

impl Role {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The least that may ask for a command.
    pub fn least_for(command: &Command) -> Self {
        match command {
            Command::Pipeline(
                _,
                PipelineCommand::Create { .. }
                | PipelineCommand::Revise { .. }
                | PipelineCommand::Rollback { .. }
                | PipelineCommand::Delete,
            ) => Self::Admin,
            Command::Pipeline(..) | Command::Run(..) | Command::Queue(..) | Command::Alert(..) => Self::Operator,
        }
    }

    /// That something takes more than this.
    pub fn too_little(self, least: Self) -> String {
        format!("this takes the role {}; yours is {}", least.word(), self.word())
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "operator" => Ok(Self::Operator),
            "admin" => Ok(Self::Admin),
            other => Err(format!("`{other}` is not a role: viewer, operator or admin")),
        }
    }
}

#[cfg(test)]
mod tests {
    use flexcore_engine::id::PipelineName;

    use super::*;

    #[test]
    fn what_changes_a_definition_takes_an_admin() {
        let of = |command| Role::least_for(&Command::Pipeline(PipelineName::new("quakes").unwrap(), command));
        assert_eq!(of(PipelineCommand::Rollback { number: 1 }), Role::Admin);
        assert_eq!(of(PipelineCommand::Delete), Role::Admin);
        assert_eq!(of(PipelineCommand::Activate), Role::Operator);
        assert_eq!(of(PipelineCommand::Pause { reason: String::new() }), Role::Operator);
    }

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in [Role::Viewer, Role::Operator, Role::Admin] {
            assert_eq!(role.word().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
