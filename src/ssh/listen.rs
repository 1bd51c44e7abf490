//! The port: taking connections, how many of whom, and stopping in order.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use flexcore_engine::unit::Duration as Grace;
use flexcore_ui::link::Link;
use russh::{MethodKind, MethodSet, Preferred, SshId, compression, server::Config};
use tokio::{
    net::{TcpListener, TcpStream},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Links, SshError, alive,
    connection::serve,
    count::{Count, Place},
    host::Host,
    host_key::HostKey,
    keys::Keys,
};
use crate::{
    compose::App,
    http::{Listening, inside::Inside, rate::Rate},
    local_link::LocalLink,
    session::look,
};

/// Connections that have not come in yet, in all; half of them for one address.
const STARTUPS_MAX: u32 = 100;
/// Messages of one channel that wait for its session; each has at most [`PACKET_BYTES_MAX`].
const WAITING_MAX: usize = 16;
/// The largest packet, in bytes.
const PACKET_BYTES_MAX: u32 = 32 << 10;
/// Bytes that a client may send ahead.
const WINDOW_BYTES: u32 = 256 << 10;
/// How long a key that is not known keeps its client waiting.
const REJECTION_TIME: Duration = Duration::from_millis(100);
/// A client that says first who it is has done so within this time.
const GREETING_TIME: Duration = Duration::from_millis(300);
/// The system is out of files or memory: the next try is a little later, when some connections have ended.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

/// What is served by SSH, if anything is.
pub struct Served {
    /// Where; `None`: nowhere, because nobody asked for it.
    pub address: Option<SocketAddr>,
    /// Of the host's key, as `ssh` shows it.
    pub fingerprint: String,
    host: Option<Arc<Host>>,
}

/// Serves consoles and commands of an engine, wherever its settings say.
pub async fn listen(app: Arc<App>, listening: &Listening) -> Result<Served, SshError> {
    let engine = app.clone();
    let links: Links = Arc::new(move |name, role| Arc::new(LocalLink::of(engine.clone(), name, role)) as Arc<dyn Link>);
    listen_with(app, listening, links).await
}

/// The same, with links of one's own.
pub async fn listen_with(app: Arc<App>, listening: &Listening, links: Links) -> Result<Served, SshError> {
    let settings = app.settings.ssh.clone();
    let Some(address) = settings.address else { return Ok(Served { address: None, fingerprint: String::new(), host: None }) };
    let keys = Keys::open(settings.authorized_keys.as_deref(), app.data_folder())?;
    let host_key = HostKey::open(settings.host_key.as_deref(), app.data_folder())?;
    let fingerprint = host_key.fingerprint();
    let keymap = look::keymap(&app.settings).map_err(SshError::Keymap)?;
    let inside = Inside::new(listening.api())?;
    let unbound = |source| SshError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(unbound)?;
    let address = listener.local_addr().map_err(unbound)?;
    told(address, &fingerprint, &host_key);
    let (max, each_max) = (settings.sessions_max, settings.sessions_each_max);
    let host = Arc::new(Host {
        app,
        inside,
        keys,
        links,
        keymap,
        // A session more is refused where its client hears why, and not with its connection.
        connections: Count::new(max.saturating_mul(2), each_max.saturating_mul(2)),
        sessions: Count::new(max, each_max),
        tracker: TaskTracker::new(),
        closing: CancellationToken::new(),
    });
    let door = Door {
        rate: Rate::per_second(settings.rate_max),
        startups: Count::new(STARTUPS_MAX, STARTUPS_MAX.div_ceil(2)),
        compressing: settings.compress.then(|| Arc::new(config(&settings, &host_key, &[compression::ZLIB_LEGACY]))),
        offering: Arc::new(config(&settings, &host_key, &[compression::ZLIB_LEGACY, compression::NONE])),
        host: host.clone(),
    };
    host.tracker.spawn(door.run(listener));
    Ok(Served { address: Some(address), fingerprint, host: Some(host) })
}

fn told(address: SocketAddr, fingerprint: &str, key: &HostKey) {
    if let Some(path) = &key.path {
        return tracing::info!(%address, %fingerprint, key = %path.display(), "consoles are served by SSH");
    }
    tracing::warn!(
        %address,
        %fingerprint,
        "consoles are served by SSH with a host key that ends with this process: `ssh` will warn of another one next time (--data \
         DIR or sshd.host_key keeps it)"
    );
}

