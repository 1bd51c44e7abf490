//! One connection: who it is, how long it may take to come in, and what may be asked on it.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use russh::{
    Channel, ChannelId, ChannelOpenFailure, Disconnect, Error, Pty,
    keys::HashAlg,
    server::{
        Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, PublicKeyOffer, Session as Ssh, VerifiedPublicKey, run_stream,
    },
};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    count::{Full, Place},
    host::Host,
    keys::KeyRow,
    session::{Session, takes},
    wire::Wire,
};

/// Sessions of one connection at once, as OpenSSH has it.
const CHANNELS_MAX: usize = 10;
/// A connection without a session may wait so long for one: clients that share a connection keep it open.
const EMPTY_MAX: Duration = Duration::from_secs(600);
/// A client that is told to go has so long to do it.
const GOING_MAX: Duration = Duration::from_secs(1);
/// A client that has its exit status goes by itself, if it is not too busy: one that is told to go reports a failure of SSH instead.
const LEAVING_MAX: Duration = Duration::from_secs(5);

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, address: SocketAddr, config: Arc<Config>, host: Arc<Host>, startup: Place<IpAddr>) {
    let life = Arc::new(Life::default());
    let cut = life.cut.clone();
    // Whatever ends this ends the connection.
    let _guard = cut.clone().drop_guard();
    let deadline = Instant::now() + host.settings().login_max.0;
    let handler = Connection::new(host.clone(), address, life.clone(), startup);
    let running = match timeout_at(deadline, run_stream(config, Wire::new(stream, cut.clone()), handler)).await {
        Ok(Ok(running)) => running,
        Ok(Err(error)) => return tracing::debug!(%address, %error, "no SSH connection"),
        Err(_) => return tracing::debug!(%address, "no SSH connection in time"),
    };
    let handle = running.handle();
    let mut running = pin!(running);
    let ended = tokio::select! {
        ended = running.as_mut() => ended,
        why = life.over(&host, deadline) => {
            bid_farewell(&handle, why).await;
            if let Ok(ended) = timeout(GOING_MAX, running.as_mut()).await {
                ended
            } else {
                cut.cancel();
                running.await
            }
        }
    };
    match ended {
        Err(Error::Join(error)) => tracing::error!(%address, %error, "a connection by SSH failed"),
        Err(error) => tracing::debug!(%address, %error, "a connection by SSH ended badly"),
        Ok(()) => {}
    }
}

/// A client that takes nothing does not hear it.
async fn bid_farewell(handle: &Handle, why: &str) {
    let told = handle.disconnect(Disconnect::ByApplication, why.to_owned(), String::new());
    let _ = timeout(GOING_MAX, told).await;
}

/// What decides how long a connection lasts.
#[derive(Default)]
pub(super) struct Life {
    /// Cut off at once.
    pub(super) cut: CancellationToken,
    /// A key was accepted.
    entered: CancellationToken,
    /// How many there are now.
    sessions: watch::Sender<usize>,
}

impl Life {
    /// Waits until there is nothing to wait for, and says why.
    async fn over(&self, host: &Host, deadline: Instant) -> &'static str {
        tokio::select! {
            entered = timeout_at(deadline, self.entered.cancelled()) => {
                if entered.is_err() {
                    return "coming in took too long";
                }
            }
            () = host.closing.cancelled() => return "the engine stops",
        }
        let mut sessions = self.sessions.subscribe();
        let mut was_told = false;
        loop {
            let none = *sessions.borrow_and_update() == 0;
            tokio::select! {
                changed = sessions.changed() => {
                    if changed.is_err() {
                        return "nobody is there";
                    }
                    was_told = host.closing.is_cancelled();
                }
                () = tokio::time::sleep(EMPTY_MAX), if none => return "there was no session for too long",
                () = host.closing.cancelled(), if none => {
                    let _ = timeout(if was_told { LEAVING_MAX } else { GOING_MAX }, sessions.changed()).await;
                    return "the engine stops";
                }
            }
        }
    }

    /// One session more, until what is given back is dropped.
    fn session(self: &Arc<Self>) -> Living {
        self.sessions.send_modify(|count| *count += 1);
        Living(self.clone())
    }
}

/// A session of a connection that lives.
pub(super) struct Living(pub(super) Arc<Life>);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.sessions.send_modify(|count| *count = count.saturating_sub(1));
    }
}

struct Connection {
    host: Arc<Host>,
    address: SocketAddr,
    life: Arc<Life>,
    /// Given back when a key is accepted.
    startup: Option<Place<IpAddr>>,
    who: Option<(KeyRow, Option<Place<Arc<str>>>)>,
    /// The last key that was not accepted.
    refused: Option<String>,
    /// Channels that are open, and whether something runs on them.
    open: HashSet<ChannelId>,
    busy: HashSet<ChannelId>,
}

