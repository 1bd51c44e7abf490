//! What is asked, and what comes back: bounded in size and in how long it may stall, unpacked where it was packed.

use std::{
    io::{self, Write},
    time::Duration,
};

use flate2::write::GzDecoder;
use flexcore_ui::link::LinkError;
use http_body_util::BodyExt;
use hyper::{Method, Response, StatusCode, body::Incoming, header};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::http::wire::problem::ProblemBody;

/// The largest answer but for read models, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The largest read models, in bytes.
pub(super) const MODELS_BYTES_MAX: usize = 512 << 20;
/// An answer that has begun and brings nothing for so long is given up.
const STALLED_MAX: Duration = Duration::from_secs(30);

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// Below the API's base, with its query.
    pub(super) path: String,
    pub(super) body: Option<Vec<u8>>,
    /// Names a change, so that it is made once however often it is sent.
    pub(super) key: Option<uuid::Uuid>,
    pub(super) bytes_max: usize,
}

impl Ask {
    /// To look at something.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, key: None, bytes_max: ANSWER_BYTES_MAX }
    }

    /// With a body.
    pub(super) fn post(path: impl Into<String>, body: &impl Serialize) -> Result<Self, LinkError> {
        let body = serde_json::to_vec(body).map_err(|error| LinkError::Refused(error.to_string()))?;
        Ok(Self { method: Method::POST, body: Some(body), ..Self::get(path) })
    }
}

/// An answer.
pub(super) enum Reply {
    /// What was asked for.
    Good(Vec<u8>),
    /// Why it is not there.
    Problem(Box<ProblemBody>),
}

impl Reply {
    /// The JSON that was asked for; a problem as what it means for the link.
    pub(super) fn json<T: DeserializeOwned>(self) -> Result<T, LinkError> {
        match self {
            Self::Good(bytes) => serde_json::from_slice(&bytes).map_err(|error| odd(&error)),
            Self::Problem(problem) => Err(refused(&problem)),
        }
    }
}

/// An answer that is not what this version understands.
pub(super) fn odd(error: &dyn std::fmt::Display) -> LinkError {
    LinkError::Refused(format!("the engine's answer is not understood: {error}; is it of the same version?"))
}

/// An engine that stops, or a gate before one that is away, may answer later.
pub(super) fn refused(problem: &ProblemBody) -> LinkError {
    match problem.status {
        408 | 429 | 502..=504 => LinkError::Gone(problem.detail.clone()),
        _ => LinkError::Refused(problem.detail.clone()),
    }
}

/// Bytes up to a maximum.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    max: usize,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.max {
            return Err(io::Error::other(format!("an answer of more than {} bytes", self.max)));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Unpack {
    Plain(Bounded),
    Gzip(Box<GzDecoder<Bounded>>),
}

impl Unpack {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(bytes) => bytes.write_all(piece),
            Self::Gzip(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
        }
    }

    fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(bytes) => &mut bytes.bytes,
            Self::Gzip(decoder) => &mut decoder.get_mut().bytes,
        }
    }
}

/// Reads a body piece by piece. Dropping a read half way loses nothing.
pub(super) struct Reader {
    body: Incoming,
    unpack: Unpack,
    /// Bytes that came over the line.
    pub(super) came: u64,
    /// Bytes that are to come, if that was said.
    pub(super) total: Option<u64>,
}

impl Reader {
    /// Of an answer; `max` bytes may wait in it to be taken.
    pub(super) fn new(response: Response<Incoming>, max: usize) -> Self {
        let field = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let bounded = Bounded { max, ..Bounded::default() };
        let unpack = match field(header::CONTENT_ENCODING) {
            Some("gzip") => Unpack::Gzip(Box::new(GzDecoder::new(bounded))),
            _ => Unpack::Plain(bounded),
        };
        let total = field(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        Self { body: response.into_body(), unpack, came: 0, total }
    }

    /// Waits for the next piece, no longer than it may stall; `false` at the end.
    pub(super) async fn more(&mut self, stalled_max: Option<Duration>) -> Result<bool, LinkError> {
        let frame = match stalled_max {
            None => self.body.frame().await,
            Some(max) => {
                let late = |_| LinkError::Gone(format!("the engine said nothing for {}s", max.as_secs()));
                timeout(max, self.body.frame()).await.map_err(late)?
            }
        };
        let Some(frame) = frame else { return Ok(false) };
        let frame = frame.map_err(|error| broke(&error))?;
        if let Some(piece) = frame.data_ref() {
            self.came += piece.len() as u64;
            self.unpack.take(piece).map_err(|error| odd(&error))?;
        }
        Ok(true)
    }

    /// What has come and was not taken.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        self.unpack.bytes()
    }
}

/// The connection ended in the middle.
pub(super) fn broke(error: &hyper::Error) -> LinkError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    LinkError::Gone(format!("the connection broke ({cause})"))
}

/// Reads an answer to its end, telling how far it is.
pub(super) async fn whole(
    response: Response<Incoming>,
    max: usize,
    mut told: impl FnMut(u64, Option<u64>),
) -> Result<Reply, LinkError> {
    let status = response.status();
    let mut reader = Reader::new(response, max);
    while reader.more(Some(STALLED_MAX)).await? {
        told(reader.came, reader.total);
    }
    let bytes = std::mem::take(reader.bytes());
    if status.is_success() {
        let empty = status == StatusCode::NO_CONTENT;
        return Ok(Reply::Good(if empty { b"null".to_vec() } else { bytes }));
    }
    match serde_json::from_slice(&bytes) {
        Ok(problem) => Ok(Reply::Problem(Box::new(problem))),
        // A gate on the way answers in its own words.
        Err(_) if status.is_server_error() => Err(LinkError::Gone(format!("what stands before the engine answers {status}"))),
        Err(_) => Err(LinkError::Refused(format!("status {status} without a reason: it is no FlexCore that answers"))),
    }
}
