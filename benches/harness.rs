//! Measures two things side by side and prints how they compare. Only ratios count: both sides run in turns, in one
//! process, so that a busy machine slows both.
//!
//! ```ignore
//! mod harness;
//! fn main() {
//!     let mut bench = harness::Bench::new("log");
//!     bench.pair("append, 1 writer", "bare mutex-vector", "events/s", 0.5, 9, || rate_of_ours(), || rate_of_peer());
//!     bench.print();
//! }
//! ```
//! A round's figure is a rate: more is better. `--quick` runs a third of the rounds; a word runs only rows that have it in
//! their name.
#![allow(dead_code, reason = "each bench uses its part")]
#![allow(clippy::print_stdout, reason = "the table is the output")]

use std::{
    env, fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// What the binary allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    name: String,
    ours: f64,
    unit: String,
    peer_name: String,
    peer: f64,
    /// The median of the rounds' ratios, and the lowest and highest of them.
    ratio: f64,
    lowest: f64,
    highest: f64,
    aim: f64,
    notes: Vec<String>,
}

/// The rows of one bench binary.
pub(crate) struct Bench {
    name: &'static str,
    quick: bool,
    only: Option<String>,
    rows: Vec<Row>,
    /// The row before was left out.
    skipped: bool,
}

impl Bench {
    /// A bench as the command line wants it.
    pub(crate) fn new(name: &'static str) -> Self {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let only = arguments.into_iter().find(|argument| !argument.starts_with('-'));
        // As the program does.
        #[cfg(target_os = "linux")]
        let _ = rustix::thread::disable_transparent_huge_pages(true);
        println!("{name}: load {}, a wake-up of another thread and back {:?}", load(), wake_up());
        Self { name, quick, only, rows: Vec::new(), skipped: false }
    }

    /// Whether a row of this name is wanted: what it takes may take long to make.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }

    /// Whether it is only for a first look.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    /// The word of the command line, for a bench whose rows are measured together in groups: it runs only those of its name.
    pub(crate) fn group(&mut self) -> Option<String> {
        self.only.take()
    }

    /// Runs both in turns after a warm-up of each; the aim is the least ratio of ours to the peer's.
    #[expect(clippy::too_many_arguments, reason = "a row of the table, in its order")]
    pub(crate) fn pair(
        &mut self,
        name: &str,
        peer_name: &str,
        unit: &str,
        aim: f64,
        rounds: usize,
        mut ours: impl FnMut() -> f64,
        mut peer: impl FnMut() -> f64,
    ) {
        if !self.wants(name) {
            self.skipped = true;
            return;
        }
        self.skipped = false;
        let rounds = if self.quick { rounds.div_ceil(3) } else { rounds };
        ours();
        peer();
        let figures: Vec<(f64, f64)> = (0..rounds).map(|round| in_turns(round, &mut ours, &mut peer)).collect();
        let ratios = sorted(figures.iter().map(|(ours, peer)| ours / peer));
        let row = Row {
            name: name.into(),
            ours: median(&sorted(figures.iter().map(|(ours, _)| *ours))),
            unit: unit.into(),
            peer_name: peer_name.into(),
            peer: median(&sorted(figures.iter().map(|(_, peer)| *peer))),
            ratio: median(&ratios),
            lowest: ratios[0],
            highest: ratios[ratios.len() - 1],
            aim,
            notes: Vec::new(),
        };
        println!("{}", line(&row));
        self.rows.push(row);
    }

    /// For what must stay within a limit, like the milliseconds of a frame: less is better, and the ratio is the limit's.
    pub(crate) fn within(&mut self, name: &str, unit: &str, limit: f64, rounds: usize, mut ours: impl FnMut() -> f64) {
        self.pair(name, &format!("limit {limit} {unit}"), &format!("1/{unit}"), 1.0, rounds, || 1.0 / ours(), || 1.0 / limit);
    }

    /// So many of something, or a third for a first look.
    pub(crate) fn rounds(&self, rounds: usize) -> usize {
        if self.quick { rounds.div_ceil(3) } else { rounds }
    }

    /// Figures that were measured already and must stay within a limit: the ratio is the limit's.
    pub(crate) fn limit(&mut self, name: &str, unit: &str, limit: f64, figures: impl IntoIterator<Item = f64>) {
        let figures: Vec<f64> = figures.into_iter().collect();
        let limits = vec![limit; figures.len()];
        self.less(name, &format!("limit {limit} {unit}"), unit, figures, limits);
    }

