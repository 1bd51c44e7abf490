//! `wrk`: one thread, many connections, the same request again and again.

use std::{fmt::Write as _, fs, net::SocketAddr, path::Path, process::Command};

use super::line::{Ask, NUMBER, NUMBERS};

/// How long it asks: whole seconds.
const SECONDS: &str = "1s";

/// Whether it is installed.
pub(crate) fn is_installed() -> bool {
    Command::new("wrk").arg("-v").output().is_ok()
}

/// A request, and whom to ask by how many connections.
pub(crate) struct Wrk {
    url: String,
    connections: String,
    script: std::path::PathBuf,
}

impl Wrk {
    pub(crate) fn new(place: &Path, address: SocketAddr, ask: &Ask, connections: u32) -> Self {
        let mut text = format!("wrk.method = {:?}\n", ask.method);
        if !ask.body.is_empty() {
            // JSON has no such brackets in a row.
            let _ = writeln!(text, "wrk.body = [==[{}]==]\nwrk.headers[\"Content-Type\"] = {:?}", ask.body, ask.media);
        }
        if ask.body.contains(NUMBER) {
            text.push_str(&numbered());
        }
        let script = place.join(format!("{}.lua", address.port()));
        fs::write(&script, text).expect("the folder is ours");
        Self { url: format!("http://{address}{}", ask.path), connections: connections.to_string(), script }
    }

    /// Answers a second; one that is no success ends the bench.
    pub(crate) fn rate(&self) -> f64 {
        let mut command = Command::new("wrk");
        command.args(["-t1", "-c", &self.connections, "-d", SECONDS, "-s"]).arg(&self.script).arg(&self.url);
        let told = command.output().expect("it is installed").stdout;
        let told = String::from_utf8_lossy(&told);
        let figure = |name| told.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().parse::<f64>().ok());
        // The first request may ask for what the last one of the run before did: there is nothing to do then.
        let is_whole = figure("Non-2xx or 3xx responses:").unwrap_or_default() <= 1.0 && !told.contains("Socket errors");
        figure("Requests/sec:").filter(|_| is_whole).unwrap_or_else(|| panic!("{}: {told}", self.url))
    }
}

/// Makes all requests before it begins, and sends them in turn.
fn numbered() -> String {
    let (first, last) = (NUMBERS.start, NUMBERS.end - 1);
    format!(
        "local all, at = {{}}, 0\nfunction init()\n  for number = {first}, {last} do\n    \
         all[#all + 1] = wrk.format(nil, nil, nil, (wrk.body:gsub({NUMBER:?}, tostring(number))))\n  end\nend\n\
         function request()\n  at = at % #all + 1\n  return all[at]\nend\n"
    )
}
