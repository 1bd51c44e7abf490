//! Names and numbers of things, each its own type, so that a position is never passed where a version is meant.

use std::{fmt, str::FromStr, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::unit::Text;

/// The longest name of a pipeline, step or queue, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// A name that does not follow the rule for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a name: 1 to {NAME_BYTES_MAX} of a-z 0-9 . _ -, beginning with a letter or digit")]
pub struct BadName {
    /// What was given instead.
    pub given: String,
}

fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    let first = text.as_bytes().first().copied();
    text.len() <= NAME_BYTES_MAX && first.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) && text.bytes().all(inner)
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(transparent, extend("pattern" = "^[a-z0-9][a-z0-9._-]{0,63}$", "format" = "flexcore-name"))]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks the rule for names.
            pub fn new(text: &str) -> Result<Self, BadName> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(BadName { given: text.into() }) }
            }

            /// The name as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let Text(text) = Text::deserialize(input)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// Names one pipeline for as long as its log lives.
    PipelineName
);
name!(
    /// Names a step; unique in its pipeline.
    StepName
);
name!(
    /// Names a queue.
    QueueName
);

impl QueueName {
    /// Where the records go that a pipeline could not process.
    ///
    /// # Panics
    /// Never: a pipeline's name cut to fit is a name.
    pub fn dead_letters_of(pipeline: &PipelineName) -> Self {
        let head: String = pipeline.as_str().chars().take(NAME_BYTES_MAX - 5).collect();
        Self(format!("{head}.dead").into())
    }

    /// Queues that carry the engine's own work; operators see but do not touch them.
    pub fn is_internal(&self) -> bool {
        self.as_str().starts_with("flexcore.")
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub Uuid);

        impl $type {
            /// A new id, ordered by time (UUID version 7). Callers of clockless code bring ids with them.
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }

            /// The last eight hex digits: the random end, which is what tells neighbours in time apart.
            pub fn short(&self) -> String {
                let text = self.0.simple().to_string();
                text[24..].to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $type {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// Names one event.
    EventId
);
uuid_id!(
    /// Names one run.
    RunId
);
uuid_id!(
    /// Names one message of a queue.
    MessageId
);
uuid_id!(
    /// Names one session of somebody who came in.
    SessionId
);
uuid_id!(
    /// Ties together everything that one request led to.
    CorrelationId
);

impl RunId {
    /// The run of a schedule's tick. The same tick always has the same run, so that a tick that is submitted twice
    /// (a crash between the two) starts one run: the second append finds the stream taken.
    pub fn of_tick(pipeline: &PipelineName, tick: jiff::Timestamp) -> Self {
        let key = format!("{pipeline}@{}", tick.as_microsecond());
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()))
    }
}

/// An event's number in the whole log, from 1, without gaps. 0 is before everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

/// An event's number in its stream, from 1, without gaps. 0: the stream does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Position {
    /// The position after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Version {
    /// The version after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The longest stream name, in bytes.
pub const STREAM_BYTES_MAX: usize = 200;

/// Names the events of one thing: `pipeline/quakes`, `run/0192…`, `queue/orders`, or what `event.append` chose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamName(pub Arc<str>);

impl StreamName {
    /// The events of a pipeline: its revisions, lifecycle, and the runs asked of it.
    pub fn pipeline(name: &PipelineName) -> Self {
        Self(format!("pipeline/{name}").into())
    }

    /// The events of one run.
    pub fn run(id: RunId) -> Self {
        Self(format!("run/{id}").into())
    }

    /// The events of a queue (not its messages).
    pub fn queue(name: &QueueName) -> Self {
        Self(["queue/", name.as_str()].concat().into())
    }

    /// The events of this engine process: started, stopped, commands refused.
    pub fn engine() -> Self {
        Self("engine".into())
    }

    /// The events of an alert.
    pub fn alert(id: &crate::alert::AlertId) -> Self {
        Self(format!("alert/{id}").into())
    }

    /// Who was told of alerts.
    pub fn alerts() -> Self {
        Self("alert".into())
    }

    /// The events of a session.
    pub fn session(id: SessionId) -> Self {
        Self(format!("session/{id}").into())
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the engine alone writes here; `event.append` is refused.
    pub fn is_internal(&self) -> bool {
        Self::is_internal_name(&self.0)
    }

    /// The same of a name that is none yet.
    pub fn is_internal_name(name: &str) -> bool {
        matches!(name.split('/').next().unwrap_or_default(), "pipeline" | "run" | "queue" | "engine" | "alert" | "session")
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The SHA-256 of a definition's canonical JSON: two definitions that mean the same have the same revision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub [u8; 32]);

impl Revision {
    /// The first eight hex digits, as shown to people.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A list of pipelines has many of them: byte by byte costs ten times as much.
        let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
        let text: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        f.write_str(&text)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.short())
    }
}

/// Text that is not 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a revision: 64 hex digits")]
pub struct BadRevision(pub String);

impl FromStr for Revision {
    type Err = BadRevision;
    fn from_str(text: &str) -> Result<Self, BadRevision> {
        let bad = || BadRevision(text.to_owned());
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Revision {
    fn serialize<S: serde::Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Actor {
    /// A person at a console or command line.
    Operator(Arc<str>),
    /// An API token, by its name.
    Token(Arc<str>),
    /// The schedule of a pipeline.
    Schedule(PipelineName),
    /// A step of a run.
    Step(StepName),
    /// The engine itself: worker, dispatcher, reaper.
    Engine,
}

impl Actor {
    /// Whether a person or a person's token asked; refusals of these are audited.
    pub fn is_outside(&self) -> bool {
        matches!(self, Self::Operator(_) | Self::Token(_))
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) => f.pad(name),
            Self::Token(name) => write!(f, "token {name}"),
            Self::Schedule(pipeline) => write!(f, "schedule {pipeline}"),
            Self::Step(step) => write!(f, "step {step}"),
            Self::Engine => f.pad("engine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_lower_case_and_begins_with_a_letter_or_digit() {
        for good in ["a", "quakes", "9-lives", "a.b_c-d", &"x".repeat(64)] {
            assert!(PipelineName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "A", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert!(PipelineName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_revision_reads_what_it_writes_and_nothing_else() {
        let revision = Revision([0xab; 32]);
        assert_eq!(revision.to_string().parse(), Ok(revision));
        assert!("ab".parse::<Revision>().is_err());
        assert!("é".repeat(32).parse::<Revision>().is_err());
    }

    #[test]
    fn a_tick_always_has_the_same_run() {
        let name = PipelineName::new("quakes").unwrap();
        let tick = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(RunId::of_tick(&name, tick), RunId::of_tick(&name, tick));
        assert_ne!(RunId::of_tick(&name, tick), RunId::of_tick(&name, jiff::Timestamp::UNIX_EPOCH));
    }
}