    /// The same beside a peer: less is better, and the ratio is the peer's figure to ours.
    pub(crate) fn less(
        &mut self,
        name: &str,
        peer_name: &str,
        unit: &str,
        ours: impl IntoIterator<Item = f64>,
        peer: impl IntoIterator<Item = f64>,
    ) {
        if !self.wants(name) {
            self.skipped = true;
            return;
        }
        self.skipped = false;
        let (ours, peer) = (sorted(ours.into_iter()), sorted(peer.into_iter()));
        // A figure of nothing is as good as one that is next to nothing.
        let ratios = sorted(ours.iter().map(|ours| median(&peer) / ours.max(1e-3)));
        let row = Row {
            name: name.into(),
            ours: median(&ours),
            unit: unit.into(),
            peer_name: peer_name.into(),
            peer: median(&peer),
            ratio: median(&ratios),
            lowest: ratios[0],
            highest: ratios[ratios.len() - 1],
            aim: 1.0,
            notes: Vec::new(),
        };
        println!("{}", line(&row));
        self.rows.push(row);
    }

    /// A remark under the row before.
    pub(crate) fn note(&mut self, text: String) {
        if let Some(row) = self.rows.last_mut().filter(|_| !self.skipped) {
            println!("    {text}");
            row.notes.push(text);
        }
    }

    /// Keeps the rows for the table of all benches.
    pub(crate) fn print(self) {
        let text = serde_json::to_string_pretty(&self.rows).expect("rows are numbers and text");
        fs::create_dir_all(rows_dir()).expect("the target folder is ours");
        fs::write(rows_dir().join(self.name).with_extension("json"), text).expect("the target folder is ours");
    }
}

/// A line that belongs to no row.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Every row that the benches left, as one table.
pub(crate) fn print_all() {
    let mut files: Vec<PathBuf> = fs::read_dir(rows_dir()).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    println!("{}", line_of(["what", "ours", "peer", "", "ratio", "(all rounds)", "aim", ""]));
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let rows: Vec<Row> = serde_json::from_str(&text).unwrap_or_default();
        for row in rows {
            println!("{}", line(&row));
            row.notes.iter().for_each(|note| println!("    {note}"));
        }
    }
}

fn rows_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench")
}

/// The side that begins changes from round to round.
fn in_turns(round: usize, ours: &mut impl FnMut() -> f64, peer: &mut impl FnMut() -> f64) -> (f64, f64) {
    if round.is_multiple_of(2) {
        let first = ours();
        (first, peer())
    } else {
        let first = peer();
        (ours(), first)
    }
}

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] }
}

fn line(row: &Row) -> String {
    let verdict = if row.ratio >= row.aim { "reached" } else { "MISSED" };
    let spread = format!("({:.2}-{:.2})", row.lowest, row.highest);
    let (ours, peer) = (format!("{} {}", short(row.ours), row.unit), format!("{} {}", short(row.peer), row.unit));
    let (ratio, aim) = (format!("{:.2}", row.ratio), format!("{:.2}", row.aim));
    line_of([&row.name, &ours, &row.peer_name, &peer, &ratio, &spread, &aim, verdict])
}

fn line_of([name, ours, peer_name, peer, ratio, spread, aim, verdict]: [&str; 8]) -> String {
    format!("{name:<36} {ours:>16}  {peer_name:<30} {peer:>16} {ratio:>7} {spread:<14} {aim:>6} {verdict}")
}

fn short(figure: f64) -> String {
    match figure {
        figure if figure >= 1e6 => format!("{:.2} M", figure / 1e6),
        figure if figure >= 1e3 => format!("{:.1} k", figure / 1e3),
        figure => format!("{figure:.2}"),
    }
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Long (tens of microseconds) where idle cores halt: then figures with one thing in flight say more about the machine.
fn wake_up() -> Duration {
    const TURNS: u32 = 200;
    let main = thread::current();
    let other = thread::spawn(move || {
        for _ in 0..TURNS {
            thread::park();
            main.unpark();
        }
    });
    let start = Instant::now();
    for _ in 0..TURNS {
        other.thread().unpark();
        thread::park();
    }
    let took = start.elapsed() / TURNS;
    // Unparks may have met: the other one then still waits for its last turns.
    while !other.is_finished() {
        other.thread().unpark();
        thread::yield_now();
    }
    took
}
