//! Terminals at the end of bad lines: that change their size all the time, answer nothing, read nothing, or send nonsense.

use rustix::process::Signal;

use super::{SIZE, terminal::Terminal};

fn console() -> Terminal {
    let terminal = Terminal::console(SIZE, &["--read-only", "examples"]);
    terminal.wait_for("quakes");
    terminal
}

/// A key still does what it should. What came before may have eaten the first one, as on any terminal.
fn assert_answers(terminal: &mut Terminal, after: &str) {
    let is_seen = (0..100).any(|_| {
        terminal.press("?");
        terminal.sees("Keys here")
    });
    assert!(is_seen, "no help after {after}:\n{}", terminal.contents());
    // Tries that were only slow may open it once more; and a key right behind an escape would be another key.
    loop {
        terminal.press("\x1b");
        terminal.wait_until(&format!("the overview after {after}"), |screen| !screen.contents().contains("Keys here"));
        if !terminal.sees("Keys here") {
            return;
        }
    }
}

#[test]
fn a_storm_of_sizes_ends_with_a_whole_screen() {
    let mut terminal = console();
    for step in 0..300_u16 {
        terminal.resize((1 + step * 37 % 240, 1 + step * 53 % 90));
    }
    terminal.resize((0, 0));
    terminal.resize(SIZE);
    terminal.wait_until("a whole screen", |screen| {
        let text = screen.contents();
        let mut lines = text.lines();
        let is_head = lines.next().is_some_and(|line| line.contains("ev/s"));
        is_head && text.contains("Pipelines") && lines.next_back().is_some_and(|line| line.contains("? help"))
    });
    assert_answers(&mut terminal, "a storm of sizes");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn a_terminal_that_answers_nothing_is_drawn_all_the_same() {
    let mut terminal = Terminal::silent(SIZE, &["--read-only", "examples"]);
    terminal.wait_for("quakes");
    assert_answers(&mut terminal, "silence");
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn a_terminal_that_reads_nothing_can_be_left_and_ended() {
    for leave in [None, Some(Signal::TERM), Some(Signal::HUP)] {
        let mut terminal = console();
        terminal.stop_reading();
        // More than the system keeps for a terminal: frames are drawn anew until it takes no more.
        for step in 0..40 {
            terminal.resize_unread((60 + step, 30));
            terminal.press("?\x0c");
        }
        match leave {
            None => terminal.press("\x1bqq"),
            Some(signal) => terminal.signal(signal),
        }
        terminal.wait_gone();
    }
}

#[test]
fn a_paste_that_never_ends_is_over_when_nothing_more_of_it_comes() {
    let mut terminal = console();
    terminal.press("/\x1b[200~quakes and \x1b[31m more");
    // The terminal answers each frame meanwhile.
    terminal.wait_for("quakes and [31m more");
    terminal.press("\x1b");
    terminal.wait_until("the filter is left", |screen| !screen.contents().contains("and [31m more"));
    assert_answers(&mut terminal, "a paste");
}

#[test]
fn nonsense_on_the_line_is_survived() {
    let mut terminal = console();
    let many = "9".repeat(5_000);
    for nonsense in [
        "\x1b[",
        "\x1b[999999999999999999999999;9999999999999999999999R",
        "\x1b]52;c;cXVpdA==",
        "\x1b]0;title\x07\x1bP1$r0m\x1b\\",
        "\x1b[0n\x1b[0n\x1b[0n\x1b[?62;4c\x1b[12;40R",
        "\x1b[<0;10;10M\x1b[<0;10;10m",
        "\x1b[M !!",
        "\u{0}\u{1}\u{2}\u{1f}",
        "\u{feff}\u{202e}\u{200b}\u{10ffff}",
        &format!("\x1b[{many}"),
        &format!("\x1b]{many}"),
        "\x1b[201~",
    ] {
        terminal.press(nonsense);
        assert_answers(&mut terminal, &format!("{:?}", &nonsense[..nonsense.len().min(40)]));
    }
    for bytes in [&b"\xff\xfe\xc3\x28\xf0\x9f"[..], b"\xe2\x82", b"\x80\x80\x80"] {
        terminal.send(bytes);
        assert_answers(&mut terminal, "bytes that are no text");
    }
    terminal.press("q");
    assert_eq!(terminal.wait_exit(), 0);
    terminal.assert_restored();
}
