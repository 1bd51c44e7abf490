//! `flexcore check PATH...`: every mistake in every pipeline file, each with its line in the file and what to do.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use flexcore_engine::{pipeline::mistake::PlacedMistake, port::step::StepTypes};
use flexcore_ui::widget::safe_text::{safe, width};
use serde_json::json;

use super::{DONE, FAILED, complain};
use crate::{
    definition::{
        FileReport, load_paths,
        variables::{self, Environment},
    },
    step,
};

/// Every mistake in every pipeline file.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Pipeline files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Prints one JSON object a file.
    #[arg(long)]
    pub json: bool,
}

/// Checks and prints. Exit code: 0 all is well, 1 there are mistakes, 2 a path is wrong.
pub fn run(args: &CheckArgs, out: &mut dyn Write) -> io::Result<i32> {
    check(args, &*step::table(), &variables::of_process, out)
}

/// The same with the step types and the environment given.
pub fn check(args: &CheckArgs, types: &dyn StepTypes, env: Environment<'_>, out: &mut dyn Write) -> io::Result<i32> {
    let reports = match load_paths(&args.paths, types, env) {
        Ok(reports) => reports,
        Err(error) => return Ok(complain(&safe(&error.to_string()))),
    };
    for report in &reports {
        if args.json { as_json(report, out)? } else { as_text(report, out)? }
    }
    if !args.json {
        writeln!(out, "{}", summary(&reports))?;
    }
    let all_well = reports.iter().all(|report| report.result.is_ok());
    Ok(if all_well { DONE } else { FAILED })
}

pub(super) fn as_json(report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    let path = report.path.to_string_lossy();
    let line = match &report.result {
        Ok(loaded) => json!({"path": path, "name": loaded.definition.name, "revision": loaded.revision, "mistakes": []}),
        Err(mistakes) => json!({"path": path, "mistakes": mistakes}),
    };
    writeln!(out, "{line}")
}

/// Prints the mistakes of one file; nothing when there are none.
pub(super) fn as_text(report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    let mistakes = report.result.as_ref().err().map_or(&[][..], Vec::as_slice);
    mistakes.iter().try_for_each(|mistake| one(report, mistake, out))
}

fn one(report: &FileReport, placed: &PlacedMistake, out: &mut dyn Write) -> io::Result<()> {
    let path = report.path.to_string_lossy();
    let (line, column) = (placed.line, placed.column);
    writeln!(out, "{}:{line}:{column}: {}", safe(&path), safe(&placed.mistake.message))?;
    if let Some(text) = report.text.lines().nth(line.saturating_sub(1) as usize) {
        writeln!(out, "{}", excerpt(text, line, column as usize))?;
    }
    if let Some(hint) = &placed.mistake.hint {
        writeln!(out, "    hint: {}", safe(hint))?;
    }
    writeln!(out)
}

/// The widest piece of a line that is shown, in characters.
const EXCERPT_CHARS_MAX: usize = 100;

/// The line, and a caret below the place; a long line is cut around it.
fn excerpt(text: &str, line: u32, column: usize) -> String {
    let place = column.saturating_sub(1).min(text.chars().count());
    let begin = if place < EXCERPT_CHARS_MAX { 0 } else { place - EXCERPT_CHARS_MAX * 3 / 4 };
    let shown: String = text.chars().skip(begin).take(EXCERPT_CHARS_MAX).collect();
    let before: String = text.chars().skip(begin).take(place - begin).collect();
    let mark = if begin > 0 { "…" } else { "" };
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    // What is made harmless is wider than it was, and so is the way to the caret.
    let caret_at = " ".repeat(width(&safe(&before.replace('\t', " "))) + width(mark));
    format!("  {number} | {mark}{}\n  {gutter} | {caret_at}^", safe(&shown.replace('\t', " ")))
}

fn summary(reports: &[FileReport]) -> String {
    let mistakes: usize = reports.iter().map(|report| report.result.as_ref().err().map_or(0, Vec::len)).sum();
    let bad = reports.iter().filter(|report| report.result.is_err()).count();
    let files = counted(reports.len(), "file");
    match (mistakes, reports.len()) {
        (0, _) => format!("{files}, no mistakes"),
        (_, 1) => format!("{files}, {}", counted(mistakes, "mistake")),
        (_, _) => format!("{files}, {} in {bad} of them", counted(mistakes, "mistake")),
    }
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
