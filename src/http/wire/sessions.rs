//! Sessions on the wire.

use flexcore_engine::{id::SessionId, projection::sessions::SessionRow};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::actor_text;

/// Somebody who is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    /// Names it; its events are in the stream `session/<id>`.
    pub id: String,
    /// Who, as events have it.
    #[schema(example = "operator:ana")]
    pub actor: String,
    /// What it may do.
    #[schema(example = "operator")]
    pub role: String,
    /// The node that serves it.
    pub node: String,
    /// `ssh`, `attach`, or `terminal` where the engine runs.
    #[schema(example = "ssh")]
    pub way: String,
    /// From where; empty on the machine itself.
    #[schema(example = "192.0.2.7:50122")]
    pub from: String,
    /// The command that it runs; `null`: a console.
    pub command: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

impl SessionBody {
    /// As the read model has it.
    pub fn of(id: SessionId, row: &SessionRow) -> Self {
        let SessionRow { actor, role, node, way, from, command, since } = row.clone();
        Self { id: id.to_string(), actor: actor_text(&actor), role, node, way, from, command, since }
    }
}
