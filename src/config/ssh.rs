//! Settings of SSH. The address is `ssh`, as the API's is `http`; all else is in the section `sshd`.

use std::{net::SocketAddr, path::PathBuf};

use flexcore_engine::unit::Duration;

use super::{api, layer::Reader};

/// Where and how consoles are served by SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSettings {
    /// The address; `None`: not at all.
    pub address: Option<SocketAddr>,
    /// The file of keys that may come in; `None`: `authorized_keys` in the data directory.
    pub authorized_keys: Option<PathBuf>,
    /// The host's key; `None`: in the data directory.
    pub host_key: Option<PathBuf>,
    /// Sessions at once.
    pub sessions_max: u32,
    /// Of them, with one key.
    pub sessions_each_max: u32,
    /// New connections a second of one address; 0: no limit.
    pub rate_max: u32,
    /// Keys that one connection may try.
    pub attempts_max: u32,
    /// How long a connection may take to come in.
    pub login_max: Duration,
    /// Sessions without a key for so long end; zero: never.
    pub idle_max: Duration,
}

pub(super) fn read(read: &mut Reader<'_>) -> SshSettings {
    let mut duration = |name: &str| read.parsed(name, |text| text.parse().map_err(|error| format!("{error}")));
    let (login_max, idle_max) = (duration("sshd.login_max"), duration("sshd.idle_max"));
    SshSettings {
        address: read.parsed("ssh", api::address),
        authorized_keys: read.path("sshd.authorized_keys"),
        host_key: read.path("sshd.host_key"),
        sessions_max: read.number("sshd.sessions_max", 1, 10_000),
        sessions_each_max: read.number("sshd.sessions_each_max", 1, 10_000),
        rate_max: read.number("sshd.rate_max", 0, 1_000_000),
        attempts_max: read.number("sshd.attempts_max", 1, 100),
        login_max,
        idle_max,
    }
}
