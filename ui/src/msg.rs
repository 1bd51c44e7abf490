//! Everything that can reach the console. One closed enum: what is not here cannot happen to it.

use std::sync::Arc;

use flexcore_engine::{event::Envelope, projection::ReadModels, vitals::Vitals};

use crate::{
    effect::{Answer, Tag, Tone},
    link::LineState,
    terminal::key::Key,
};

/// Something that happened.
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The read models from which to fold on.
    Models(Box<ReadModels>),
    /// Events older than all that follow, oldest first: only to be shown.
    Backlog(Vec<Envelope>),
    /// Events that follow, oldest first.
    Events(Vec<Envelope>),
    /// Newer figures.
    Vitals(Arc<Vitals>),
    /// The engine does not answer, and why.
    Lost(String),
    /// The line to an engine elsewhere stands otherwise.
    Line(LineState),
    /// The answer to a question.
    Answer(Tag, Answer),
    /// Something to say that no key caused.
    Said(Tone, String),
    /// A second has passed.
    Tick,
}
