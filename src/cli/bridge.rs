//! `flexcore bridge --stdio`: this process's input and output become a connection to an engine of this user. Run by
//! `flexcore attach --host` at the far end of `ssh`, whose login is the login then.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::PathBuf,
    thread,
};

use clap::Args;

use super::{DONE, complain, told, unable};
use crate::{
    attach::{BANNER, find},
    client::ClientError,
};

/// Bytes carried at once.
const PIECE_BYTES: usize = 64 << 10;

/// Which engine.
#[derive(Debug, Args)]
pub struct BridgeArgs {
    /// By standard input and output, which is the only way there is
    #[arg(long, required = true)]
    stdio: bool,
    /// The engine's data directory, or its Unix socket; without: the only engine of this user
    #[arg(value_name = "DIR|SOCKET")]
    place: Option<PathBuf>,
}

/// Carries bytes until either side ends.
pub fn run(args: &BridgeArgs) -> i32 {
    let found = find::socket(args.place.as_deref());
    let socket = match found {
        Ok(path) => path,
        Err(error) => return complain(&told(&error)),
    };
    match UnixStream::connect(&socket).and_then(carry) {
        Ok(()) => DONE,
        Err(error) => unable(&ClientError::NotFound(format!("{}: {error}", socket.display()))),
    }
}

fn carry(socket: UnixStream) -> io::Result<()> {
    let (mut up, mut down) = (socket.try_clone()?, socket);
    let mut out = io::stdout().lock();
    writeln!(out, "{BANNER}")?;
    out.flush()?;
    // When the input has ended, what was asked is still answered. When the engine has ended, nobody waits for the input.
    thread::spawn(move || {
        let _ = pieces(&mut io::stdin().lock(), &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    match pieces(&mut down, &mut out) {
        // Whoever listened has gone.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Like `io::copy`, but nothing waits in a buffer for more to come.
fn pieces(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                to.write_all(&piece[..read])?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
