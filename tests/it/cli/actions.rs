//! Every action of the console that changes something is a command, too.

use std::collections::BTreeSet;

use clap::CommandFactory;
use flexcore::cli::Cli;
use flexcore_ui::keymap::table::BINDINGS;

use crate::run::process::Place;

/// The action by its name in the key table, and the command that does the same to a running engine.
const COMMANDS: [(&str, &str); 23] = [
    ("activate", "pipeline activate"),
    ("pause", "pipeline pause"),
    ("run", "pipeline run"),
    ("run-with", "pipeline run"),
    ("cancel-runs", "runs cancel"),
    ("archive", "pipeline archive"),
    ("restore", "pipeline restore"),
    ("create", "pipeline create"),
    ("revise", "pipeline revise"),
    ("rollback", "pipeline rollback"),
    ("set-checkpoint", "pipeline checkpoint set"),
    ("cancel-run", "runs cancel"),
    ("retry-run", "runs retry"),
    ("send", "queue send"),
    ("purge", "queue purge"),
    ("redrive", "queue redrive"),
    ("edit-message", "queue edit"),
    ("replay", "queue replay"),
    ("discard", "queue discard"),
    ("silence", "alert silence"),
    ("unsilence", "alert unsilence"),
    // A new pipeline is a file that is made in an editor and saved.
    ("edit", "pipeline create"),
    ("save", "pipeline create"),
];

#[test]
fn every_command_has_a_page_of_the_manual_and_stands_in_the_completions() {
    let place = Place::new();
    let done = place.done(&["man", "--all", "man1"]);
    assert_eq!(done.code, Some(0), "{}", done.told);
    let completions: Vec<String> = ["bash", "zsh", "fish"].map(|shell| place.done(&["completions", shell]).out).to_vec();
    let program = Cli::command();
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        let page = place.read(&format!("man1/flexcore-{name}.1"));
        assert!(page.contains(".TH") && page.contains("SYNOPSIS"), "{name}: {page}");
        for text in &completions {
            assert!(text.contains(name), "{name}");
        }
        for below in command.get_subcommands() {
            assert!(place.path(&format!("man1/flexcore-{name}-{}.1", below.get_name())).exists(), "{name} {}", below.get_name());
        }
    }
    assert!(place.done(&["man"]).out.contains(".TH flexcore 1"));
}

#[test]
fn every_action_of_the_console_is_a_command() {
    let actions: BTreeSet<&str> = BINDINGS.iter().filter(|binding| binding.changes).map(|binding| binding.name).collect();
    let named: BTreeSet<&str> = COMMANDS.iter().map(|(action, _)| *action).collect();
    assert_eq!(actions, named);
    let program = Cli::command();
    for (action, command) in COMMANDS {
        let found = command.split(' ').try_fold(&program, |at, word| at.find_subcommand(word));
        assert!(found.is_some(), "{action}: there is no command `flexcore {command}`");
    }
}
