//! An engine that serves SSH on loopback, people with keys, and their clients.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use flexcore::{
    compose::App,
    role::Role,
    ssh::{Links, Served, SshError, listen, listen_with},
    step::table,
};
use flexcore_engine::{
    handle::{Fact, FactData},
    id::{Actor, CorrelationId, EventId},
    port::store::Expected,
};
use portable_pty::CommandBuilder;
use russh::keys::{
    PrivateKey,
    ssh_key::{
        LineEnding,
        private::{Ed25519Keypair, KeypairData},
    },
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{http::world::settings, pty::terminal::Terminal};

/// Who may come in, and as what.
pub(super) const PEOPLE: [(&str, &str); 3] = [("ana", "role=\"admin\" "), ("ben", "role=\"operator\" "), ("wall", "")];

/// Runs until somebody stops it.
pub(super) const LIVE: &str = "name: live\nmode: continuous\nsteps:\n  - {name: make, uses: generate, with: {interval: 1h, template: '{n: $n}'}}\n  - {name: out, uses: drop}\n";

pub(super) struct World {
    pub(super) app: Arc<App>,
    pub(super) served: Served,
    pub(super) listening: flexcore::http::Listening,
    pub(super) folder: TempDir,
    pub(super) runtime: Runtime,
}

/// The key of somebody: the same name has the same key.
pub(super) fn key(name: &str) -> PrivateKey {
    let mut seed = [7; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&seed)), name).unwrap()
}

/// The line of somebody in the file of keys.
pub(super) fn line(options: &str, name: &str) -> String {
    format!("{options}{}\n", key(name).public_key().to_openssh().unwrap())
}

/// Writes somebody's private key where `ssh` finds it.
fn write_key(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, key(name).to_openssh(LineEnding::LF).unwrap()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    pub(super) fn with(set: &[(&str, &str)]) -> Self {
        Self::begun(tempfile::tempdir().unwrap(), set, None).unwrap()
    }

    /// With consoles that reach the engine in a way of the test's own.
    pub(super) fn linked(
        links: impl Fn(&Arc<App>, Arc<str>, Role) -> Arc<dyn flexcore_ui::link::Link> + Send + Sync + 'static,
    ) -> Self {
        Self::begun(tempfile::tempdir().unwrap(), &[], Some(Box::new(links))).unwrap()
    }

    /// In a folder that may be another world's.
    pub(super) fn begun(folder: TempDir, set: &[(&str, &str)], links: Option<Linking>) -> Result<Self, SshError> {
        let keys = folder.path().join("keys");
        if !keys.exists() {
            fs::write(&keys, PEOPLE.map(|(name, options)| line(options, name)).concat()).unwrap();
        }
        let (keys, host_key) = (keys.display().to_string(), folder.path().join("host").display().to_string());
        let own = [
            ("http", ""),
            ("ssh", "127.0.0.1:0"),
            ("sshd.authorized_keys", &*keys),
            ("sshd.host_key", &*host_key),
            ("sshd.rate_max", "0"),
        ];
        let settings = settings(&[&own[..], set].concat());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let begun: Result<_, SshError> = runtime.block_on(async {
            let app = Arc::new(App::start(settings, table()).await.unwrap());
            let listening = flexcore::http::listen(app.clone()).await.unwrap();
            let served = match links {
                None => listen(app.clone(), &listening).await?,
                Some(links) => {
                    let engine = app.clone();
                    let links: Links = Arc::new(move |name, role| links(&engine, name, role));
                    listen_with(app.clone(), &listening, links).await?
                }
            };
            Ok((app, served, listening))
        });
        let (app, served, listening) = begun?;
        Ok(Self { app, served, listening, folder, runtime })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn port(&self) -> String {
        self.served.address.unwrap().port().to_string()
    }

    /// Somebody's private key, as a file.
    pub(super) fn key_file(&self, name: &str) -> String {
        write_key(self.folder.path(), name).display().to_string()
    }

    /// Appends a fact of a program's own.
    pub(super) async fn append(&self, kind: &str, data: String) {
        let actor = Actor::Operator("test".into());
        let data = FactData::read(data.into()).unwrap();
        let fact = Fact { id: EventId::fresh(), stream: "test".into(), kind: kind.into(), data };
        self.app.engine.append_facts(actor, CorrelationId::fresh(), vec![fact], Expected::Any).await.unwrap();
    }

    /// What every client of somebody is told: nothing of this machine's own settings, and no question to a person.
    fn arguments(&self, name: &str) -> Vec<String> {
        let key = write_key(self.folder.path(), name).display().to_string();
        let known = format!("UserKnownHostsFile={}", self.path("known").display());
        let options = ["IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=accept-new", "LogLevel=ERROR", &known];
        let mut arguments: Vec<String> = ["-F", "none", "-p", &self.port(), "-i", &key].map(str::to_owned).to_vec();
        arguments.extend(options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]));
        arguments
    }

    /// OpenSSH's client in a terminal of its own.
    pub(super) fn terminal(&self, name: &str, size: (u16, u16), more: &[&str], words: &[&str]) -> Terminal {
        ssh_is_there();
        let mut command = CommandBuilder::new("ssh");
        command.args(more);
        command.args(self.arguments(name));
        command.arg("somebody@127.0.0.1");
        command.args(words);
        Terminal::start(command, size)
    }

    /// OpenSSH's client without one.
    pub(super) fn command(&self, name: &str, more: &[&str], words: &[&str]) -> Command {
        ssh_is_there();
        let mut command = Command::new("ssh");
        command.args(more).args(self.arguments(name)).arg("somebody@127.0.0.1").args(words);
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Makes and activates a pipeline.
    pub(super) fn pipeline(&self, text: &str) {
        let path = self.path("p.pipeline.yaml");
        fs::write(&path, text).unwrap();
        let variables = flexcore::definition::variables::of_process;
        let loaded = flexcore::definition::load(text, Some(&path), self.app.types.as_ref(), &variables).unwrap();
        self.runtime.block_on(self.app.adopt(vec![loaded])).unwrap();
    }
}

type Linking = Box<dyn Fn(&Arc<App>, Arc<str>, Role) -> Arc<dyn flexcore_ui::link::Link> + Send + Sync>;

/// What a client did: exit code, standard output, standard error.
pub(super) fn done(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// These tests are about the client that everybody has.
fn ssh_is_there() {
    let told = Command::new("ssh").arg("-V").output();
    assert!(told.is_ok(), "this test needs OpenSSH's client: `scripts/test-tools.sh` installs it (package openssh-client)");
}
