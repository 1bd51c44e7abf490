//! Where settings come from, and what is said of wrong ones.

use rustix::process::Signal;

use super::process::{Place, Running};

/// The node's name as the engine sees it, by layers of settings.
fn node(place: &Place, flags: &[&str], variables: &[(&str, &str)]) -> String {
    let arguments: Vec<&str> = ["serve"].iter().chain(flags).copied().collect();
    let mut running = Running::start(place.command(&arguments).envs(variables.iter().copied()));
    running.until("serving");
    running.signal(Signal::TERM);
    assert_eq!(running.end().code(), Some(0), "{}", running.told);
    let line = running.told.lines().find(|line| line.contains("serving")).unwrap();
    line.split("node=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn flags_cover_variables_cover_the_file_covers_defaults() {
    let place = Place::new();
    place.write("settings.yaml", "node: of-file\n");
    let (file, flag, variable) = (["--config", "settings.yaml"], ["--set", "node=of-flag"], ("FLEXCORE_NODE", "of-variable"));
    assert!(!node(&place, &[], &[]).is_empty());
    assert_eq!(node(&place, &file, &[]), "of-file");
    assert_eq!(node(&place, &[], &[("FLEXCORE_CONFIG", "settings.yaml")]), "of-file");
    assert_eq!(node(&place, &file, &[variable]), "of-variable");
    assert_eq!(node(&place, &[&file[..], &flag].concat(), &[variable]), "of-flag");
}

/// Flags, a variable, and what is told.
type Case = (&'static [&'static str], (&'static str, &'static str), &'static [&'static str]);

#[test]
fn a_wrong_setting_is_told_with_its_place_and_what_was_meant() {
    let place = Place::new();
    place.write("settings.yaml", "log:\n  levle: debug\n  level: loud\nworkers: [1]\nnode: {name: x}\n");
    place.write("broken.yaml", "log: [\n");
    let cases: [Case; 7] = [
        (
            &["--config", "settings.yaml"],
            ("A", ""),
            &[
                "settings.yaml:2:10: unknown setting `log.levle` (did you mean `log.level`?)",
                "setting `log.level` (settings.yaml:3:10): `loud` is not a log level",
                "settings.yaml:4:10: setting `workers` is a list; it takes one value",
                "settings.yaml:5:14: unknown setting `node.name`",
            ],
        ),
        (&["--config", "broken.yaml"], ("A", ""), &["broken.yaml:"]),
        (&["--config", "none.yaml"], ("A", ""), &["cannot read the settings file none.yaml: "]),
        (&["--set", "workrs=1"], ("A", ""), &["--set workrs=1: unknown setting `workrs` (did you mean `workers`?)"]),
        (&["--set", "workers"], ("A", ""), &["--set workers: write it as NAME=VALUE"]),
        (&["--workers", "0"], ("A", ""), &["setting `workers` (--workers): `0` is not a number from 1 to 1024"]),
        (&[], ("FLEXCORE_LOG_LEVL", "x"), &["unknown variable FLEXCORE_LOG_LEVL (did you mean FLEXCORE_LOG_LEVEL?)"]),
    ];
    for (flags, (name, value), expected) in cases {
        let arguments: Vec<&str> = ["serve"].iter().chain(flags).copied().collect();
        let done = super::process::done(place.command(&arguments).env(name, value));
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{flags:?} {}", done.told);
        for part in expected {
            assert!(done.told.contains(part), "{flags:?} has no {part:?}: {}", done.told);
        }
    }
}

#[test]
fn a_log_folder_that_cannot_be_made_is_named() {
    let place = Place::with("name: p\nsteps:\n  - {name: a, uses: process.run, with: {command: ['true']}}\n");
    place.write("file", "");
    let done = place.done(&["run", "p.pipeline.yaml", "--set", "log.folder=file/below"]);
    assert_eq!(done.code, Some(1), "{}", done.told);
    assert!(done.told.contains("cannot make the log folder file/below: set log.folder"), "{}", done.told);
}
