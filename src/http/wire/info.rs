//! What an engine says of itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{access::Caller, state::Api, wire::events::actor_text};

/// What consoles and engines say to each other under `/console`, by number: both must have the same one. It grows when the
/// form of anything there changes so that the other side would misunderstand.
pub const CONSOLE_PROTOCOL: u32 = 2;

/// An engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Info {
    /// Always `flexcore`.
    #[schema(example = "flexcore")]
    pub service: String,
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// The commit that it was built from; `unknown` when the build did not say.
    pub commit: String,
    /// What it says to consoles elsewhere, and understands of them; one with another number is not for it.
    #[schema(example = 2)]
    pub console: u32,
    /// This start of the engine: another one has forgotten which requests it was sent before.
    pub instance: Uuid,
    /// The node's name.
    pub node: String,
    /// The process.
    pub process: u32,
    /// Seconds since the engine started.
    pub uptime_seconds: f64,
    /// When that was.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// What the log is kept in.
    #[schema(example = "memory")]
    pub store: String,
    /// The newest event.
    pub position: u64,
    /// The oldest event that is kept.
    pub oldest: u64,
    /// Whether every change is refused.
    pub read_only: bool,
    /// Who the caller is, as events will have it.
    #[schema(example = "operator:ana")]
    pub caller: String,
    /// What the caller may do.
    #[schema(example = "admin")]
    pub role: String,
}

/// The commit that the program was built from, if the build said.
pub fn commit() -> &'static str {
    option_env!("FLEXCORE_COMMIT").unwrap_or("unknown")
}

impl Info {
    pub(in crate::http) fn of(api: &Api, caller: &Caller) -> Self {
        let vitals = api.app().vitals().borrow().clone();
        let store = api.engine().store().stats();
        Self {
            service: "flexcore".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            commit: commit().into(),
            console: CONSOLE_PROTOCOL,
            instance: api.instance(),
            node: api.app().settings.node.clone(),
            process: std::process::id(),
            uptime_seconds: api.uptime().as_secs_f64(),
            started_at: vitals.started_at,
            store: vitals.store_kind.clone(),
            position: store.head.0,
            oldest: store.oldest.0,
            read_only: api.app().settings.read_only,
            caller: actor_text(&caller.actor),
            role: caller.role.word().into(),
        }
    }
}
