//! Taking connections, as many as are allowed and no more of one address than half of them.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection::{Speaks, serve},
    crowd::Crowd,
};
use crate::http::{
    peer::Peer,
    state::Api,
    tls::{self, Certificates},
};

/// A client must have agreed on keys within this time.
pub(super) const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// The system is out of files or memory: the next try is a little later, when some connections have ended.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

#[derive(Clone)]
pub(super) struct Door {
    router: Router,
    crowd: Arc<Crowd>,
    closing: CancellationToken,
}

impl Door {
    pub(super) fn new(router: Router, api: &Api, connections_max: u32) -> Self {
        Self { router, crowd: Crowd::new(connections_max), closing: api.closing().clone() }
    }

    pub(super) async fn by_tcp(self, listener: TcpListener, certificates: Option<Arc<Certificates>>, tracker: TaskTracker) {
        loop {
            let room = self.crowd.room().await;
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => {
                    // One address that takes all there is would lock all others out.
                    let Some(place) = self.crowd.place(room, address.ip()) else { continue };
                    let (door, certificates) = (self.clone(), certificates.clone());
                    tracker.spawn(async move {
                        door.tcp(stream, address, certificates).await;
                        drop(place);
                    });
                }
                Err(error) => pause(&error).await,
            }
        }
    }

    async fn tcp(self, stream: TcpStream, address: SocketAddr, certificates: Option<Arc<Certificates>>) {
        // Answers are small and whole: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let peer = Peer::Tcp(address);
        let Some(certificates) = certificates else {
            return serve(stream, Speaks::Http1, self.router, peer, self.closing).await;
        };
        match time::timeout(HANDSHAKE_TIME_MAX, certificates.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                let speaks = if tls::is_http2(&stream) { Speaks::Http2 } else { Speaks::Http1 };
                serve(stream, speaks, self.router, peer, self.closing).await;
            }
            Ok(Err(error)) => tracing::debug!(%address, %error, "no TLS connection"),
            Err(_) => tracing::debug!(%address, "no TLS connection in time"),
        }
    }

    pub(super) async fn by_unix(self, listener: UnixListener, tracker: TaskTracker) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let door = self.clone();
                    tracker.spawn(door.unix(stream));
                }
                Err(error) => pause(&error).await,
            }
        }
    }

    /// Whoever may open the socket's file has the engine in hand anyway: these connections are not counted. A console sends
    /// all it asks over one connection, through `ssh` perhaps, where there is no more than one.
    async fn unix(self, stream: UnixStream) {
        match stream.peer_cred() {
            Ok(credentials) => serve(stream, Speaks::Either, self.router, Peer::user(credentials.uid()), self.closing).await,
            Err(error) => tracing::warn!(%error, "a connection by socket whose user is not known was closed"),
        }
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be taken");
    time::sleep(OUT_OF_FILES).await;
}

/// Each connection is a file. Asking for as many as the system allows is what every server does.
pub(super) fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it was");
    }
}
