//! A span that has begun here and has not ended.

use flexcore_engine::{command::Request, id::CorrelationId};
use jiff::Timestamp;

use super::{
    Traces,
    parent::Parent,
    span::{Attribute, Kind, Span, SpanId, short},
};

/// A span that has begun. One that is dropped was never there: its work was given up.
#[must_use]
pub struct Open {
    traces: Traces,
    trace: CorrelationId,
    id: SpanId,
    above: Option<SpanId>,
    link: Option<Parent>,
    start: Timestamp,
}

/// What there is to tell of it at its end.
pub struct Told {
    /// Few different ones: no ids.
    pub name: String,
    /// What kind of work it was.
    pub kind: Kind,
    /// What is worth knowing.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Why it did not succeed.
    pub error: Option<String>,
}

impl Told {
    /// It did not succeed, if there is a reason.
    #[must_use]
    pub fn with_error(self, error: Option<String>) -> Self {
        Self { error, ..self }
    }
}

/// What there is to tell of a command.
pub fn of(request: &Request) -> Told {
    let actor = request.actor.to_string();
    let attributes = vec![
        ("flexcore.command", request.command.to_string().as_str().into()),
        ("flexcore.actor", actor.as_str().into()),
        ("flexcore.correlation", request.correlation.to_string().as_str().into()),
    ];
    Told { name: request.command.kind(), kind: Kind::Internal, attributes, error: None }
}

impl Open {
    pub(super) fn new(traces: Traces, trace: CorrelationId, id: SpanId, above: Option<SpanId>, link: Option<Parent>) -> Self {
        let start = traces.0.engine.clock().now();
        Self { traces, trace, id, above, link, start }
    }

    /// It ends now.
    pub fn end(self, told: Told) {
        let Self { traces, trace, id, above, link, start } = self;
        let Told { name, kind, attributes, error } = told;
        let (end, error) = (traces.0.engine.clock().now(), error.map(|error| short(&error)));
        traces.record(Span { trace, id, above, link, kind, name, start, end, attributes, error });
    }
}
