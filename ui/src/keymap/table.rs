//! Every action with its default keys. Rules that a test holds: in one scope a key means one thing; every action says what it
//! does; nothing that changes anything is on a control key, and nothing is on a key that terminals or multiplexers take.

use super::action::{Action, Scope};

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// What it means.
    pub action: Action,
    /// The name in the key file and the palette.
    pub name: &'static str,
    /// Where it holds.
    pub scope: Scope,
    /// Default keys; several presses are separated by a blank: `g g`.
    pub keys: &'static [&'static str],
    /// What it does, in a few words. An action that opens a sheet ends in an ellipsis.
    pub description: &'static str,
    /// The place in the footer, 1 first; 0: not there.
    pub footer: u8,
    /// Whether it leads to a change: not there when the console is read-only.
    pub changes: bool,
}

const fn bind(
    scope: Scope,
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    description: &'static str,
    footer: u8,
) -> Binding {
    Binding { action, name, scope, keys, description, footer, changes: false }
}

const fn change(
    scope: Scope,
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    description: &'static str,
    footer: u8,
) -> Binding {
    Binding { action, name, scope, keys, description, footer, changes: true }
}

use Action as A;
use Scope as S;

/// The defaults.
pub const BINDINGS: &[Binding] = &[
    bind(S::Global, A::Palette, "palette", &[":"], "commands: and views and things, by name", 20),
    bind(S::Global, A::Filter, "filter", &["/"], "filter: only the rows that pass", 19),
    bind(S::Global, A::Help, "help", &["?"], "help: what keys there are here", 21),
    bind(S::Global, A::Back, "back", &["esc"], "close what is open, then go back", 30),
    bind(S::Global, A::Quit, "quit", &["q"], "quit: back, on the overview out", 22),
    bind(S::Global, A::Pane1, "pane-1", &["1"], "first pane", 0),
    bind(S::Global, A::Pane2, "pane-2", &["2"], "second pane", 0),
    bind(S::Global, A::Pane3, "pane-3", &["3"], "third pane", 0),
    bind(S::Global, A::Pane4, "pane-4", &["4"], "fourth pane", 0),
    bind(S::Global, A::FocusNext, "focus-next", &["tab"], "next pane", 25),
    bind(S::Global, A::FocusPrevious, "focus-previous", &["s-tab"], "previous pane", 0),
    bind(S::Global, A::Zoom, "zoom", &["z"], "the pane alone, or all of them", 26),
    bind(S::Global, A::HistoryBack, "history-back", &["["], "the view before", 0),
    bind(S::Global, A::HistoryForward, "history-forward", &["]"], "the view after", 0),
    bind(S::Global, A::LastView, "last-view", &["-"], "to and fro between two views", 0),
    bind(S::Global, A::Messages, "messages", &["!"], "what was said", 0),
    bind(S::Global, A::Redraw, "redraw", &["C-l"], "draw the whole screen again", 0),
    bind(S::Global, A::Cancel, "cancel", &["C-c"], "cancel; pressed again, leave", 0),
    bind(S::Global, A::Suspend, "suspend", &["C-z"], "back to the shell for a while", 0),
    bind(S::List, A::Up, "up", &["k", "up"], "one row up", 0),
    bind(S::List, A::Down, "down", &["j", "down"], "one row down", 0),
    bind(S::List, A::Top, "top", &["g g", "home"], "first row", 0),
    bind(S::List, A::Bottom, "bottom", &["G", "end"], "last row", 0),
    bind(S::List, A::HalfUp, "half-up", &["C-u"], "half a page up", 0),
    bind(S::List, A::HalfDown, "half-down", &["C-d"], "half a page down", 0),
    bind(S::List, A::PageUp, "page-up", &["C-b", "pgup"], "a page up", 0),
    bind(S::List, A::PageDown, "page-down", &["C-f", "pgdn"], "a page down", 0),
    bind(S::List, A::Left, "left", &["h", "left"], "left", 0),
    bind(S::List, A::Right, "right", &["l", "right"], "right", 0),
    bind(S::List, A::Open, "open", &["enter"], "open", 1),
    bind(S::List, A::Mark, "mark", &["space"], "mark the row", 18),
    bind(S::List, A::MarkRange, "mark-range", &["v"], "mark from here to where you go", 0),
    bind(S::List, A::MarkAll, "mark-all", &["*"], "mark all rows that are shown, or none", 0),
    bind(S::List, A::Sort, "sort", &["s"], "sort by the next column", 17),
    bind(S::List, A::SortReverse, "sort-reverse", &["S"], "sort the other way", 0),
    bind(S::List, A::CopyName, "copy-name", &["y"], "copy the name", 0),
    change(S::Pipelines, A::Activate, "activate", &["a"], "activate…", 2),
    change(S::Pipelines, A::PauseResume, "pause", &["p"], "pause or resume…", 3),
    change(S::Pipelines, A::RunNow, "run", &["r"], "run now…", 4),
    change(S::Pipelines, A::RunWith, "run-with", &["R"], "run with parameters…", 0),
    change(S::Pipelines, A::CancelRuns, "cancel-runs", &["X"], "cancel its live runs…", 6),
    change(S::Pipelines, A::Archive, "archive", &["A"], "archive…", 0),
    change(S::Pipelines, A::Restore, "restore", &["U"], "restore from the archive…", 2),
    change(S::Pipelines, A::Create, "create", &["n"], "new pipeline…", 5),
    change(S::Pipelines, A::Revise, "revise", &["E"], "edit as a new revision…", 8),
    bind(S::Pipelines, A::ShowEvents, "show-events", &["l"], "its events", 7),
    bind(S::Pipelines, A::DeadLetters, "dead-letters", &["D"], "its dead letters", 9),
    bind(S::Events, A::Follow, "follow", &["space", "f"], "pause or follow", 2),
    bind(S::Events, A::TimeRange, "time-range", &["T"], "time range: only the last minutes…", 6),
    bind(S::Events, A::TimeFormat, "time-format", &["t"], "times in UTC, local, or ago", 0),
    bind(S::Events, A::FailureNext, "failure-next", &["e"], "next failure", 3),
    bind(S::Events, A::FailurePrevious, "failure-previous", &["E"], "failure before", 0),
    bind(S::Events, A::CorrelationSame, "correlation-same", &["o"], "only what belongs together with this", 4),
    bind(S::Events, A::CorrelationClear, "correlation-clear", &["O"], "all again", 0),
    bind(S::Events, A::ExcludeKind, "exclude-kind", &["x"], "without events of this type", 5),
    bind(S::Events, A::Mark, "mark-line", &["m"], "mark the line", 0),
    bind(S::Events, A::Histogram, "histogram", &["i"], "events a minute", 0),
    change(S::Queues, A::Purge, "purge", &["D"], "purge…", 3),
    change(S::Queues, A::Redrive, "redrive", &["U"], "redrive dead letters…", 2),
    change(S::Pipeline, A::Activate, "activate", &["a"], "activate…", 2),
    change(S::Pipeline, A::PauseResume, "pause", &["p"], "pause or resume…", 3),
    change(S::Pipeline, A::RunNow, "run", &["r"], "run now…", 4),
    change(S::Pipeline, A::RunWith, "run-with", &["R"], "run with parameters…", 0),
    change(S::Pipeline, A::CancelRuns, "cancel-runs", &["X"], "cancel its live runs…", 6),
    change(S::Pipeline, A::Archive, "archive", &["A"], "archive…", 0),
    change(S::Pipeline, A::Restore, "restore", &["U"], "restore from the archive…", 2),
    change(S::Pipeline, A::Revise, "revise", &["E"], "edit as a new revision…", 7),
    change(S::Pipeline, A::Rollback, "rollback", &["B"], "back to the marked revision…", 0),
    bind(S::Pipeline, A::Diff, "diff", &["d"], "difference to the revision before", 8),
    bind(S::Pipeline, A::TabNext, "tab-next", &["tab", "L"], "next part", 9),
    bind(S::Pipeline, A::TabPrevious, "tab-previous", &["s-tab", "H"], "previous part", 0),
    bind(S::Pipeline, A::ShowEvents, "show-events", &["w"], "its events", 10),
    bind(S::Pipeline, A::DeadLetters, "dead-letters", &["D"], "its dead letters", 11),
    bind(S::Pipeline, A::Wrap, "wrap", &["W"], "break long lines, or not", 0),
    change(S::Run, A::CancelRun, "cancel-run", &["X"], "cancel…", 2),
    change(S::Run, A::RetryRun, "retry-run", &["R"], "run again…", 3),
    bind(S::Run, A::TabNext, "tab-next", &["tab", "L"], "next part", 4),
    bind(S::Run, A::TabPrevious, "tab-previous", &["s-tab", "H"], "previous part", 0),
    bind(S::Run, A::FailureNext, "failure-next", &["e"], "next failure", 5),
    bind(S::Run, A::FailurePrevious, "failure-previous", &["E"], "failure before", 0),
    bind(S::Run, A::CorrelationSame, "correlation-same", &["o"], "everything that belongs together", 6),
    bind(S::Run, A::Follow, "follow", &["f"], "follow the log", 7),
    bind(S::Run, A::GoPipeline, "go-pipeline", &["P"], "its pipeline", 8),
    bind(S::Run, A::DeadLetters, "dead-letters", &["D"], "dead letters of its pipeline", 0),
    bind(S::Run, A::LogLevel, "log-level", &["i"], "of the log only what is wrong, or all", 0),
    bind(S::Run, A::Wrap, "wrap", &["W"], "break long lines, or not", 0),
    bind(S::Event, A::EventNext, "event-next", &["n"], "the event after", 7),
    bind(S::Event, A::EventPrevious, "event-previous", &["p"], "the event before", 8),
    bind(S::Event, A::HitNext, "hit-next", &["N"], "next place that the filter found", 0),
    bind(S::Event, A::CorrelationSame, "correlation-same", &["o"], "everything that belongs together", 2),
    bind(S::Event, A::FailureNext, "failure-next", &["e"], "next failure", 3),
    bind(S::Event, A::FailurePrevious, "failure-previous", &["E"], "failure before", 0),
    bind(S::Tree, A::Fold, "fold", &["space"], "fold or unfold", 4),
    bind(S::Tree, A::FoldAll, "fold-all", &["F"], "fold or unfold all", 0),
    bind(S::Tree, A::CopyValue, "copy-value", &["y"], "copy the value", 5),
    bind(S::Tree, A::CopyPath, "copy-path", &["Y"], "copy the path", 6),
    bind(S::Tree, A::Raw, "raw", &["u"], "as it was written, or as a tree", 0),
    bind(S::Tree, A::HitNext, "hit-next", &["n"], "next place that the filter found", 0),
    bind(S::Tree, A::HitPrevious, "hit-previous", &["N"], "the place before", 0),
    change(S::Queue, A::SendMessage, "send", &["a"], "send a message…", 7),
    bind(S::Queue, A::DryRun, "dry-run", &["d"], "try it on the current revision", 0),
    bind(S::Queue, A::GoPipeline, "go-pipeline", &["P"], "the pipeline it belongs to", 0),
    change(S::Queue, A::Purge, "purge", &["D"], "purge…", 0),
    change(S::Queue, A::Redrive, "redrive", &["U"], "redrive dead letters…", 4),
    change(S::Queue, A::EditMessage, "edit-message", &["E"], "edit the dead letter…", 2),
    change(S::Queue, A::Replay, "replay", &["R"], "replay in its pipeline…", 3),
    change(S::Queue, A::Discard, "discard", &["X"], "discard dead letters…", 5),
    bind(S::Queue, A::TabNext, "tab-next", &["tab", "L"], "next part", 6),
    bind(S::Queue, A::TabPrevious, "tab-previous", &["s-tab", "H"], "previous part", 0),
    change(S::Create, A::Edit, "edit", &["e"], "edit in $EDITOR…", 1),
    bind(S::Create, A::Check, "check", &["c"], "check again", 2),
    bind(S::Create, A::DryRun, "dry-run", &["d"], "try it on samples", 3),
    change(S::Create, A::Save, "save", &["w"], "save as a draft…", 4),
    change(S::Create, A::Activate, "activate", &["a"], "save and activate…", 5),
];
