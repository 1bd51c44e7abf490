//! Asking a running engine: by its Unix socket, or by `--url` with a token. One thin layer over the client; what is asked is
//! the API, so a command can do nothing that a program could not.

pub(crate) mod said;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Client as Http, Method, RequestBuilder, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};

use crate::http::{BASE, socket, wire::problem::ProblemBody};

/// An engine must have begun to answer within this time; the longest wait that a command asks for is shorter.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(90);
/// A connection must be there within this time.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// Where an engine is, said by variables.
pub const URL_VARIABLE: &str = "FLEXCORE_URL";
/// What proves who asks, with a URL.
pub const TOKEN_VARIABLE: &str = "FLEXCORE_TOKEN";
/// Certificates that are trusted instead of the machine's.
pub const CA_VARIABLE: &str = "FLEXCORE_CA";
/// Its socket.
pub const SOCKET_VARIABLE: &str = "FLEXCORE_ENGINE";

/// Where an engine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Its address; `None`: its Unix socket.
    pub url: Option<String>,
    /// What proves who asks, with a URL.
    pub token: Option<String>,
    /// Certificates that are trusted instead of the machine's, with a URL.
    pub ca: Option<PathBuf>,
    /// Its socket; `None`: the only one that answers.
    pub socket: Option<PathBuf>,
}

impl Target {
    /// What variables say. An empty one says nothing.
    pub fn of_variables() -> Self {
        let said = |name| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name| said(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            url: text(URL_VARIABLE),
            token: text(TOKEN_VARIABLE),
            ca: said(CA_VARIABLE).map(Into::into),
            socket: said(SOCKET_VARIABLE).map(Into::into),
        }
    }

    /// The variables that make a command of this program ask the same engine; `None`: must not be there.
    pub fn variables(&self) -> [(&'static str, Option<OsString>); 4] {
        [
            (URL_VARIABLE, self.url.clone().map(Into::into)),
            (TOKEN_VARIABLE, self.token.clone().map(Into::into)),
            (CA_VARIABLE, self.ca.clone().map(Into::into)),
            (SOCKET_VARIABLE, self.socket.clone().map(Into::into)),
        ]
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No engine was found, or none that is the one meant.
    #[error("{0}")]
    NotFound(String),
    /// It was found and could not be asked.
    #[error("cannot ask the engine at {place}")]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// What the system said.
        source: reqwest::Error,
    },
    /// It said no.
    #[error("{}", told(.0))]
    Refused(Box<ProblemBody>),
    /// It answered something else than was asked.
    #[error("the engine at {place} answers in a way that is not understood: {reason}; is it of this version?")]
    Odd {
        /// Where.
        place: String,
        /// What is odd.
        reason: String,
    },
}

fn told(problem: &ProblemBody) -> String {
    let flaw = |flaw: &crate::http::wire::problem::Flaw| match (flaw.line, flaw.column) {
        (Some(line), Some(column)) => {
            let hint = flaw.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("\n  {line}:{column}: {}{hint}", flaw.message)
        }
        _ => format!("\n  {}: {}", flaw.pointer, flaw.message),
    };
    let flaws: String = if problem.errors.len() > 1 { problem.errors.iter().map(flaw).collect() } else { String::new() };
    format!("{}{flaws}", problem.detail)
}

/// A way to an engine.
#[derive(Debug, Clone)]
pub struct Client {
    http: Http,
    base: String,
    token: Option<String>,
    place: String,
    /// The engine is in this process, and no connection leads to it.
    #[cfg(feature = "ssh")]
    inside: Option<crate::http::inside::Entered>,
}

impl Client {
    /// The engine of this process, as one caller has it.
    #[cfg(feature = "ssh")]
    pub(crate) fn inside(entered: crate::http::inside::Entered) -> Self {
        let (base, place) = ("http://localhost".into(), "its own process".into());
        Self { http: entered.http(), base, token: None, place, inside: Some(entered) }
    }

    /// Finds the engine. By its socket that is: the one named, or the only one of this user that answers.
    pub fn new(target: &Target) -> Result<Self, ClientError> {
        // Another part of the program may have chosen already; it chooses the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Http::builder().no_proxy().connect_timeout(CONNECT_TIME_MAX).read_timeout(ANSWER_TIME_MAX);
        let (builder, base, place) = if let Some(url) = &target.url {
            let builder = match &target.ca {
                Some(path) => builder.tls_certs_only(certificates(path)?),
                None => builder,
            };
            (builder, url.trim_end_matches('/').to_owned(), url.clone())
        } else {
            let path = the_socket(target.socket.as_ref())?;
            let place = path.display().to_string();
            (builder.unix_socket(path), "http://localhost".to_owned(), place)
        };
        let http = builder.build().map_err(|source| ClientError::Unreachable { place: place.clone(), source })?;
        Ok(Self {
            http,
            base,
            token: target.token.clone(),
            place,
            #[cfg(feature = "ssh")]
            inside: None,
        })
    }

