//! The line to an engine: one connection that carries all questions, made anew when it breaks. Who is at the other end is
//! asked before anything else is.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use flexcore_ui::link::{LineState, LinkError};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::{http1, http2},
    header,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    sync::{Mutex, Semaphore, watch},
    time::timeout,
};

use super::{
    answer::{Ask, Reply, broke, whole},
    carrier::{Carrier, Connection},
    hello, ssh,
    stream::Stream,
};
use crate::http::{BASE, wire::info::Info};

/// The most questions on their way at once, streams not counted; others wait.
const QUESTIONS_MAX: usize = 32;
/// An answer must begin within this time: the longest that an engine waits for something is shorter.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// A connection that was asked for a sign of life and gives none for so long is over.
const ALIVE_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of one answer, and of all, that may be on their way unread. More would be old by the time they are shown where a
/// line is slow: with 25 kB/s this is five seconds.
const WINDOW_BYTES: u32 = 64 << 10;
const WINDOWS_BYTES: u32 = 2 * WINDOW_BYTES;

/// A connection that works, and who is at its other end.
#[derive(Clone)]
pub(super) struct Way {
    kind: Kind,
    /// Who is there.
    pub(super) info: Arc<Info>,
    /// Counts connections.
    number: u64,
}

#[derive(Clone)]
enum Kind {
    /// Everything goes over one connection.
    Shared(http2::SendRequest<Full<Bytes>>),
    /// Each question has a connection of its own: something on the way speaks only HTTP/1.1.
    Each,
}

impl Kind {
    fn is_open(&self) -> bool {
        !matches!(self, Self::Shared(sender) if sender.is_closed())
    }
}

#[derive(Clone)]
enum Standing {
    Up(Way),
    Down(String),
}

/// The line to an engine.
pub(super) struct Line {
    carrier: Carrier,
    /// Held by whoever makes a connection: one is made at a time.
    calling: Mutex<()>,
    standing: watch::Sender<Standing>,
    shown: watch::Sender<LineState>,
    questions: Semaphore,
    count: AtomicU64,
}

impl Line {
    pub(super) fn new(carrier: Carrier) -> Arc<Self> {
        Arc::new(Self {
            carrier,
            calling: Mutex::new(()),
            standing: watch::Sender::new(Standing::Down("not connected yet".into())),
            shown: watch::Sender::new(LineState::Down),
            questions: Semaphore::new(QUESTIONS_MAX),
            count: AtomicU64::new(0),
        })
    }

    /// How it stands, as it changes.
    pub(super) fn shown(&self) -> &watch::Sender<LineState> {
        &self.shown
    }

    /// The connection that there is. Makes none: whoever only asks gets an answer at once.
    pub(super) fn now(&self) -> Result<Way, LinkError> {
        match &*self.standing.borrow() {
            Standing::Up(way) if way.kind.is_open() => Ok(way.clone()),
            Standing::Up(_) => Err(LinkError::Gone("the connection broke".into())),
            Standing::Down(why) => Err(LinkError::Gone(why.clone())),
        }
    }

    /// Waits for a connection that somebody else makes.
    pub(super) async fn patient(&self) -> Result<Way, LinkError> {
        let mut standing = self.standing.subscribe();
        let up = standing.wait_for(|standing| matches!(standing, Standing::Up(way) if way.kind.is_open())).await;
        match up.as_deref() {
            Ok(Standing::Up(way)) => Ok(way.clone()),
            _ => Err(LinkError::Gone("the console is closed".into())),
        }
    }

    /// The connection that there is, or a new one. `asks`: whether the operator may be asked for a password.
    pub(super) async fn call(self: &Arc<Self>, asks: bool) -> Result<Way, LinkError> {
        let _one = self.calling.lock().await;
        if let Ok(way) = self.now() {
            return Ok(way);
        }
        self.shown.send_replace(LineState::Calling);
        let called = self.connect(asks).await;
        let (standing, shown) = match &called {
            Ok(way) => (Standing::Up(way.clone()), LineState::Up),
            Err(LinkError::Gone(why) | LinkError::Refused(why)) => (Standing::Down(why.clone()), LineState::Down),
        };
        self.standing.send_replace(standing);
        self.shown.send_replace(shown);
        called
    }

