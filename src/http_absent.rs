//! The API in a build without it: asking for it is an error that says so, and an engine runs without it.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use flexcore_engine::unit::Duration;

use crate::compose::App;

/// Why the API is not served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// It was asked for.
    #[error("this flexcore was built without the API (feature `listener`): it cannot serve `--http`")]
    NotBuilt,
}

/// Nothing, being served.
pub struct Listening {
    /// Always `None`.
    pub http: Option<SocketAddr>,
    /// Always `None`.
    pub socket: Option<PathBuf>,
}

/// Refused when an address is set.
pub async fn listen(app: Arc<App>) -> Result<Listening, ListenError> {
    match app.settings.api.http {
        Some(_) => Err(ListenError::NotBuilt),
        None => Ok(Listening { http: None, socket: None }),
    }
}

impl Listening {
    /// Whether there is anything to read again.
    pub fn reloads(&self) -> bool {
        false
    }

    /// Nothing to read again.
    pub fn read_certificates_again(&self) -> Option<Result<(), ListenError>> {
        None
    }

    /// Nothing to read again.
    pub fn read_tokens_again(&self) -> Option<Result<usize, ListenError>> {
        None
    }

    /// Nothing to wait for.
    pub async fn stop(self, _: Duration) -> usize {
        0
    }
}
