//! Whether the engine's memory stays as it is while ten million events go through it: real runs of real pipelines on a data
//! directory, with everything that runs beside them (queues, read models and their anchors, alerts, retention).
//!
//! ```text
//! cargo bench -p flexcore --bench memory              # 10 M events
//! cargo bench -p flexcore --bench memory -- --quick   # 3 M
//! ```

#[path = "memory/engine.rs"]
mod engine;
mod harness;

use std::cell::OnceCell;

use harness::Bench;

/// Until then caches fill: ended runs, aggregates, anchors.
const WARM_MILLIONS: usize = 2;

fn main() {
    let mut bench = Bench::new("memory");
    let millions = if bench.is_quick() { 3 } else { 10 };
    let name = format!("memory, {millions} M events of runs");
    let taken = OnceCell::new();
    // Each is asked more than once, and it is measured once.
    let most = |from: usize, to: usize| {
        let taken: &Vec<f64> = taken.get_or_init(|| engine::resident_mb_by_million(millions));
        taken[from..to].iter().copied().fold(0.0, f64::max)
    };
    let (late, early) = (|| 1.0 / most(WARM_MILLIONS, millions), || 1.0 / most(0, WARM_MILLIONS));
    bench.pair(&name, "its first 2 M", "1/MB", 0.9, 1, late, early);
    if let Some(taken) = taken.get() {
        let each: Vec<String> = taken.iter().map(|megabytes| format!("{megabytes:.0}")).collect();
        bench.note(format!("most MB of memory within each million: {}", each.join(" ")));
        // Who runs it alone wants to see it fail.
        let grows = most(WARM_MILLIONS, millions) > most(0, WARM_MILLIONS) / 0.9;
        bench.print();
        assert!(!grows, "the engine's memory grows: {} MB by million", each.join(" "));
    }
}