fn config(settings: &crate::config::SshSettings, key: &HostKey, compressions: &[compression::Name]) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-FlexCore_", env!("CARGO_PKG_VERSION")))),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: REJECTION_TIME,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key.key.clone()],
        window_size: WINDOW_BYTES,
        maximum_packet_size: PACKET_BYTES_MAX,
        channel_buffer_size: WAITING_MAX,
        // A client asks first what there is.
        max_auth_attempts: settings.attempts_max as usize + 1,
        // The system asks whether a client is there.
        inactivity_timeout: None,
        keepalive_interval: None,
        preferred: Preferred { compression: Cow::Owned(compressions.to_vec()), ..Preferred::default() },
        ..Config::default()
    }
}

/// Who may knock, and what is offered to whom.
struct Door {
    rate: Option<Rate>,
    startups: Arc<Count<IpAddr>>,
    /// OpenSSH compresses when it is offered nothing else, and not otherwise, unless its user has said so. `None`: it is not
    /// made to.
    compressing: Option<Arc<Config>>,
    /// Others may not be able to.
    offering: Arc<Config>,
    host: Arc<Host>,
}

impl Door {
    async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.host.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => self.enter(stream, address),
                Err(error) => {
                    tracing::warn!(%error, "a connection by SSH could not be taken");
                    time::sleep(OUT_OF_FILES).await;
                }
            }
        }
    }

    fn enter(&self, stream: TcpStream, address: SocketAddr) {
        let place = match self.place(address.ip()) {
            Ok(place) => place,
            Err(why) => {
                tracing::debug!(%address, why, "a connection by SSH was refused");
                // Clients show what comes before a server's name; one that does not take it is none to wait for. What it said
                // is read first: a connection that is closed with something unread is reset, and then nobody hears anything.
                let _ = stream.try_read(&mut [0; 1024]);
                let _ = stream.try_write(format!("{why}\r\n").as_bytes());
                return;
            }
        };
        // Frames are whole: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        if let Err(error) = alive::watch(&stream) {
            tracing::warn!(%address, %error, "a client by SSH that is gone without a word will not be noticed");
        }
        let (host, compressing, offering) = (self.host.clone(), self.compressing.clone(), self.offering.clone());
        self.host.tracker.spawn(async move {
            let config = match compressing {
                Some(compressing) if compresses(&stream).await => compressing,
                _ => offering,
            };
            serve(stream, address, config, host, place).await;
        });
    }

    fn place(&self, address: IpAddr) -> Result<Place<IpAddr>, &'static str> {
        let late = self.rate.as_ref().is_some_and(|rate| rate.take(&address.to_string(), Instant::now()).is_err());
        if late {
            return Err("Too many connections from your address in a second; try again in a moment");
        }
        self.startups.take(address).map_err(|_| "Too many connections that have not come in yet; try again in a moment")
    }
}

/// Whether the client is one that can compress for sure. One that waits for the server to speak first does not say in time.
async fn compresses(stream: &TcpStream) -> bool {
    let mut name = [0; 64];
    let read = time::timeout(GREETING_TIME, stream.peek(&mut name)).await;
    read.is_ok_and(|read| read.is_ok_and(|count| name[..count].starts_with(b"SSH-2.0-OpenSSH")))
}

impl Served {
    /// Whether SIGHUP has anything to read again.
    pub fn reloads(&self) -> bool {
        self.host.is_some()
    }

    /// Reads the keys again; says how many may come in. `None`: nothing is served. Sessions look with the next figures whether
    /// theirs is among them, so new ones are taken.
    pub fn reload(&self) -> Option<usize> {
        let host = self.host.as_ref()?;
        let keys = host.keys.reload();
        host.app.engine.glance();
        Some(keys)
    }

    /// Takes nobody more, tells those who are there, and waits within a grace until they are gone.
    pub async fn stop(self, grace: Grace) {
        let Some(host) = &self.host else { return };
        self.close();
        host.tracker.close();
        let _ = time::timeout(grace.0, host.tracker.wait()).await;
    }

    fn close(&self) {
        if let Some(host) = &self.host {
            host.closing.cancel();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.close();
    }
}
