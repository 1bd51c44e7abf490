//! Kills the real program with -9 at random moments, under load, and compares what was acknowledged with what is there.
//!
//! `make crash` runs it; a plain `cargo test` only says so. Each cycle: start, verify, load, kill, and now and then a torn
//! write behind what was written. Every few cycles the disk is full. The seed is printed, and gives the same moments and the
//! same load again, as far as the machine does.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it is a program that reports")]

mod dice;
mod engine;
mod files;
mod full;
mod load;
mod model;
mod torn;
mod verify;
mod world;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use dice::Dice;
use world::World;

/// Kills between two looks at what the pipelines have drained.
const DRAIN_EVERY: u64 = 20;
/// Kills between two full disks.
const FULL_EVERY: u64 = 20;

struct Options {
    cycles: u64,
    seed: u64,
    /// What is killed; the one that was built for tests, unless said otherwise.
    program: PathBuf,
}

impl Options {
    /// `None`: the run was not asked for.
    fn read() -> Option<Self> {
        let arguments: Vec<String> = std::env::args().collect();
        let after = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            arguments.get(at + 1)
        };
        let number = |name: &str| after(name)?.parse::<u64>().ok();
        let now = std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_secs());
        let program = after("--program").map_or_else(|| env!("CARGO_BIN_EXE_flexcore").into(), PathBuf::from);
        Some(Self { cycles: number("--cycles")?, seed: number("--seed").unwrap_or(now), program })
    }
}

fn main() -> ExitCode {
    let Some(options) = Options::read() else {
        eprintln!("crash: nothing is killed unless `make crash` asks for it (`-- --cycles N [--seed S]`)");
        return ExitCode::SUCCESS;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(run(&options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            println!("crash: FAILED (seed {}): {wrong}", options.seed);
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), String> {
    let Options { cycles, seed, ref program } = *options;
    println!("crash: {cycles} kills, seed {seed}");
    let begun = Instant::now();
    let mut dice = Dice::new(seed);
    let full_disks = full::can_mount();
    if let Err(why) = &full_disks {
        println!("crash: the full disk is SKIPPED: {why}");
    }
    let mut world = World::new(program)?;
    let mut full_rounds = 0;
    for cycle in 1..=cycles {
        world.kill_once(&mut dice).await.map_err(|wrong| world.keep(cycle, &wrong))?;
        if cycle % DRAIN_EVERY == 0 || cycle == cycles {
            world.drain().await.map_err(|wrong| world.keep(cycle, &wrong))?;
            println!("crash: {cycle} of {cycles} kills after {}: {}", told(begun.elapsed()), world.model().line());
        }
        if full_disks.is_ok() && (cycle % FULL_EVERY == 0 || cycles < FULL_EVERY && cycle == cycles) {
            full::round(program, &mut dice).await?;
            full_rounds += 1;
        }
    }
    let full_rounds = if full_disks.is_ok() { full_rounds.to_string() } else { "skipped".into() };
    println!("crash: {cycles} kills in {}, {} a kill; full disks: {full_rounds}", told(begun.elapsed()), {
        told(begun.elapsed() / u32::try_from(cycles.max(1)).unwrap_or(u32::MAX))
    });
    world.model().is_not_vacuous()?;
    println!("{}", world.model().report());
    Ok(())
}

fn told(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
