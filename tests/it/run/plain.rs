//! `--plain`: lines instead of a screen, from a file and from a terminal.

use std::{fs::File, process::Stdio};

use super::process::{Done, Place, done};
use crate::pty::terminal::Terminal;

const FAILS: &str = "
name: fails
steps:
  - {name: stop, uses: process.run, with: {command: ['false']}}
";

fn fed(place: &Place, lines: &str) -> Done {
    place.write("lines", lines);
    let mut command = place.command(&["--plain", "p.pipeline.yaml"]);
    done(command.stdin(Stdio::from(File::open(place.path("lines")).unwrap())))
}

#[test]
fn lines_from_a_file_are_commands_and_say_nothing_of_their_own() {
    let place = Place::with(FAILS);
    let all_well = fed(&place, "pipeline pause fails --reason 'lunch at noon'\n\npipeline list\nstatus\n");
    assert_eq!(all_well.code, Some(0), "{}", all_well.told);
    assert!(all_well.out.contains("fails  paused"), "{}", all_well.out);
    assert!(all_well.out.contains("pipeline fails: paused, 0 runs"), "{}", all_well.out);
    assert!(!all_well.out.contains("flexcore> "), "{}", all_well.out);
}

#[test]
fn a_line_that_fails_makes_the_whole_fail_and_the_next_one_is_still_carried_out() {
    let place = Place::with(FAILS);
    let bad =
        fed(&place, "pipelin list\npipeline show nobody\nserve\npipeline pause 'x\npipeline list\nquit\npipeline nonsense\n");
    assert_eq!(bad.code, Some(1), "{}", bad.told);
    for told in [
        "did you mean `pipeline`?",
        "there is no pipeline `nobody`",
        "`serve` starts an engine of its own",
        "a quote is not closed",
    ] {
        assert!(bad.told.contains(told), "{told}: {}", bad.told);
    }
    assert!(bad.out.contains("fails  active"), "{}", bad.out);
    assert!(!bad.told.contains("nonsense"), "nothing is read after `quit`: {}", bad.told);
}

#[test]
fn nobody_can_change_anything_where_the_console_only_reads() {
    let place = Place::with(FAILS);
    place.write("lines", "pipeline pause fails\n");
    let mut command = place.command(&["--plain", "--read-only", "p.pipeline.yaml"]);
    let refused = done(command.stdin(Stdio::from(File::open(place.path("lines")).unwrap())));
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.told.contains("read-only"), "{}", refused.told);
}

#[test]
fn at_a_terminal_it_prompts_and_tells_what_happened_meanwhile() {
    let place = Place::with(FAILS);
    let mut terminal = Terminal::console((100, 30), &["--plain", &place.path("p.pipeline.yaml").display().to_string()]);
    terminal.wait_for("`help` lists what can be done\nflexcore>");
    terminal.press("pipeline run fails\r");
    terminal.press("events --follow --since 1\r");
    terminal.wait_for("run.failed");
    terminal.press("\x03");
    terminal.wait_for("error: run ");
    assert!(!terminal.in_alternate_screen());
    terminal.press("\x03");
    terminal.wait_for("`quit` leaves");
    terminal.press("quit\r");
    assert_eq!(terminal.wait_exit(), 0);
}
