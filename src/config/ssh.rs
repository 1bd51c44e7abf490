//! Settings of SSH. The address is `ssh`, as the API's is `http`; all else is in the section `sshd`.

use std::{net::SocketAddr, path::PathBuf};

use flexcore_engine::unit::{ByteSize, Duration};

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
    /// Whether clients that can compress for sure do so without being told to.
    pub compress: bool,
    /// Keys that one connection may try.
    pub attempts_max: u32,
    /// How long a connection may take to come in.
    pub login_max: Duration,
    /// Sessions without a key for so long end; zero: never.
    pub idle_max: Duration,
    /// A client that takes nothing for so long is cut off.
    pub stalled_max: Duration,
    /// Where consoles are recorded; `None`: they are not.
    pub recordings: Option<Recordings>,
}

/// Where consoles are recorded, and how much of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recordings {
    /// A folder of their own.
    pub folder: PathBuf,
    /// All of them; the oldest make room.
    pub bytes_max: ByteSize,
    /// Each of them.
    pub each_bytes_max: ByteSize,
}

pub(super) fn read(read: &mut Reader<'_>) -> SshSettings {
    let duration = |text: &str| text.parse::<Duration>().map_err(|error| format!("{error}"));
    let idle_max = read.parsed("sshd.idle_max", duration);
    let mut patience = |name: &str| {
        read.parsed(name, |text| match duration(text)? {
            short if short < Duration::from_secs(1) => Err(format!("`{text}` is less than the least, 1s")),
            length => Ok(length),
        })
    };
    let (login_max, stalled_max) = (patience("sshd.login_max"), patience("sshd.stalled_max"));
    let recordings = recordings(read);
    SshSettings {
        recordings,
        address: read.parsed("ssh", api::address),
        authorized_keys: read.path("sshd.authorized_keys"),
        host_key: read.path("sshd.host_key"),
        sessions_max: read.number("sshd.sessions_max", 1, 10_000),
        sessions_each_max: read.number("sshd.sessions_each_max", 1, 10_000),
        rate_max: read.number("sshd.rate_max", 0, 1_000_000),
        compress: read.flag("sshd.compress"),
        attempts_max: read.number("sshd.attempts_max", 1, 100),
        login_max,
        idle_max,
        stalled_max,
    }
}

fn recordings(read: &mut Reader<'_>) -> Option<Recordings> {
    let size = |text: &str| text.parse::<ByteSize>().map_err(|error| format!("{error}"));
    let each_bytes_max = read.parsed("sshd.recording_bytes_max", size);
    let bytes_max = read.parsed("sshd.recordings_bytes_max", |text| match size(text)? {
        all if all < each_bytes_max => {
            Err(format!("`{text}` is less than one may take, {each_bytes_max} (sshd.recording_bytes_max)"))
        }
        all => Ok(all),
    });
    read.path("sshd.recordings").map(|folder| Recordings { folder, bytes_max, each_bytes_max })
}
