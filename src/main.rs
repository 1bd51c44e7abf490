//! The `flexcore` binary.

use clap::Parser;
use flexcore::cli::{self, Cli};

/// Many small allocations on many threads: this halves the cost of a record.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> color_eyre::Result<()> {
    color_eyre::install()?;
    let code = cli::main(Cli::parse()).unwrap_or_else(|report| cli::unable(report.as_ref()));
    std::process::exit(code)
}
