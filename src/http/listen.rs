//! Sockets and connections: how many, how slow, and how they end. Requests themselves are the router's.

mod accept;
mod connection;
mod crowd;
mod head_timer;

use std::{fs, io, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};

use flexcore_engine::unit::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::task::TaskTracker;

use super::{
    routes,
    socket::{self, SocketError},
    state::Api,
    tls::{Certificates, TlsError},
    token::{BookError, Tokens},
};
use crate::{compose::App, config::SocketSetting};
use accept::Door;
pub(super) use connection::{HEAD_BYTES_MAX, HEAD_FIELDS_MAX};

/// Why the API is not served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Anybody could change everything.
    #[error(
        "{0} can be reached from other machines, so the API needs tokens there: make one with `flexcore token create` and set \
         api.tokens to its file, or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    /// The tokens cannot be read.
    #[error(transparent)]
    Tokens(#[from] BookError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The Unix socket cannot be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// The API, being served.
pub struct Listening {
    api: Api,
    tracker: TaskTracker,
    certificates: Option<Arc<Certificates>>,
    /// The address by TCP, with the port that the system chose when 0 was asked for.
    pub http: Option<SocketAddr>,
    /// The Unix socket.
    pub socket: Option<PathBuf>,
}

/// Serves the API of an engine, wherever its settings say. Nothing is served when anything cannot be.
pub async fn listen(app: Arc<App>) -> Result<Listening, ListenError> {
    let settings = app.settings.api.clone();
    let tokens = settings.tokens.as_deref().map(Tokens::open).transpose()?;
    let is_open = |address: &SocketAddr| !address.ip().is_loopback() && tokens.as_ref().is_none_or(Tokens::is_empty);
    if let Some(address) = settings.http.filter(is_open) {
        return Err(ListenError::Open(address));
    }
    let certificates = settings.tls.as_ref().map(Certificates::read).transpose()?.map(Arc::new);
    let tcp = match settings.http {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let unix = unix(&app)?;
    accept::allow_many_files();
    let api = Api::new(app, tokens);
    let door = Door::new(routes::router(&api), &api, settings.connections_max);
    let mut listening = Listening { http: None, socket: None, certificates, tracker: TaskTracker::new(), api };
    if let Some((listener, address)) = tcp {
        let certificates = listening.certificates.clone();
        listening.tracker.spawn(door.clone().by_tcp(listener, certificates, listening.tracker.clone()));
        listening.http = Some(address);
    }
    if let Some((listener, path)) = unix {
        // Whoever looks for it may be in another folder.
        listening.api.app().say_socket(&std::path::absolute(&path).unwrap_or_else(|_| path.clone()));
        listening.tracker.spawn(door.by_unix(listener, listening.tracker.clone()));
        listening.socket = Some(path);
    }
    Ok(listening)
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let unbound = |source| ListenError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(unbound)?;
    let bound = listener.local_addr().map_err(unbound)?;
    Ok((listener, bound))
}

fn unix(app: &App) -> Result<Option<(UnixListener, PathBuf)>, SocketError> {
    let setting = &app.settings.api.socket;
    let Some(path) = socket::path_of(&app.settings) else { return Ok(None) };
    socket::prepare(&path, setting)?;
    if let Some(folder) = path.parent().filter(|_| *setting == SocketSetting::Auto) {
        socket::sweep(folder);
    }
    let unmade = |source| SocketError::Io { path: path.clone(), source };
    let listener = UnixListener::bind(&path).map_err(unmade)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(unmade)?;
    Ok(Some((listener, path)))
}

impl Listening {
    /// What handlers share.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Whether SIGHUP has anything to read again; otherwise it ends the process, as it does others.
    pub fn reloads(&self) -> bool {
        self.certificates.is_some() || self.api.tokens().is_some()
    }

    /// Reads the certificates again, if there are any. What is broken changes nothing.
    pub fn read_certificates_again(&self) -> Option<Result<(), TlsError>> {
        self.certificates.as_ref().map(|certificates| certificates.reload())
    }

    /// Reads the tokens again now, if there are any, and says how many there are. While they cannot be read nobody is let in.
    pub fn read_tokens_again(&self) -> Option<Result<usize, BookError>> {
        self.api.tokens().map(Tokens::read_again)
    }

    /// Takes no more requests, and waits within a grace for those that are being answered. Says how many connections were
    /// cut off.
    pub async fn stop(self, grace: Duration) -> usize {
        self.close();
        self.tracker.close();
        let _ = tokio::time::timeout(grace.0, self.tracker.wait()).await;
        self.tracker.len()
    }

    fn close(&self) {
        self.api.closing().cancel();
        if let Some(path) = &self.socket {
            // It may have been removed by hand.
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.close();
    }
}
