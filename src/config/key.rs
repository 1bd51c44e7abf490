//! The one table of settings: names, variables, defaults and what they mean. Flags, file, environment, `--help` and the
//! errors about unknown names all read it.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// In the file: sections by dots, as in `log.level`.
    pub name: &'static str,
    /// Used when nobody says otherwise. `{home}`, `{host}`, `{user}` are filled in.
    pub default: &'static str,
    /// One line for people.
    pub help: &'static str,
}

impl Key {
    /// The environment variable: `log.level` is `FLEXCORE_LOG_LEVEL`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_uppercase().replace('.', "_"))
    }
}

/// What every variable begins with.
pub(super) const PREFIX: &str = "FLEXCORE_";

/// Every setting.
pub const KEYS: &[Key] = &[
    Key { name: "data", default: "", help: "The directory that keeps everything; without one, everything is in memory" },
    Key { name: "workers", default: "32", help: "Runs at once, 1 to 1024; a continuous pipeline holds one slot" },
    Key { name: "node", default: "{host}", help: "The node's name in events" },
    Key { name: "operator", default: "{user}", help: "Who the console's actions are done by" },
    Key { name: "read_only", default: "false", help: "Refuse every action that changes something" },
    Key { name: "shutdown_grace", default: "10s", help: "How long a stopping engine waits for its runs" },
    Key { name: "log.folder", default: "{state}/flexcore", help: "Where the daily log file goes; seven are kept" },
    Key { name: "log.level", default: "info", help: "error, warn, info, debug, trace, or levels per module" },
    Key { name: "log.format", default: "text", help: "text or json" },
    Key {
        name: "console.theme",
        default: "terminal",
        help: "terminal (its own 16 colours), mono, dark, light, or a TOML file; NO_COLOR means mono",
    },
    Key { name: "console.colors", default: "auto", help: "auto (what the terminal says of itself), mono, 16, 256 or true" },
    Key { name: "console.ascii", default: "false", help: "Borders and glyphs of ASCII only" },
    Key { name: "console.scroll", default: "true", help: "Let the terminal move rows; false draws them anew" },
    Key { name: "console.keys", default: "", help: "A TOML file that remaps keys" },
    Key { name: "retention.events_max", default: "1000000", help: "The most events kept in memory" },
    Key { name: "retention.bytes_max", default: "256MiB", help: "The most bytes of events kept in memory" },
    Key {
        name: "retention.age_max",
        default: "",
        help: "Events older than this are dropped, like 90d; none: whatever their age",
    },
    Key { name: "retention.types", default: "", help: "Types dropped earlier, like order.seen=7d, command.rejected=30d" },
    Key { name: "alerts.rules", default: "", help: "The file of alert rules and webhooks, YAML; read again on SIGHUP" },
    Key { name: "http", default: "", help: "Serve the API on this address, like 127.0.0.1:8080; none: only on the Unix socket" },
    Key { name: "socket", default: "auto", help: "The API's Unix socket: a path, auto (in the user's runtime folder) or none" },
    Key { name: "api.tokens", default: "", help: "The file of the API's tokens; with it, requests by TCP need one" },
    Key { name: "api.tls_certificate", default: "", help: "Certificates for HTTPS, PEM; read again on SIGHUP" },
    Key { name: "api.tls_key", default: "", help: "The certificates' private key, PEM" },
    Key { name: "api.body_max", default: "16MiB", help: "The largest body of a request" },
    Key { name: "api.connections_max", default: "4096", help: "The most connections at once; half of them for one address" },
    Key { name: "api.rate_max", default: "2000", help: "Requests a second of one token or address, and as a burst; 0: no limit" },
    Key { name: "api.cors_origin", default: "", help: "The web origin whose scripts may use the API, like https://ops.example" },
    Key {
        name: "traces.url",
        default: "",
        help: "An OpenTelemetry collector (OTLP, protobuf over HTTP), like http://127.0.0.1:4318/v1/traces; none: no traces",
    },
    Key { name: "traces.headers", default: "", help: "Sent to it, like authorization=Bearer ${secret:OTLP_TOKEN}, x-team=ops" },
    Key { name: "traces.share", default: "1", help: "The share of traces that is recorded, 0 to 1" },
    Key { name: "ssh", default: "", help: "Serve consoles and commands by SSH on this address, like 0.0.0.0:2222; none: not" },
    Key { name: "sshd.authorized_keys", default: "", help: "Who may come in, and as what; none: DATA/authorized_keys" },
    Key {
        name: "sshd.host_key",
        default: "",
        help: "The host's Ed25519 key; none: DATA/ssh_host_ed25519_key; made when it is not there",
    },
    Key { name: "sshd.sessions_max", default: "64", help: "The most sessions by SSH at once" },
    Key { name: "sshd.sessions_each_max", default: "16", help: "The most of them with one key" },
    Key {
        name: "sshd.rate_max",
        default: "20",
        help: "New SSH connections a second of one address, and as a burst; 0: no limit",
    },
    Key {
        name: "sshd.compress",
        default: "true",
        help: "Clients of OpenSSH compress without being told to; false: only those that are",
    },
    Key { name: "sshd.attempts_max", default: "10", help: "Keys that one SSH connection may try" },
    Key { name: "sshd.login_max", default: "30s", help: "How long an SSH connection may take to come in" },
    Key { name: "sshd.idle_max", default: "12h", help: "Sessions by SSH without a key for so long end; 0s: never" },
    Key {
        name: "sshd.stalled_max",
        default: "60s",
        help: "A client by SSH that takes nothing, or whose terminal stops answering, for so long is cut off",
    },
    Key {
        name: "sshd.recordings",
        default: "",
        help: "The folder where consoles by SSH are recorded, as asciicast v2; none: they are not",
    },
    Key { name: "sshd.recording_bytes_max", default: "64MiB", help: "The largest recording; what comes after is not in it" },
    Key { name: "sshd.recordings_bytes_max", default: "1GiB", help: "The most bytes of all recordings; the oldest are removed" },
    Key { name: "secrets.folder", default: "", help: "A folder with a file per secret" },
    Key { name: "secrets.command", default: "", help: "A command that prints a secret; its path is the last argument" },
];

/// The key of a name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_settings_share_a_variable() {
        let mut variables: Vec<_> = KEYS.iter().map(Key::variable).collect();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), KEYS.len());
    }
}
