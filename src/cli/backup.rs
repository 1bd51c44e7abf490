//! `flexcore backup DIR FILE` and `flexcore restore FILE DIR`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;

use super::{DONE, check::counted, complain, unable};
use crate::backup::{self, BackupError, Summary};

/// Copy a data directory to one file, also while an engine has it open.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The data directory
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A tar file that is not there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Make a data directory of a backup.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// What `flexcore backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A folder that is new or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Exit code: 0 done, 1 it failed and there is no file, 2 asked wrongly.
pub fn backup(args: &BackupArgs, out: &mut dyn Write) -> io::Result<i32> {
    match backup::backup(&args.folder, &args.file) {
        Ok(summary) => tell(&summary, &args.file.to_string_lossy(), out),
        Err(error) => Ok(told(&error)),
    }
}

/// Exit code: 0 done, 1 it failed and there is no directory, 2 asked wrongly.
pub fn restore(args: &RestoreArgs, out: &mut dyn Write) -> io::Result<i32> {
    match backup::restore(&args.file, &args.folder) {
        Ok(summary) => tell(&summary, &args.folder.to_string_lossy(), out),
        Err(error) => Ok(told(&error)),
    }
}

fn tell(Summary { files, bytes }: &Summary, to: &str, out: &mut dyn Write) -> io::Result<i32> {
    writeln!(out, "{to}: {}, {bytes} bytes", counted(*files, "file"))?;
    Ok(DONE)
}

fn told(error: &BackupError) -> i32 {
    match error {
        BackupError::Directory(_) | BackupError::Taken(_) | BackupError::NotEmpty(_) => complain(&error.to_string()),
        _ => unable(error),
    }
}
