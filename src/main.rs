//! The `flexcore` binary.

use clap::Parser;
use flexcore::cli::{self, Cli};

/// Many small allocations on many threads: this halves the cost of a record.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> color_eyre::Result<()> {
    color_eyre::install()?;
    use_small_pages();
    let code = cli::main(Cli::parse()).unwrap_or_else(|report| cli::unable(report.as_ref()));
    std::process::exit(code)
}

/// The allocator asks the system for pages of two megabytes. To clear one takes up to milliseconds, and whoever needs it may hold a
/// lock that all others wait for; small ones take microseconds. Redis turns them off, too. What steps start inherits it.
fn use_small_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
