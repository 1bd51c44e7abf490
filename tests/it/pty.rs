//! The real program in a real terminal: start, work, quit, signals, hang-up. What a person sees is read by a terminal
//! parser; what the terminal is left like is read from its modes.

#[cfg(feature = "listener")]
mod attach;
mod bad_lines;
#[cfg(feature = "listener")]
mod full;
pub(crate) mod terminal;

use std::fs;

use flexcore_ui::terminal::tty::Tty;
use rustix::process::Signal;
use terminal::Terminal;

const SIZE: (u16, u16) = (120, 40);

#[test]
fn the_console_starts_works_and_leaves_the_terminal_as_it_was() {
    let mut terminal = Terminal::console(SIZE, &["examples"]);
    terminal.wait_for("quakes");
    assert!(terminal.in_alternate_screen(), "the console has a screen of its own");
    terminal.press("?");
    terminal.wait_for("Keys here");
    terminal.press("\x1b");
    terminal.wait_until("the help is gone", |screen| !screen.contents().contains("Keys here"));
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn the_past_has_a_band_of_its_own_until_escape() {
    let mut terminal = Terminal::console(SIZE, &["examples"]);
    terminal.wait_for("run.started");
    terminal.press("t#1\r");
    terminal.wait_for("#1 of");
    terminal.press("]");
    terminal.wait_for("#2 of");
    terminal.press("\x1b");
    terminal.wait_until("it is now", |screen| !screen.contents().contains(" PAST "));
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn sigterm_ends_the_console_and_restores_the_terminal() {
    let mut terminal = Terminal::console(SIZE, &["examples"]);
    terminal.wait_for("quakes");
    terminal.signal(Signal::TERM);
    terminal.wait_exit();
    terminal.assert_restored();
}

#[test]
fn a_stopped_console_gives_the_terminal_back_and_comes_back_whole() {
    let mut terminal = Terminal::shell(SIZE);
    terminal.press(&format!("{} examples\n", env!("CARGO_BIN_EXE_flexcore")));
    for _ in 0..3 {
        terminal.wait_until("the console", |screen| screen.alternate_screen() && screen.contents().contains("quakes"));
        terminal.press("\x1a");
        terminal.wait_until("the shell", |screen| !screen.alternate_screen() && screen.contents().contains("Stopped"));
        terminal.press("echo clean=$((40+2))\n");
        terminal.wait_for("clean=42");
        terminal.press("clear; fg\n");
    }
    terminal.wait_until("the console", |screen| screen.alternate_screen() && screen.contents().contains("quakes"));
    terminal.press("?");
    terminal.wait_for("Keys here");
    // What the terminal answers would stand there if it were not taken again.
    assert!(!terminal.contents().contains("^["), "{}", terminal.contents());
}

#[test]
fn a_console_without_a_shell_is_not_stopped() {
    let mut terminal = Terminal::console(SIZE, &["examples"]);
    terminal.wait_for("quakes");
    terminal.press("\x1a");
    terminal.wait_for("there is no shell to go back to");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn a_terminal_that_disappears_ends_the_program() {
    let mut holder = Terminal::holder("pty::child_that_holds_a_terminal");
    let console = holder.console_pid();
    holder.kill();
    terminal::wait_gone(console);
}

/// Run as a process of its own by the test above: when it is killed, its terminal is gone, as when a connection breaks.
#[test]
fn child_that_holds_a_terminal() {
    if std::env::var_os(terminal::CHILD_VARIABLE).is_none() {
        return;
    }
    let terminal = Terminal::console(SIZE, &["examples"]);
    terminal.wait_for("quakes");
    terminal.announce();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_terminal_may_be_of_any_size() {
    let mut terminal = Terminal::console(SIZE, &["examples"]);
    terminal.wait_for("quakes");
    for size in [(1, 1), (39, 9), (40, 10), (80, 24), (300, 100), (5, 60), (120, 40)] {
        terminal.resize(size);
    }
    terminal.wait_for("quakes");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn a_panic_restores_the_terminal_before_it_is_printed() {
    let mut terminal = Terminal::of_this_test("pty::child_that_panics", SIZE);
    terminal.wait_for("a panic on purpose");
    terminal.wait_exit();
    terminal.assert_restored();
}

/// Run in a terminal of its own by the test above; does nothing otherwise.
#[test]
fn child_that_panics() {
    if std::env::var_os(terminal::CHILD_VARIABLE).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (tty, _input, _output) = Tty::take().unwrap();
        tty.watch(async { panic!("a panic on purpose") }).await
    });
}

#[test]
fn nothing_but_frames_is_written_to_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("noisy.pipeline.yaml");
    fs::write(&file, NOISY).unwrap();
    let terminal = Terminal::console(SIZE, &[file.to_str().unwrap()]);
    terminal.wait_for("noisy");
    terminal.wait_for("run.succeeded");
    assert!(!terminal.contents().contains("SHOUT"), "{}", terminal.contents());
}

/// A step whose records go to standard output, and a process that shouts on its standard error.
const NOISY: &str = r#"
name: noisy
triggers: [{interval: 1s}]
steps:
  - {name: make, uses: generate, with: {count: 3, template: '{n: "SHOUT"}'}}
  - {name: out, uses: stdout}
  - {name: shout, uses: process.run, with: {shell: 'echo SHOUT >&2'}}
"#;
