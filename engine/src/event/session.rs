//! Who came in to look or to act (streams `session/<id>`).

use serde::{Deserialize, Serialize};

/// Somebody came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionOpened {
    /// The node that serves it.
    pub node: String,
    /// How: `ssh`, `attach` by the API, or `terminal` where the engine runs.
    pub way: String,
    /// From where, as an address; empty on the machine itself.
    pub from: String,
    /// What it may do: `viewer`, `operator` or `admin`.
    pub role: String,
    /// The command that it runs, like `pipeline list`; `None`: a console.
    pub command: Option<String>,
    /// The file that keeps what it shows, by its name in the folder of recordings.
    pub recording: Option<String>,
}

/// It is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionClosed {
    /// Why, like `the client is gone`; empty: whoever it was had done.
    pub reason: String,
    /// As its client was told; `None`: nobody could be told any more.
    pub exit_code: Option<i32>,
}