    /// A connection turned out to be none any more.
    pub(super) fn lost(&self, way: &Way, why: &LinkError) {
        self.lost_number(way.number, &inner(why));
    }

    fn lost_number(&self, number: u64, why: &str) {
        let is_lost = self.standing.send_if_modified(|standing| {
            let is_it = matches!(standing, Standing::Up(way) if way.number == number);
            if is_it {
                *standing = Standing::Down(why.to_owned());
            }
            is_it
        });
        if is_lost {
            self.shown.send_replace(LineState::Down);
        }
    }

    async fn connect(self: &Arc<Self>, asks: bool) -> Result<Way, LinkError> {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let connection = self.carrier.connect(asks).await?;
        let kind = if connection.is_shared {
            Kind::Shared(self.shared(connection, number).await?)
        } else {
            // The first question shows whether anything listens there; each has a connection of its own.
            drop(connection);
            Kind::Each
        };
        let place = self.carrier.place();
        let answered = self.send(&kind, &Ask::get("/info")).await?;
        let info = match whole(answered, 1 << 20, |_, _| {}).await? {
            Reply::Good(json) => hello::read(&place, &json)?,
            Reply::Problem(problem) if problem.status == 401 => return Err(self.unknown()),
            Reply::Problem(problem) => return Err(LinkError::Refused(format!("{place} says: {}", problem.detail))),
        };
        Ok(Way { kind, info: Arc::new(info), number })
    }

    fn unknown(&self) -> LinkError {
        let place = self.carrier.place();
        LinkError::Refused(match self.carrier.token() {
            Some(_) => {
                format!("{place} does not know this token, or it has expired: ask for one made by `flexcore token create`")
            }
            None => format!("{place} wants a token: put it into FLEXCORE_TOKEN, or its file behind --token-file"),
        })
    }

    /// Asks, and reads the answer to its end.
    pub(super) async fn ask(&self, way: &Way, ask: Ask) -> Result<Reply, LinkError> {
        self.ask_told(way, ask, |_, _| {}).await
    }

    /// The same, telling how much of the answer has come, and of how much.
    pub(super) async fn ask_told(&self, way: &Way, ask: Ask, told: impl FnMut(u64, Option<u64>)) -> Result<Reply, LinkError> {
        // It is never closed.
        let _permit = self.questions.acquire().await;
        let answered = self.send(&way.kind, &ask).await;
        let answered = match answered {
            Ok(response) => whole(response, ask.bytes_max, told).await,
            Err(error) => Err(error),
        };
        answered.inspect_err(|error| self.judge(way, error))
    }

    /// Begins to read a stream.
    pub(super) async fn stream(&self, way: &Way, path: String) -> Result<Stream, LinkError> {
        let quiet = self.carrier.is_quiet();
        let path = match (quiet, path.contains('?')) {
            (false, _) => path,
            (true, false) => format!("{path}?quiet=true"),
            (true, true) => format!("{path}&quiet=true"),
        };
        let answered = self.send(&way.kind, &Ask::get(path)).await.inspect_err(|error| self.judge(way, error))?;
        if answered.status().is_success() {
            return Ok(Stream::new(answered, quiet));
        }
        match whole(answered, 1 << 20, |_, _| {}).await? {
            Reply::Problem(problem) => Err(super::answer::refused(&problem)),
            Reply::Good(_) => Err(LinkError::Gone("a stream ended before it began".into())),
        }
    }

    /// A question that got no answer may mean that nobody is there any more.
    fn judge(&self, way: &Way, error: &LinkError) {
        if matches!(error, LinkError::Gone(_)) && (!way.kind.is_open() || matches!(way.kind, Kind::Each)) {
            self.lost(way, error);
        }
    }

    async fn send(&self, kind: &Kind, ask: &Ask) -> Result<Response<Incoming>, LinkError> {
        let late = |_| LinkError::Gone(format!("no answer within {}s", ANSWER_TIME_MAX.as_secs()));
        timeout(ANSWER_TIME_MAX, self.sent(kind, ask)).await.map_err(late)?
    }

