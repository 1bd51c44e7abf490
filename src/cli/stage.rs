//! What a command that asks an engine stands on: whom it asks, and where its words go. Of this process that is an engine that
//! is looked for, and standard output; of a session it is the engine right here, for whoever came in.

use std::{
    fs,
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use super::{ASKED_WRONGLY, FAILED, remote::TargetArgs, told};
use crate::client::{Client, ClientError};

/// It was interrupted.
pub(crate) const INTERRUPTED: i32 = 130;

/// Whom a command asks.
#[derive(Clone)]
pub(crate) enum Whom {
    /// The engine that its flags name, or the only one of this user.
    Found,
    /// The one in this process.
    #[cfg(feature = "ssh")]
    Here {
        /// A way to it, for whoever asks.
        client: Client,
        /// What runs it.
        runtime: tokio::runtime::Handle,
        /// Cancelled when nobody wants the answer any more.
        over: tokio_util::sync::CancellationToken,
    },
}

impl Whom {
    /// A way to it.
    pub(super) fn client(&self, target: &TargetArgs) -> Result<Client, ClientError> {
        match self {
            Self::Found => target.client(),
            #[cfg(feature = "ssh")]
            Self::Here { .. } if target.is_said() => Err(ClientError::NotFound(
                "a session asks the engine that it came to: without --url, --socket and --token".into(),
            )),
            #[cfg(feature = "ssh")]
            Self::Here { client, .. } => Ok(client.clone()),
        }
    }

    /// Waits for something. `Err`: nobody wants it any more, or it cannot be waited for.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> io::Result<T> {
        match self {
            Self::Found => super::block_on(async { Ok(future.await) }).map_err(|error| io::Error::other(error.to_string())),
            #[cfg(feature = "ssh")]
            Self::Here { runtime, over, .. } => runtime.block_on(async {
                tokio::select! {
                    done = future => Ok(done),
                    () = over.cancelled() => Err(io::ErrorKind::Interrupted.into()),
                }
            }),
        }
    }
}

/// What a command stands on.
pub(crate) struct Stage<'a> {
    /// Whom it asks.
    pub(crate) whom: Whom,
    /// Its answer.
    pub(crate) out: &'a mut dyn Write,
    /// What else there is to say.
    pub(crate) told: &'a mut dyn Write,
    /// What it reads when it is told `-`.
    pub(crate) input: &'a mut dyn Read,
}

/// Does something on this process's own.
pub(super) fn own<T>(act: impl FnOnce(&mut Stage<'_>) -> T) -> T {
    let (out, told, input) = (&mut BufWriter::new(io::stdout()), &mut io::stderr(), &mut io::stdin());
    act(&mut Stage { whom: Whom::Found, out, told, input })
}

impl Stage<'_> {
    /// What is in a file; `-` is what is given to the command. In a session nothing else is: files here are none of the client's.
    pub(super) fn text(&mut self, file: &Path) -> Result<String, String> {
        if file == Path::new("-") {
            let mut text = String::new();
            let read = self.input.read_to_string(&mut text);
            return read.map(|_| text).map_err(|error| format!("cannot read what was given: {error}"));
        }
        match self.whom {
            Whom::Found => fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display())),
            #[cfg(feature = "ssh")]
            Whom::Here { .. } => {
                Err(format!("{} would be a file of the engine's machine: write - and give it, as in `< FILE`", file.display()))
            }
        }
    }

    /// Says something beside the answer. Nobody may be there to hear it.
    pub(super) fn say(&mut self, sentence: &str) {
        let _ = writeln!(self.told, "flexcore: {sentence}");
    }

    /// Says why nothing was done.
    pub(super) fn complain(&mut self, sentence: &str) -> i32 {
        self.say(sentence);
        ASKED_WRONGLY
    }

    /// Says what went wrong, with its causes.
    pub(super) fn unable(&mut self, error: &dyn std::error::Error) -> i32 {
        self.say(&told(error));
        FAILED
    }

    /// What it means that the engine did not answer.
    pub(super) fn unasked(&mut self, error: &ClientError) -> i32 {
        match error {
            ClientError::NotFound(_) | ClientError::Unreachable { .. } => self.complain(&told(error)),
            ClientError::Refused(_) | ClientError::Odd { .. } => self.unable(error),
        }
    }
}