    /// Where the engine is, for people.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Asks; `Err` for every answer that is no success.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Body>) -> Result<Response, ClientError> {
        let mut request = self.request(method, path);
        if let Some(Body { media, bytes, if_match }) = body {
            request = request.header(reqwest::header::CONTENT_TYPE, media).body(bytes);
            if let Some(tag) = if_match {
                request = request.header(reqwest::header::IF_MATCH, tag);
            }
        }
        let response = self.send(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = response.bytes().await.map_err(|source| self.unreachable(source))?;
        match serde_json::from_slice(&bytes) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(self.odd(format!("status {status} without a reason"))),
        }
    }

    /// Reads JSON that comes with a verdict: `false` with 503.
    pub async fn verdict(&self, path: &str) -> Result<(bool, serde_json::Value), ClientError> {
        let response = self.send(self.request(Method::GET, path)).await?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|source| self.unreachable(source))?;
        match serde_json::from_slice(&bytes) {
            Ok(json) if status.is_success() || status == StatusCode::SERVICE_UNAVAILABLE => Ok((status.is_success(), json)),
            _ => Err(self.odd(format!("status {status}"))),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        #[cfg(feature = "ssh")]
        if let Some(inside) = &self.inside {
            let request = request.build().map_err(|source| self.unreachable(source))?;
            return inside.ask(request).await.map_err(|source| self.unreachable(source));
        }
        request.send().await.map_err(|source| self.unreachable(source))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{BASE}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Asks for JSON.
    pub async fn read<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<Body>) -> Result<T, ClientError> {
        let response = self.ask(method, path, body).await?;
        let is_empty = response.status() == StatusCode::NO_CONTENT;
        let bytes = response.bytes().await.map_err(|source| self.unreachable(source))?;
        let text: &[u8] = if is_empty { b"null" } else { &bytes };
        serde_json::from_slice(text).map_err(|error| self.odd(error.to_string()))
    }

    /// A stream ended, because the engine did.
    pub fn closed(&self) -> ClientError {
        ClientError::NotFound(format!("the engine at {} has ended", self.place))
    }

    /// A line cannot be made, or broke in the middle.
    pub fn unreachable(&self, source: reqwest::Error) -> ClientError {
        ClientError::Unreachable { place: self.place.clone(), source }
    }

    /// An answer is not understood.
    pub fn odd(&self, reason: String) -> ClientError {
        ClientError::Odd { place: self.place.clone(), reason }
    }
}

/// What a request carries.
#[derive(Debug, Clone)]
pub struct Body {
    media: &'static str,
    bytes: Vec<u8>,
    if_match: Option<String>,
}

impl Body {
    /// JSON.
    pub fn json(value: &impl Serialize) -> Self {
        // Bodies are made of text, numbers, lists and maps.
        Self { media: "application/json", bytes: serde_json::to_vec(value).unwrap_or_default(), if_match: None }
    }

    /// A pipeline file.
    pub fn yaml(text: String) -> Self {
        Self { media: "application/yaml", bytes: text.into_bytes(), if_match: None }
    }

    /// Taken only while the pipeline has this revision.
    #[must_use]
    pub fn only_if(self, revision: Option<&str>) -> Self {
        Self { if_match: revision.map(|revision| format!("\"{revision}\"")), ..self }
    }
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, ClientError> {
    let wrong = |why: &dyn std::fmt::Display| ClientError::NotFound(format!("--ca {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
    if found.is_empty() { Err(wrong(&"there is no certificate in it")) } else { Ok(found) }
}

/// The socket of an engine: the one named, or the only one of this user that answers.
pub fn the_socket(named: Option<&PathBuf>) -> Result<PathBuf, ClientError> {
    if let Some(path) = named {
        if socket::answers(path) {
            return Ok(path.clone());
        }
        return Err(ClientError::NotFound(format!("no engine answers at {}", path.display())));
    }
    let mut found = socket::found();
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok(only),
        (0, _) | (_, None) => {
            let folder = socket::folder();
            Err(ClientError::NotFound(format!(
                "no engine of yours is running: no socket answers in {}; start one with `flexcore` or `flexcore serve`, or say \
                 where it is with --socket or --url",
                folder.display()
            )))
        }
        (count, Some(last)) => {
            let names: Vec<_> = found.iter().chain([&last]).map(|path| format!("--socket {}", path.display())).collect();
            let names = names.join("\n  ");
            Err(ClientError::NotFound(format!("{count} engines of yours are running; say which one with\n  {names}")))
        }
    }
}

/// A part of a path, so that a name with odd letters is a name and not more path.
pub fn part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().fold(String::new(), |out, byte| {
        if plain(byte) { out + &char::from(byte).to_string() } else { out + &format!("%{byte:02X}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_stays_one() {
        assert_eq!(part("a/b?c=ü"), "a%2Fb%3Fc%3D%C3%BC");
        assert_eq!(part("quakes-1.2_x"), "quakes-1.2_x");
    }
}
