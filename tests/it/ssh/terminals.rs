//! Terminals: tmux, and how many colours each has.

use std::{fs, process::Command};

use flexcore_engine::unit::Duration;

use super::world::{LIVE, World};

/// tmux with a server of its own, ended with the test.
struct Tmux(tempfile::TempDir);

impl Tmux {
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.env("TMUX_TMPDIR", self.0.path()).env_remove("TMUX").args(["-f", "/dev/null"]).args(arguments);
        let output = command.output();
        let output = output.expect("this test needs tmux: `scripts/test-tools.sh` installs it (package tmux)");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Looks until something is on the screen.
    fn until(&self, text: &str) -> String {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let screen = self.run(&["capture-pane", "-p"]);
            if screen.contains(text) {
                return screen;
            }
            assert!(std::time::Instant::now() < end, "waited in vain for `{text}`:\n{screen}");
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux").env("TMUX_TMPDIR", self.0.path()).arg("kill-server").output();
    }
}

#[test]
fn in_tmux_a_console_is_at_home() {
    let world = World::new();
    world.pipeline(LIVE);
    let tmux = Tmux(tempfile::tempdir().unwrap());
    let ssh = world.command("ana", &["-t"], &[]);
    let words: Vec<String> = ssh.get_args().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let script = format!("ssh {}; echo over=$?; exec cat", words.join(" "));
    tmux.run(&["new-session", "-d", "-x", "120", "-y", "40", &script]);
    let screen = tmux.until("live");
    // What the terminal answers is not typed.
    assert!(!screen.contains("0n"), "{screen}");
    tmux.until("link ");
    tmux.run(&["resize-window", "-x", "80", "-y", "24"]);
    tmux.until("\n 4 Health ");
    tmux.run(&["send-keys", "?"]);
    tmux.until("Keys here");
    tmux.run(&["send-keys", "q"]);
    tmux.run(&["send-keys", "q"]);
    let screen = tmux.until("over=0");
    assert!(!screen.contains("0n") && !screen.contains("Pipelines"), "{screen}");
}

/// The bytes that a client's terminal was sent.
fn shown(set: &[(&str, &str)], more: &[&str]) -> String {
    let recordings = tempfile::tempdir().unwrap();
    let folder = recordings.path().to_str().unwrap();
    let world = World::with(&[&[("sshd.recordings", folder)][..], set].concat());
    world.pipeline(LIVE);
    let mut terminal = world.terminal("ana", (120, 40), &[&["-t"][..], more].concat(), &[]);
    terminal.wait_for("live");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    world.runtime.block_on(world.served.stop(Duration::from_secs(5)));
    let file = fs::read_dir(recordings.path()).unwrap().next().unwrap().unwrap().path();
    fs::read_to_string(file).unwrap()
}

#[test]
fn a_terminal_has_the_colours_that_it_says() {
    let dark = [("console.theme", "dark")];
    let many = shown(&dark, &[]);
    assert!(many.contains("38;5;") && !many.contains("38;2;"), "TERM says 256");
    let all = shown(&dark, &["-o", "SetEnv=COLORTERM=truecolor"]);
    assert!(all.contains("38;2;"), "COLORTERM says all");
    let none = shown(&dark, &["-o", "SetEnv=NO_COLOR=1"]);
    assert!(!none.contains("38;") && !none.contains("[31m") && !none.contains("[1;36m"), "NO_COLOR says none");
}
