//! What other programs want to know of the command line.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, DONE};

/// For which shell.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

/// Prints the completions.
pub fn run(args: &CompletionArgs, out: &mut dyn Write) -> io::Result<i32> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "flexcore", &mut script);
    out.write_all(&script)?;
    Ok(DONE)
}

/// Prints the manual page.
pub fn man(out: &mut dyn Write) -> io::Result<i32> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    out.write_all(&page)?;
    Ok(DONE)
}
