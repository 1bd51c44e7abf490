//! SSH in a build without it: asking for it is an error that says so, and an engine runs without it.

use std::{net::SocketAddr, sync::Arc};

use flexcore_engine::unit::Duration;

use crate::{compose::App, http::Listening};

/// Why nothing is served by SSH.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// It was asked for.
    #[error("this flexcore was built without SSH (feature `ssh`): it cannot serve `--ssh`")]
    NotBuilt,
}

/// Nothing, being served.
pub struct Served {
    /// Always `None`.
    pub address: Option<SocketAddr>,
}

/// Refused when an address is set.
pub async fn listen(app: Arc<App>, _: &Listening) -> Result<Served, SshError> {
    match app.settings.ssh.address {
        Some(_) => Err(SshError::NotBuilt),
        None => Ok(Served { address: None }),
    }
}

impl Served {
    /// Whether there is anything to read again.
    pub fn reloads(&self) -> bool {
        false
    }

    /// Nothing to read again.
    pub fn reload(&self) -> Option<usize> {
        None
    }

    /// Nothing to wait for.
    pub async fn stop(self, _: Duration) {}
}