    async fn sent(&self, kind: &Kind, ask: &Ask) -> Result<Response<Incoming>, LinkError> {
        match kind {
            Kind::Shared(sender) => {
                let mut sender = sender.clone();
                sender.ready().await.map_err(|error| broke(&error))?;
                sender.send_request(self.request(ask, true)?).await.map_err(|error| broke(&error))
            }
            Kind::Each => {
                let Connection { bytes, .. } = self.carrier.connect(false).await?;
                let (mut sender, connection) = http1::handshake(TokioIo::new(bytes)).await.map_err(|error| broke(&error))?;
                // Ends with the answer.
                tokio::spawn(connection);
                sender.send_request(self.request(ask, false)?).await.map_err(|error| broke(&error))
            }
        }
    }

    fn request(&self, ask: &Ask, is_shared: bool) -> Result<Request<Full<Bytes>>, LinkError> {
        let carrier = &self.carrier;
        let path = format!("{}{BASE}{}", carrier.path(), ask.path);
        let uri = if is_shared { format!("{}://{}{path}", carrier.scheme(), carrier.authority()) } else { path };
        let mut request = Request::builder().method(ask.method.clone()).uri(uri);
        if !is_shared {
            request = request.header(header::HOST, carrier.authority());
        }
        if carrier.is_far() {
            request = request.header(header::ACCEPT_ENCODING, "gzip");
        }
        if let Some(token) = carrier.token() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = ask.key {
            // What it leads to can be found again among the events by the same name.
            request = request.header("idempotency-key", key.to_string()).header("x-correlation-id", key.to_string());
        }
        if ask.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(ask.body.clone().unwrap_or_default()));
        request.body(body).map_err(|error| LinkError::Refused(format!("this cannot be asked: {error}")))
    }

    /// Makes HTTP/2 of a connection. It is served by a task that ends with it, and with the last who can ask.
    async fn shared(self: &Arc<Self>, connection: Connection, number: u64) -> Result<http2::SendRequest<Full<Bytes>>, LinkError> {
        let Connection { bytes, child, .. } = connection;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).keep_alive_interval(self.carrier.alive_every()).keep_alive_timeout(ALIVE_WITHIN);
        builder.keep_alive_while_idle(true);
        builder.initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOWS_BYTES);
        let (sender, connection) = builder.handshake(TokioIo::new(bytes)).await.map_err(|error| broke(&error))?;
        let line: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            let why = match connection.await {
                Ok(()) => LinkError::Gone("the engine has ended the connection".into()),
                Err(error) => broke(&error),
            };
            ssh::end(child);
            if let Some(line) = line.upgrade() {
                line.lost_number(number, &inner(&why));
            }
        });
        Ok(sender)
    }
}

/// What happened, without saying once more that there is no connection.
pub(super) fn inner(error: &LinkError) -> String {
    match error {
        LinkError::Gone(why) | LinkError::Refused(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::{server::conn::http2 as served, service::service_fn};
    use tokio::time::sleep;

    use super::*;
    use crate::attach::carrier::Web;

    /// A connection whose other end answers for a while and then is there no more, without a word; whether it stands when it
    /// still answers, and so long after that.
    async fn stands(carrier: Carrier, silent: Duration) -> (bool, bool) {
        let line = Line::new(carrier);
        let (bytes, there) = tokio::io::duplex(1 << 16);
        let nothing = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))) });
        let engine = served::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(there), nothing);
        tokio::pin!(engine);
        let called = line.shared(Connection { bytes: Box::new(bytes), is_shared: true, child: None }, 1);
        let way = tokio::select! {
            way = called => way.unwrap(),
            _ = &mut engine => panic!("it ended"),
        };
        tokio::select! {
            _ = &mut engine => panic!("it ended"),
            () = sleep(Duration::from_secs(600)) => {}
        }
        let first = !way.is_closed();
        sleep(silent).await;
        (first, !way.is_closed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_from_afar_that_falls_silent_is_over_within_half_a_minute() {
        let web = || Carrier::Web(Web::new("https://box", None, None).unwrap());
        assert_eq!(stands(web(), Duration::from_secs(26)).await, (true, false));
        assert_eq!(stands(web(), Duration::from_secs(9)).await, (true, true), "it has time to answer");
    }

    #[tokio::test(start_paused = true)]
    async fn over_a_socket_an_engine_that_hangs_is_noticed_later() {
        assert_eq!(stands(Carrier::Socket(None), Duration::from_secs(9)).await, (true, true));
        assert_eq!(stands(Carrier::Socket(None), Duration::from_secs(191)).await, (true, false));
    }
}
