//! The least that can be called a server of this API: one axum route that reads the body and answers with bytes that are ready
//! made. It is a process of its own, as the engine is: this bench, started again.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use axum::{Router, body::Bytes, http::header, routing::any};

/// Names the file with the answer, and asks for a bare server.
const ANSWER: &str = "FLEXCORE_BENCH_BARE";

/// It runs until this is dropped.
pub(crate) struct Bare {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Bare {
    /// Answers with these bytes.
    pub(crate) fn start(place: &Path, answer: &[u8]) -> Self {
        let file = place.join("answer.json");
        fs::write(&file, answer).expect("the folder is ours");
        let mut command = Command::new(env::current_exe().expect("this program is there"));
        let mut child = command.env(ANSWER, file).stdout(Stdio::piped()).spawn().expect("this program was started before");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it tells where it listens");
        Self { address: line.trim().parse().expect("an address"), child }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}

/// Whether this process is to be one.
pub(crate) fn is_asked_for() -> bool {
    env::var_os(ANSWER).is_some()
}

/// Serves until it is killed.
pub(crate) fn serve() {
    let file = PathBuf::from(env::var_os(ANSWER).expect("it was looked at before"));
    let answer = Bytes::from(fs::read(file).expect("the bench wrote it"));
    let answers = move |_: Bytes| {
        let answer = answer.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], answer) }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be made");
    runtime
        .block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            writeln!(std::io::stdout(), "{address}").expect("the bench reads");
            axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), bare(answers)).await
        })
        .expect("it serves for ever");
}

fn bare<H: axum::handler::Handler<T, ()>, T: 'static>(answers: H) -> Router {
    Router::new().fallback(any(answers))
}
