//! Engines with a socket of their own, and a gate between one and a console that counts what passes and cuts it off.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use flexcore::attach::{Carrier, RemoteLink};
use flexcore_ui::link::LinkError;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};

use crate::http::world::Server;

/// An engine whose socket is in a folder of its own.
pub(super) struct Engine {
    pub(super) server: Server,
    pub(super) folder: TempDir,
}

impl Engine {
    pub(super) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(super) async fn with(set: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let set: Vec<_> = [("socket", socket.to_str().unwrap())].into_iter().chain(set.iter().copied()).collect();
        Self { server: Server::with(&set).await, folder }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    pub(super) async fn attach(&self) -> RemoteLink {
        attach(&self.socket()).await.unwrap()
    }
}

pub(super) async fn attach(socket: &Path) -> Result<RemoteLink, LinkError> {
    RemoteLink::connect(Carrier::Socket(Some(socket.to_owned())), false).await
}

/// How many bytes a connection may carry, both ways together; `None`: as many as there are.
type Policy = Box<dyn FnMut() -> Option<u64> + Send>;

/// A socket behind which another one is.
pub(super) struct Gate {
    pub(super) path: PathBuf,
    /// Bytes from the console to the engine, and back.
    pub(super) up: Arc<AtomicU64>,
    pub(super) down: Arc<AtomicU64>,
    /// Bytes that may still pass to the console; it stands while there are none.
    credit: watch::Sender<u64>,
    policy: Arc<Mutex<Policy>>,
    kicks: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Gate {
    /// Asks the policy for each connection.
    pub(super) fn new(folder: &Path, to: PathBuf, policy: impl FnMut() -> Option<u64> + Send + 'static) -> Self {
        let path = folder.join("gate.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let policy: Arc<Mutex<Policy>> = Arc::new(Mutex::new(Box::new(policy)));
        let (up, down) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counts = [up.clone(), down.clone()];
        let (kicks, credit) = (watch::Sender::new(()), watch::Sender::new(u64::MAX));
        let task = tokio::spawn({
            let (policy, kicks, credit) = (policy.clone(), kicks.clone(), credit.clone());
            async move {
                while let Ok((inner, _)) = listener.accept().await {
                    let left = policy.lock().unwrap()();
                    let (to, counts, credit, mut kicked) = (to.clone(), counts.clone(), credit.clone(), kicks.subscribe());
                    tokio::spawn(async move {
                        // Whoever is not there is not there through a gate either.
                        if let Ok(outer) = UnixStream::connect(to).await {
                            tokio::select! {
                                biased;
                                // What is cut carries nothing more, whatever may pass afterwards.
                                _ = kicked.changed() => {}
                                () = carry(inner, outer, left, &counts, &credit) => {}
                            }
                        }
                    });
                }
            }
        });
        Self { path, up, down, credit, policy, kicks, task }
    }

    /// From now on connections are cut so; those that there are end.
    pub(super) fn cut(&self, policy: impl FnMut() -> Option<u64> + Send + 'static) {
        *self.policy.lock().unwrap() = Box::new(policy);
        self.kicks.send_replace(());
    }

    /// So many more bytes may pass to the console.
    pub(super) fn let_pass(&self, bytes: u64) {
        self.credit.send_modify(|credit| *credit = credit.saturating_add(bytes));
    }

    /// Nothing passes to the console until more may.
    pub(super) fn hold(&self) {
        self.credit.send_replace(0);
    }

    /// From now on everything passes.
    pub(super) fn open(&self) {
        *self.policy.lock().unwrap() = Box::new(|| None);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    mut inner: UnixStream,
    mut outer: UnixStream,
    left: Option<u64>,
    [upward, down]: &[Arc<AtomicU64>; 2],
    credit: &watch::Sender<u64>,
) {
    let mut credited = credit.subscribe();
    let mut left = left.unwrap_or(u64::MAX);
    let (mut up, mut back) = ([0; 4_096], [0; 4_096]);
    loop {
        let (to, piece) = tokio::select! {
            read = inner.read(&mut up) => {
                let read = read.unwrap_or(0);
                upward.fetch_add(read as u64, Ordering::Relaxed);
                (&mut outer, &up[..read])
            }
            read = async {
                // The sender is here.
                let most = *credited.wait_for(|credit| *credit > 0).await.unwrap();
                let most = usize::try_from(most).unwrap_or(usize::MAX).min(back.len());
                outer.read(&mut back[..most]).await
            } => {
                let took = read.as_ref().map_or(0, |read| *read as u64);
                credit.send_modify(|credit| *credit = credit.saturating_sub(took));
                down.fetch_add(took, Ordering::Relaxed);
                (&mut inner, &back[..read.unwrap_or(0)])
            }
        };
        let passes = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if passes == 0 || to.write_all(&piece[..passes]).await.is_err() {
            return;
        }
        left -= passes as u64;
        // What has carried all it may ends, and does not only fall silent.
        if left == 0 {
            return;
        }
    }
}

/// Numbers that look random and are the same each time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
