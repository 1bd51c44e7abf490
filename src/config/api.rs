//! Settings of the API. What must agree with each other is checked here, so that an engine never starts half open.

use std::{net::SocketAddr, path::PathBuf};

use flexcore_engine::unit::ByteSize;

use super::layer::Reader;

/// Where the Unix socket is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SocketSetting {
    /// In the user's runtime folder, named after node and process.
    #[default]
    Auto,
    /// There is none.
    None,
    /// Here.
    At(PathBuf),
}

/// Files of certificates and their key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM, the server's own first.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// Where and how the API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// The address; `None`: not by TCP.
    pub http: Option<SocketAddr>,
    /// The Unix socket.
    pub socket: SocketSetting,
    /// The file of tokens.
    pub tokens: Option<PathBuf>,
    /// HTTPS.
    pub tls: Option<Tls>,
    /// Bytes of a body.
    pub body_max: ByteSize,
    /// Connections at once.
    pub connections_max: u32,
    /// Requests a second of one token or address; 0: no limit.
    pub rate_max: u32,
    /// The web origin whose scripts may use the API.
    pub cors_origin: Option<String>,
}

pub(super) fn read(read: &mut Reader<'_>) -> ApiSettings {
    let tls_paths = (read.path("api.tls_certificate"), read.path("api.tls_key"));
    let tls = match tls_paths {
        (Some(certificate), Some(key)) => Some(Tls { certificate, key }),
        (None, None) => None,
        (Some(_), None) => half(read, "api.tls_key", "api.tls_certificate"),
        (None, Some(_)) => half(read, "api.tls_certificate", "api.tls_key"),
    };
    ApiSettings {
        http: read.parsed("http", address),
        socket: socket(&read.text("socket")),
        tokens: read.path("api.tokens"),
        tls,
        body_max: read.parsed("api.body_max", |text| text.parse().map_err(|error| format!("{error}"))),
        connections_max: read.number("api.connections_max", 1, 1_000_000),
        rate_max: read.number("api.rate_max", 0, 1_000_000),
        cors_origin: read.parsed("api.cors_origin", origin),
    }
}

fn half(read: &mut Reader<'_>, missing: &str, given: &str) -> Option<Tls> {
    read.parsed(missing, |_| Err(format!("is needed, because `{given}` is set")))
}

fn socket(text: &str) -> SocketSetting {
    match text {
        "auto" => SocketSetting::Auto,
        "none" | "" => SocketSetting::None,
        path => SocketSetting::At(path.into()),
    }
}

/// A port alone is on loopback: what is reachable from elsewhere is said in full.
pub(super) fn address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let whole = match text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')) {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    let wrong = |_| format!("`{text}` is not an address: write it like 127.0.0.1:8080 or [::1]:8080");
    whole.parse().map(Some).map_err(wrong)
}

fn origin(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']));
    if is_origin && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(text.to_owned()));
    }
    Err(format!("`{text}` is not a web origin: scheme and host, like https://ops.example"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_loopback() {
        for text in [":80", "localhost:80", "127.0.0.1:80"] {
            assert_eq!(address(text), Ok(Some(([127, 0, 0, 1], 80).into())), "{text}");
        }
        assert_eq!(address(""), Ok(None));
        for bad in ["80", "host:80", "127.0.0.1", "127.0.0.1:99999"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for good in ["https://a.example", "http://localhost:3000"] {
            assert_eq!(origin(good), Ok(Some(good.to_owned())));
        }
        for bad in ["*", "a.example", "https://", "https://a/b", "null"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
