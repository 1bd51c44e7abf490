//! What all connections share: who may come in, how many, and what is served to them.

use std::{io, net::SocketAddr, sync::Arc};

use flexcore_ui::{keymap::Keymap, link::Link};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    HostKeyError, KeysError,
    count::Count,
    keys::{KeyRow, Keys},
};
use crate::{compose::App, config::SshSettings, http::inside::Inside, role::Role};

/// Why nothing is served by SSH.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// The host has no key.
    #[error(transparent)]
    HostKey(#[from] HostKeyError),
    /// Nobody could come in.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The console's keys are wrong.
    #[error("{0}")]
    Keymap(String),
    /// Commands could not ask the engine.
    #[error("commands by SSH cannot ask the engine")]
    Inside(#[from] reqwest::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for SSH")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// How somebody's console reaches the engine.
pub type Links = Arc<dyn Fn(Arc<str>, Role) -> Arc<dyn Link> + Send + Sync>;

pub(super) struct Host {
    pub(super) app: Arc<App>,
    /// What commands ask.
    pub(super) inside: Inside,
    pub(super) keys: Keys,
    pub(super) links: Links,
    pub(super) keymap: Keymap,
    /// Connections that have come in, by key.
    pub(super) connections: Arc<Count<Arc<str>>>,
    /// Sessions, by key.
    pub(super) sessions: Arc<Count<Arc<str>>>,
    pub(super) tracker: TaskTracker,
    /// Cancelled when it stops.
    pub(super) closing: CancellationToken,
}

impl Host {
    pub(super) fn settings(&self) -> &SshSettings {
        &self.app.settings.ssh
    }

    /// Whether somebody who came in still may.
    pub(super) fn still(&self, who: &KeyRow) -> bool {
        self.keys.still(who, self.app.engine.clock().now())
    }
}
