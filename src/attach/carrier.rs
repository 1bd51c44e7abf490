//! What carries questions to an engine: its Unix socket, a URL, or `ssh` to the machine that it is on.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use flexcore_ui::link::LinkError;
use hyper::Uri;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    process::Child,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{find, ssh::Ssh, tls};

/// A connection by socket or URL must be there within this time.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// A connection on which nothing came for so long is asked for a sign of life.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// The same of a Unix socket, whose end the system tells whenever it comes: only an engine that hangs is silent there, and
/// that is told much sooner by the age of its figures.
const ALIVE_HERE_EVERY: Duration = Duration::from_secs(180);

/// Where an engine is.
#[derive(Debug, Clone)]
pub enum Carrier {
    /// On this machine: of a data directory, at a Unix socket, or the only one of this user. The permissions of the socket's
    /// file are the login.
    Socket(Option<PathBuf>),
    /// At a URL.
    Web(Web),
    /// On another machine, by way of `ssh`.
    Ssh(Ssh),
}

/// An engine at a URL.
#[derive(Debug, Clone)]
pub struct Web {
    /// As it was typed.
    url: String,
    authority: String,
    host: String,
    port: u16,
    path: String,
    is_tls: bool,
    /// What proves who asks.
    pub token: Option<String>,
    /// Certificates that are trusted instead of the machine's.
    pub ca: Option<PathBuf>,
}