impl Connection {
    fn new(host: Arc<Host>, address: SocketAddr, life: Arc<Life>, startup: Place<IpAddr>) -> Self {
        let (open, busy) = (HashSet::new(), HashSet::new());
        Self { host, address, life, startup: Some(startup), who: None, refused: None, open, busy }
    }

    fn find(&mut self, key: &russh::keys::PublicKey) -> Option<KeyRow> {
        let found = self.host.keys.find(key.key_data(), self.host.app.engine.clock().now());
        if found.is_none() {
            self.refused = Some(key.fingerprint(HashAlg::Sha256).to_string());
        }
        found
    }

    /// A channel runs one thing, once.
    fn begin(&mut self, channel: ChannelId, ssh: &mut Ssh) -> Result<(), Error> {
        if self.open.contains(&channel) && self.busy.insert(channel) {
            ssh.channel_success(channel)
        } else {
            ssh.channel_failure(channel)
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let (None, Some(key)) = (&self.who, &self.refused) {
            tracing::info!(address = %self.address, key, "nobody came in by SSH: the key is not known");
        }
    }
}

/// What a client reads when there is no room.
fn no_room(full: Full) -> ChannelOpenFailure {
    let (code, setting, max) = match full {
        Full::All(max) => (4, "sshd.sessions_max", max),
        Full::Each(max) => (4, "sshd.sessions_each_max", max),
    };
    let of = if matches!(full, Full::All(_)) { "" } else { " of this key" };
    ChannelOpenFailure::Other { code, reason: format!("there are {max} sessions{of} already (setting {setting})") }
}

impl Handler for Connection {
    type Error = Error;

    async fn auth_publickey_offered(&mut self, _user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Error> {
        Ok(if self.find(offer.public_key).is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Error> {
        let Some(row) = self.find(key.public_key) else { return Ok(Auth::reject()) };
        let place = self.host.connections.take(row.name.clone()).ok();
        self.who = Some((row, place));
        Ok(Auth::Accept)
    }

    async fn auth_succeeded(&mut self, ssh: &mut Ssh) -> Result<(), Error> {
        self.startup = None;
        let Some((who, place)) = &self.who else { return Err(Error::Inconsistent) };
        if place.is_none() {
            let why = "there are too many connections already (settings sshd.sessions_max, sshd.sessions_each_max)";
            return ssh.disconnect(Disconnect::TooManyConnections, why, "");
        }
        tracing::info!(address = %self.address, name = %who.name, role = who.role.word(), "came in by SSH");
        self.life.entered.cancel();
        Ok(())
    }

    async fn channel_open_session(&mut self, channel: Channel<Msg>, reply: ChannelOpenHandle, _: &mut Ssh) -> Result<(), Error> {
        let Some((who, _)) = &self.who else { return Err(Error::Inconsistent) };
        if self.host.closing.is_cancelled() {
            let reason = "the engine stops".to_owned();
            reply.reject(ChannelOpenFailure::Other { code: 1, reason }).await;
            return Ok(());
        }
        if self.open.len() >= CHANNELS_MAX {
            let reason = format!("there are {CHANNELS_MAX} sessions on this connection already");
            reply.reject(ChannelOpenFailure::Other { code: 4, reason }).await;
            return Ok(());
        }
        let place = match self.host.sessions.take(who.name.clone()) {
            Ok(place) => place,
            Err(full) => {
                reply.reject(no_room(full)).await;
                return Ok(());
            }
        };
        self.open.insert(channel.id());
        reply.accept().await;
        let session = Session::new(self.host.clone(), who.clone(), self.address, self.life.session(), place);
        self.host.tracker.spawn(session.run(channel));
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Ssh) -> Result<(), Error> {
        self.open.remove(&channel);
        self.busy.remove(&channel);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        ssh: &mut Ssh,
    ) -> Result<(), Error> {
        ssh.channel_success(channel)
    }

    async fn env_request(&mut self, channel: ChannelId, name: &str, _value: &str, ssh: &mut Ssh) -> Result<(), Error> {
        if takes(name) { ssh.channel_success(channel) } else { ssh.channel_failure(channel) }
    }

    async fn shell_request(&mut self, channel: ChannelId, ssh: &mut Ssh) -> Result<(), Error> {
        self.begin(channel, ssh)
    }

    async fn exec_request(&mut self, channel: ChannelId, _command: &[u8], ssh: &mut Ssh) -> Result<(), Error> {
        self.begin(channel, ssh)
    }

    async fn subsystem_request(&mut self, channel: ChannelId, _name: &str, ssh: &mut Ssh) -> Result<(), Error> {
        ssh.channel_failure(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        ssh: &mut Ssh,
    ) -> Result<(), Error> {
        ssh.channel_failure(channel)
    }
}
