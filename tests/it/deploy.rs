//! What stands in `deploy/` is about this program: its settings, its series, its commands.

use std::{collections::BTreeSet, fs, path::Path};

use flexcore::config::{KEYS, Layers, Settings, file};
use reqwest::Method;

use crate::{
    http::world::{LIVE, Server},
    metrics::exposition::Exposition,
    run::process::Place,
};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)).unwrap()
}

/// `section.name: value`, and whether the example says that it differs from the default.
fn settings_of(text: &str) -> Vec<(String, String, bool)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (written, comment) = line.split_once(" #").unwrap_or((line, ""));
        let (name, value) = written.split_once(':').unwrap();
        match (name.strip_prefix("  "), value.trim()) {
            (None, "") => section = format!("{name}."),
            (None, value) => found.push((name.to_owned(), value.to_owned(), comment.contains("here:"))),
            (Some(name), value) => found.push((format!("{section}{name}"), value.to_owned(), comment.contains("here:"))),
        }
    }
    found
}

#[test]
fn the_example_has_every_setting_with_its_default_where_it_does_not_say_otherwise() {
    let text = read("flexcore.yaml");
    let found = settings_of(&text);
    for key in KEYS {
        let Some((_, value, differs)) = found.iter().find(|(name, _, _)| name == key.name) else {
            assert!(text.contains(&format!("# {}: ", key.name)), "`{}` is not in deploy/flexcore.yaml", key.name);
            continue;
        };
        assert!(*differs || value.trim_matches('"') == key.default, "{}: {value} is not {}", key.name, key.default);
    }
    let mut layers = Layers::defaults(&|_| None);
    file::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/flexcore.yaml"), &mut layers);
    Settings::of(&layers).unwrap();
}

/// An engine that finds no pipeline does not start, and a service that does not start is started again for ever.
#[test]
fn there_is_a_pipeline_to_start_with() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/pipelines");
    let place = Place::new();
    let done = place.done(&["run", folder.join("heartbeat.pipeline.yaml").to_str().unwrap()]);
    assert_eq!(done.code, Some(0), "{}", done.told);
    assert!(read("compose.yaml").contains(":-./pipelines}:/pipelines:ro"));
    assert!(read("README.md").contains("deploy/pipelines/heartbeat.pipeline.yaml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_series_that_is_watched_is_told() {
    let server = Server::new().await;
    server.pipeline(LIVE).await;
    server.app.vitals().wait_for(|vitals| !vitals.checks.is_empty() && !vitals.runs.is_empty()).await.unwrap();
    let asked = || async { server.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap() };
    asked().await;
    let told = Exposition::parse(&asked().await);
    for name in ["monitoring/rules.yaml", "monitoring/grafana/flexcore.json"] {
        let text = read(name);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let series: BTreeSet<&str> = words.filter(|word| word.starts_with("flexcore_")).collect();
        assert!(series.len() > 5, "{name}: {series:?}");
        for one in series {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| one.strip_suffix(suffix)).unwrap_or(one);
            assert!(told.families.contains_key(family) || told.families.contains_key(one), "{name}: nothing tells `{one}`");
        }
    }
}

/// What the files run exists as they write it: `flexcore` reads the words, and refuses what it does not know.
#[test]
fn every_command_that_is_written_is_one() {
    let place = Place::new();
    let files = ["README.md", "Dockerfile", "flexcore.service", "flexcore.yaml", "monitoring/rules.yaml"];
    let texts: Vec<String> = files.iter().map(|name| read(name)).collect();
    for (file, command) in [
        ("README.md", "node health --socket /run/flexcore/flexcore.sock"),
        ("README.md", "pipeline list"),
        ("README.md", "attach"),
        ("README.md", "token create ops --role operator"),
        ("flexcore.service", "serve --config /etc/flexcore/flexcore.yaml /etc/flexcore/pipelines"),
        ("monitoring/rules.yaml", "node health"),
        ("monitoring/rules.yaml", "runs list --pipeline {{ $labels.pipeline }}"),
    ] {
        let at = files.iter().position(|name| *name == file).unwrap();
        assert!(texts[at].contains(&format!("flexcore {command}")), "{file} has no `{command}`");
        let words: Vec<&str> = command.split(' ').filter(|word| !["{{", "}}"].contains(word)).chain(["--help"]).collect();
        let done = place.done(&words);
        assert_eq!(done.code, Some(0), "{command}: {}", done.told);
    }
}
