//! What other programs want to know of the command line.

use std::{
    io::{self, Write},
    path::PathBuf,
};

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

/// Where to.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder, such as /usr/local/share/man/man1, instead of printing the first one
    #[arg(long, value_name = "DIR")]
    all: Option<PathBuf>,
}

/// Prints the manual page, or writes those of all commands.
pub fn man(args: &ManArgs, out: &mut dyn Write) -> io::Result<i32> {
    if let Some(folder) = &args.all {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(Cli::command(), folder)?;
        return Ok(DONE);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    out.write_all(&page)?;
    Ok(DONE)
}
