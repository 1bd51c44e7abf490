//! An engine in a process of its own, with consoles by SSH: its own host key, and one key that may come in.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A start takes no longer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Engine {
    child: Child,
    key: PathBuf,
    /// Where consoles are served.
    pub(crate) address: SocketAddr,
}

impl Engine {
    /// Serves the pipelines of a folder. `compress`: as OpenSSH is served when nobody says otherwise.
    pub(crate) fn start(folder: &Path, compress: bool) -> Self {
        let (key, people) = (folder.join("id"), folder.join("people"));
        if !key.exists() {
            let mut keygen = Command::new("ssh-keygen");
            let made = keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f"]).arg(&key).status();
            assert!(made.expect("OpenSSH is installed").success(), "a key is made");
            let public = fs::read_to_string(folder.join("id.pub")).expect("it was just made");
            fs::write(&people, format!("role=\"admin\" {public}")).expect("the folder is ours");
        }
        let address = free_address();
        let log = File::create(folder.join("serve.log")).expect("the folder is ours");
        let mut command = Command::new(env!("CARGO_BIN_EXE_flexcore"));
        command.args(["serve", "."]).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        for (name, value) in [
            ("FLEXCORE_SSH", address.to_string()),
            ("FLEXCORE_SSHD_AUTHORIZED_KEYS", people.display().to_string()),
            ("FLEXCORE_SSHD_HOST_KEY", folder.join("host").display().to_string()),
            ("FLEXCORE_SSHD_COMPRESS", compress.to_string()),
            ("FLEXCORE_SSHD_RATE_MAX", "0".into()),
            ("FLEXCORE_SSHD_SESSIONS_EACH_MAX", "64".into()),
            ("XDG_RUNTIME_DIR", folder.display().to_string()),
            ("XDG_STATE_HOME", folder.display().to_string()),
        ] {
            command.env(name, value);
        }
        let child = command.spawn().expect("the program was built");
        let engine = Self { child, key, address };
        engine.until_it_listens(folder);
        engine
    }

    fn until_it_listens(&self, folder: &Path) {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            let log = || fs::read_to_string(folder.join("serve.log")).unwrap_or_default();
            assert!(Instant::now() < end, "the engine does not listen:\n{}", log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// OpenSSH's client on the way to it by a port, with nothing of this machine's own settings.
    pub(crate) fn ssh(&self, port: u16, folder: &Path) -> Vec<String> {
        let known = format!("UserKnownHostsFile={}", folder.join("known").display());
        let options =
            ["IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no", "LogLevel=ERROR", "Compression=no"];
        let mut words: Vec<String> = ["ssh", "-tt", "-F", "none", "-p", &port.to_string(), "-i"].map(str::to_owned).to_vec();
        words.push(self.key.display().to_string());
        words.extend(options.iter().copied().chain([&*known]).flat_map(|option| ["-o".to_owned(), option.to_owned()]));
        words.push("bench@127.0.0.1".into());
        words
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address whose port nobody has; the engine takes it next.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of this machine is free");
    listener.local_addr().expect("it is bound")
}

/// Whether OpenSSH is here, whose client the rows by SSH need.
pub(crate) fn has_ssh() -> bool {
    Command::new("ssh").arg("-V").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
