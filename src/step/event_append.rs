//! `event.append`: records as events of the user's own, in the one log.

use flexcore_engine::{
    id::{STREAM_BYTES_MAX, StreamName},
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, CustomEvent, Record, RecordError, Sink, StepContext, StepError, StepKind, Written},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    jq::{self, Given, Program, Running},
    spec::Spec,
    thread::Thread,
};

/// Settings of `event.append`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// The stream, such as `orders/\(.id)`: `\(…)` holds jq.
    stream: String,
    /// The event's type, such as `order.placed`; may hold `\(…)` too.
    #[serde(rename = "type")]
    kind: String,
    /// jq: the event's data. Default: the record.
    #[serde(default = "whole")]
    data: String,
}

fn whole() -> String {
    ".".into()
}

/// `event.append`.
pub(super) struct EventAppend;

impl Spec for EventAppend {
    type With = With;
    const NAME: &'static str = "event.append";
    const KIND: StepKind = StepKind::Sink;
    const SUMMARY: &'static str = "Append records to the log as events of your own";
    const PARALLEL: bool = true;

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found = Vec::new();
        for (pointer, text) in [("/stream", &with.stream), ("/type", &with.kind)] {
            if text.trim().is_empty() {
                found.push(Mistake::at(pointer, format!("the {} is empty", &pointer[1..])));
            } else {
                found.extend(jq::mistake(pointer, &jq::template(text)));
            }
        }
        if StreamName(with.stream.as_str().into()).is_internal() {
            let mistake = Mistake::at("/stream", format!("the stream `{}` is the engine's own", with.stream));
            found.push(mistake.hint("begin it with another word than pipeline, run, queue, engine"));
        }
        found.extend(jq::mistake("/data", &with.data));
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let given = Given::of(&context);
            let shape = Shape {
                stream: Program::build(&jq::template(&with.stream))?,
                kind: Program::build(&jq::template(&with.kind))?,
                data: Program::build(&with.data)?,
            };
            let thread = Thread::start("event-append", move |records: Vec<Record>| {
                let running = given.begin();
                records.iter().map(|record| shape.event(record, &running)).collect()
            })?;
            Ok(BuiltStep::Sink(Box::new(Appender { thread, context })))
        })
    }
}

struct Shape {
    stream: Program,
    kind: Program,
    data: Program,
}

/// An event, or why the record makes none.
type Made = Result<CustomEvent, RecordError>;

impl Shape {
    fn event(&self, record: &Record, running: &Running) -> Result<Made, StepError> {
        let stream = match self.stream.text_of(record, running, "stream")? {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        let kind = match self.kind.text_of(record, running, "type")? {
            Ok(kind) => kind,
            Err(error) => return Ok(Err(error)),
        };
        if stream.len() > STREAM_BYTES_MAX || StreamName(stream.as_str().into()).is_internal() {
            let message = format!("the stream `{}` is the engine's own, or too long", &shown(&stream));
            return Ok(Err(RecordError { message, retryable: false }));
        }
        let data = jq::parse(&record.json)
            .and_then(|input| self.data.one(input, running))
            .and_then(|value| jq::to_json(&value.unwrap_or_default(), &running.limits));
        match data {
            Ok(data) => Ok(Ok(CustomEvent { stream, kind, data })),
            Err(failure) => failure.split(&format!("data `{}`", self.data.text())).map(Err),
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

struct Appender {
    thread: Thread<Vec<Record>, Result<Vec<Made>, StepError>>,
    context: StepContext,
}

impl Sink for Appender {
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async {
            let (mut events, mut rejected) = (Vec::new(), Vec::new());
            for (index, made) in self.thread.ask(records.to_vec()).await??.into_iter().enumerate() {
                match made {
                    Ok(event) => events.push(event),
                    Err(error) => rejected.push((index, error)),
                }
            }
            if !events.is_empty() {
                self.context.events.append_custom(&self.context.step, events).await?;
            }
            Ok(Written { durable: true, rejected, ..Written::default() })
        })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async { Ok(true) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }
}
