//! The real program, started and killed.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use flexcore::client::{Client, Target};

/// It must serve within this time.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// The last lines that it told, for the report of a failure.
const LINES_MAX: usize = 60;

pub(crate) struct Engine {
    child: Child,
    told: Arc<Mutex<VecDeque<String>>>,
    /// By its socket.
    pub(crate) client: Client,
    /// By its port.
    pub(crate) http: Client,
    /// How often it cut off a write that was not finished, when it opened.
    pub(crate) torn: u64,
}

impl Engine {
    /// Starts it in a folder that has `pipes`, on a data directory.
    pub(crate) fn start(program: &Path, folder: &Path, data: &Path) -> Result<Self, String> {
        let socket = folder.join("s");
        let mut command = Command::new(program);
        command.arg("serve").arg("--data").arg(data).args(["--http", "127.0.0.1:0", "--set", "api.rate_max=0", "pipes"]);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FLEXCORE_")) {
            command.env_remove(name);
        }
        command.env("FLEXCORE_SOCKET", &socket).env("XDG_STATE_HOME", folder.join("state")).env("HOME", folder);
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("the program cannot be started: {error}"))?;
        let stderr = child.stderr.take().ok_or("it has no standard error")?;
        let told = Arc::<Mutex<VecDeque<String>>>::default();
        let (lines, keep) = (channel(), told.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut told = keep.lock().expect("no code panics while it holds this lock");
                told.push_back(line.clone());
                let surplus = told.len().saturating_sub(LINES_MAX);
                told.drain(..surplus);
                // Nobody listens after the start.
                let _ = lines.0.send(line);
            }
        });
        let Some((address, torn)) = served(&lines.1) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("it does not start:\n{}", lines_of(&told)));
        };
        let clients = client(&Target { socket: Some(socket), ..Target::default() }).and_then(|by_socket| {
            Ok((by_socket, client(&Target { url: Some(format!("http://{address}")), ..Target::default() })?))
        });
        match clients {
            Ok((client, http)) => Ok(Self { child, told, client, http, torn }),
            Err(why) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(why)
            }
        }
    }

    /// What it told last.
    pub(crate) fn told(&self) -> String {
        lines_of(&self.told)
    }

    /// With -9.
    pub(crate) fn kill(mut self) -> Result<(), String> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(format!("it ended by itself ({status}):\n{}", self.told()));
        }
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address of the API, and how many torn writes were cut off; `None`: it ended, or said nothing for too long.
fn served(lines: &Receiver<String>) -> Option<(String, u64)> {
    let mut torn = 0;
    loop {
        let line = lines.recv_timeout(START_TIME_MAX).ok()?;
        torn += u64::from(line.contains("was cut off"));
        if let Some((_, address)) = line.split_once("the API is served address=") {
            return Some((address.trim().to_owned(), torn));
        }
    }
}

fn client(target: &Target) -> Result<Client, String> {
    Client::new(target).map_err(|error| error.to_string())
}

fn lines_of(told: &Mutex<VecDeque<String>>) -> String {
    let told = told.lock().expect("no code panics while it holds this lock");
    told.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}
