//! The real program, serving its API in memory.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use super::harness::say;

/// It runs until this is dropped.
pub(crate) struct Engine {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Engine {
    /// With thirty pipelines and without a limit of requests.
    pub(crate) fn start(place: &Path, set: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flexcore"));
        command.arg("serve").arg(super::pipelines(place)).args(["--http", "127.0.0.1:0"]).current_dir(place);
        for set in ["socket=none", "api.rate_max=0", "shutdown_grace=1s"].iter().chain(set) {
            command.args(["--set", set]);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program was built");
        let mut told = BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        let address = told.find_map(|line| line.split_once("is served address=")?.1.trim().parse().ok());
        let address = address.expect("it tells where it serves the API");
        // What it tells later goes on: a pipe that nobody reads fills up.
        thread::spawn(move || told.for_each(|line| say(&format!("    flexcore: {line}"))));
        Self { address, child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Nothing of it is to be kept.
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}