impl Web {
    /// Reads a URL.
    pub fn new(url: &str, token: Option<String>, ca: Option<PathBuf>) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{url}` is not the URL of an engine: {why}; write it like https://box:8443");
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("it begins with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no machine"))?.clone();
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(wrong("it has neither a user nor a query"));
        }
        if ca.is_some() && !is_tls {
            return Err(wrong("with --ca it begins with https://"));
        }
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority: authority.as_str().to_owned(),
            path: uri.path().trim_end_matches('/').to_owned(),
            is_tls,
            token,
            ca,
        })
    }

    /// Whether everybody on the way can read along.
    fn is_open(&self) -> bool {
        let is_here = self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        !self.is_tls && !is_here
    }
}

/// Bytes both ways.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection.
pub(super) struct Connection {
    pub(super) bytes: Box<dyn Duplex>,
    /// Whether all questions go over this one, as HTTP/2; otherwise one does, as HTTP/1.1.
    pub(super) is_shared: bool,
    /// The process that carries it; ends with the connection.
    pub(super) child: Option<Child>,
}

impl Connection {
    fn new(bytes: impl Duplex + 'static, is_shared: bool) -> Self {
        Self { bytes: Box::new(bytes), is_shared, child: None }
    }
}

impl Carrier {
    /// Where the engine is, for people.
    pub fn place(&self) -> String {
        match self {
            Self::Socket(Some(place)) => place.display().to_string(),
            Self::Socket(None) => "the socket of this user's engine".to_owned(),
            Self::Web(web) if web.is_open() => format!("{} (not encrypted)", web.url),
            Self::Web(web) => web.url.clone(),
            Self::Ssh(ssh) => format!("ssh {}", ssh.host),
        }
    }

    /// The same in a few words, for the top of the screen.
    pub fn short(&self) -> String {
        match self {
            Self::Socket(_) => "attached".to_owned(),
            other => other.place(),
        }
    }

    /// Whether the way may be long, so that it is worth to compress.
    pub(super) fn is_far(&self) -> bool {
        !matches!(self, Self::Socket(_))
    }

    /// How long a connection may bring nothing until it is asked for a sign of life.
    pub(super) fn alive_every(&self) -> Duration {
        if self.is_far() { ALIVE_EVERY } else { ALIVE_HERE_EVERY }
    }

    /// Whether streams need give no signs of life: the connection is asked for them, and there is nothing on the way, like a
    /// proxy, that would cut what is silent.
    pub(super) fn is_quiet(&self) -> bool {
        !matches!(self, Self::Web(_))
    }

    /// What stands before the API's paths.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Web(web) => &web.path,
            Self::Socket(_) | Self::Ssh(_) => "",
        }
    }

    /// Whom requests name as their host.
    pub(super) fn authority(&self) -> &str {
        match self {
            Self::Web(web) => &web.authority,
            Self::Socket(_) | Self::Ssh(_) => "localhost",
        }
    }

    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Web(web) if web.is_tls => "https",
            _ => "http",
        }
    }

    pub(super) fn token(&self) -> Option<&str> {
        match self {
            Self::Web(web) => web.token.as_deref(),
            Self::Socket(_) | Self::Ssh(_) => None,
        }
    }

    /// Makes a connection. `asks`: whether `ssh` may ask the operator for a password; the console is not on the screen then.
    pub(super) async fn connect(&self, asks: bool) -> Result<Connection, LinkError> {
        match self {
            Self::Ssh(ssh) => ssh.connect(asks).await,
            other => timeout(CONNECT_TIME_MAX, other.direct()).await.unwrap_or_else(|_| {
                Err(LinkError::Gone(format!("{} does not answer within {}s", self.place(), CONNECT_TIME_MAX.as_secs())))
            }),
        }
    }

    async fn direct(&self) -> Result<Connection, LinkError> {
        match self {
            Self::Socket(place) => {
                let path = find::socket(place.as_deref()).map_err(|error| LinkError::Gone(error.to_string()))?;
                let stream = UnixStream::connect(&path).await.map_err(|error| unopened(&path, &error))?;
                Ok(Connection::new(stream, true))
            }
            Self::Web(web) => web.connect().await.map_err(|error| web.unconnected(&error)),
            Self::Ssh(ssh) => ssh.connect(false).await,
        }
    }
}

fn unopened(path: &Path, error: &io::Error) -> LinkError {
    let at = path.display();
    LinkError::Gone(match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "no permission for {at}: an engine's socket is for the user that runs it; become that user, or use --url with a token"
        ),
        io::ErrorKind::NotFound => format!("no engine runs at {at}: the socket is not there"),
        io::ErrorKind::ConnectionRefused => format!("no engine runs at {at}: the socket is left over from one that ended"),
        _ => format!("cannot connect to {at}: {error}"),
    })
}

impl Web {
    fn unconnected(&self, error: &io::Error) -> LinkError {
        LinkError::Gone(match error.kind() {
            io::ErrorKind::ConnectionRefused => format!("nothing listens at {}", self.url),
            _ => format!("cannot connect to {}: {error}", self.url),
        })
    }

    async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Questions are small and whole: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        if !self.is_tls {
            return Ok(Connection::new(stream, false));
        }
        let config = tls::config(self.ca.as_deref())?;
        let name = self.host.clone().try_into().map_err(io::Error::other)?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|error| self.untrusted(error))?;
        let is_shared = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Connection::new(stream, is_shared))
    }

    fn untrusted(&self, error: io::Error) -> io::Error {
        let text = error.to_string();
        if text.contains("UnknownIssuer") || text.contains("certificate") {
            let hint = if self.ca.is_some() { "it is not signed by --ca" } else { "name the one that signed it with --ca FILE" };
            return io::Error::new(error.kind(), format!("its certificate is not trusted ({text}); {hint}"));
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_may_be_cut_on_the_way_give_signs_of_life() {
        let web = Carrier::Web(Web::new("https://box", None, None).unwrap());
        let socket = Carrier::Socket(None);
        let ssh = Carrier::Ssh(Ssh { host: "box".into(), program: "flexcore".into(), place: None, command: vec!["ssh".into()] });
        assert_eq!([&socket, &ssh, &web].map(Carrier::is_quiet), [true, true, false]);
    }

    #[test]
    fn urls_are_read_and_others_told_why_not() {
        let web = Web::new("https://box.example/ops/", None, None).unwrap();
        assert_eq!((web.host.as_str(), web.port, web.path.as_str()), ("box.example", 443, "/ops"));
        let web = Web::new("http://[::1]:8080", None, None).unwrap();
        assert_eq!((web.host.as_str(), web.port, web.path.as_str(), web.is_open()), ("::1", 8080, "", false));
        assert!(Web::new("http://box:8080", None, None).unwrap().is_open());
        for bad in ["box:8080", "ftp://box", "https://", "https://me@box", "https://box?x=1", "not a url"] {
            let told = Web::new(bad, None, None).unwrap_err();
            assert!(told.contains(bad) && told.contains("https://box:8443"), "{told}");
        }
        assert!(Web::new("http://box", None, Some("ca.pem".into())).is_err());
    }
}
