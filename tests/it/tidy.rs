//! What a script can check of the house: the size of files, who may name what, and words that have no place here.

use std::{
    fs,
    path::{Path, PathBuf},
};

const LINES_MAX: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no sources under {folder}");
    found
}

/// Tests of a module in a file of their own.
fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.parent().is_some_and(|folder| folder.ends_with("tests"))
}

fn all_sources() -> Vec<PathBuf> {
    ["src", "engine/src", "ui/src"].iter().flat_map(|folder| sources(folder)).collect()
}

/// The code of a file, without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("\n#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn no_file_becomes_the_place_where_everything_goes() {
    let long = all_sources().into_iter().filter_map(|path| {
        let lines = code(&path).lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines", path.display()))
    });
    none(&long.collect::<Vec<_>>(), "at most 500 lines before tests");
}

#[test]
fn every_module_says_what_it_is() {
    let silent = all_sources().into_iter().filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "));
    none(&silent.map(|path| path.display().to_string()).collect::<Vec<_>>(), "begin with //!");
}

#[test]
fn no_module_is_named_after_its_vagueness() {
    let vague = ["mod.rs", "utils.rs", "util.rs", "helpers.rs", "helper.rs", "common.rs", "misc.rs", "manager.rs"];
    let named = all_sources().into_iter().filter(|path| vague.iter().any(|name| path.ends_with(name)));
    none(&named.map(|path| path.display().to_string()).collect::<Vec<_>>(), "a file has the name of what is in it");
}

#[test]
fn the_engine_opens_no_socket_and_draws_nothing() {
    let manifest = fs::read_to_string(root().join("engine/Cargo.toml")).unwrap();
    for foreign in ["reqwest", "axum", "hyper", "ratatui", "crossterm", "sqlx", "redis", "async-nats", "\"net\""] {
        assert!(!manifest.contains(foreign), "engine must not depend on {foreign}");
    }
    let tokio = manifest.lines().find(|line| line.starts_with("tokio ")).unwrap();
    assert!(!tokio.contains("process"), "what the engine starts, it starts by ports");
}

#[test]
fn only_compose_names_the_memory_adapters() {
    let named = sources("src").into_iter().filter(|path| {
        let code = code(path);
        let is_compose = path.ends_with("compose.rs");
        // A test in a pipeline file runs on queues of its own, which nobody else sees.
        !is_compose && !path.ends_with("definition/trial.rs") && (code.contains("MemoryLog") || code.contains("MemoryQueues"))
    });
    none(&named.map(|path| path.display().to_string()).collect::<Vec<_>>(), "adapters are named in compose alone");
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplemented", "!"), concat!("todo", "!")];
    let left = all_sources().into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let hits = marks.iter().filter(|mark| text.contains(**mark)).map(|mark| format!("{}: {mark}", path.display()));
        hits.collect::<Vec<_>>()
    });
    none(&left.collect::<Vec<_>>(), "what must wait is absent");
}

#[test]
fn tests_never_sleep() {
    let sleep = concat!("thread::", "sleep");
    let mut files = sources("tests");
    files.extend(sources("engine/src/testing"));
    let sleeping = files.into_iter().filter(|path| fs::read_to_string(path).unwrap().contains(sleep));
    none(&sleeping.map(|path| path.display().to_string()).collect::<Vec<_>>(), "wait for a condition instead");
}
