//! jq, by jaq: compiled once a step, run on record after record within limits. Records are read into jaq's values and
//! written from them directly.

mod compile;
mod guard;
mod scope;
mod template;
mod value;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use flexcore_engine::port::step::{KeyOf, RECORD_BYTES_MAX, Record, RecordError, StepContext, StepError};
use jaq_core::{Ctx, Filter, Vars, unwrap_valr};
pub(super) use jaq_json::Val;
use jiff::Timestamp;

use self::scope::{Jq, Scope, Stop};
pub(super) use self::template::template;

/// What every expression can use.
const VARIABLES: [&str; 3] = ["$params", "$now", "$n"];

/// What one evaluation may take.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "every limit is a maximum")]
pub(super) struct Limits {
    /// Outputs of one record.
    pub(super) outputs_max: usize,
    /// Bytes of all outputs of one record.
    pub(super) bytes_max: usize,
    /// Time of one record, by the machine's clock.
    pub(super) time_max: Duration,
    /// Bytes of the stack below the caller.
    pub(super) stack_max: usize,
    /// Levels of a value on the way: to drop it takes stack for each.
    pub(super) levels_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let stack_max = super::thread::STACK_BYTES / 2;
        Self { outputs_max: 1_000, bytes_max: RECORD_BYTES_MAX, time_max: Duration::from_secs(2), stack_max, levels_max: 10_000 }
    }
}

/// A compiled expression.
pub(super) struct Program {
    text: Arc<str>,
    filter: Filter<Jq>,
    /// Levels that one turn may add to a value: as many as there are brackets.
    levels_a_turn: u32,
}

/// The run's clock and parameters, as expressions see them.
#[derive(Clone)]
pub(super) struct Given {
    now: f64,
    variables: [Val; 3],
    pub(super) limits: Limits,
}

impl Given {
    /// The run's parameters and the moment it began.
    pub(super) fn of(context: &StepContext) -> Self {
        Self::at(context, context.started_at, 0)
    }

    /// With another moment and number, for `generate`.
    pub(super) fn at(context: &StepContext, now: Timestamp, n: u64) -> Self {
        Self::new(value::of(&serde_json::Value::Object((*context.params).clone())), now, n)
    }

    fn new(params: Val, now: Timestamp, n: u64) -> Self {
        let now = now.as_microsecond() as f64 / 1e6;
        Self { now, variables: [params, Val::from(now), Val::from(n as usize)], limits: Limits::default() }
    }

    /// Of no run, for threads that are not the expression's own.
    fn small() -> Self {
        let limits = Limits { time_max: Duration::from_millis(50), stack_max: 512 << 10, levels_max: 250, ..Limits::default() };
        Self { limits, ..Self::new(Val::Null, Timestamp::UNIX_EPOCH, 0) }
    }

    /// Ready for evaluations on this thread: jaq's variables do not travel between threads.
    pub(super) fn begin(&self) -> Running {
        Running { now: self.now, variables: Vars::new(self.variables.clone()), limits: self.limits }
    }
}

/// What evaluations on one thread share.
pub(super) struct Running {
    now: f64,
    variables: Vars<Val>,
    pub(super) limits: Limits,
}

/// Why an evaluation ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// This record does not fit the expression.
    Record(String),
    /// The expression does not end: no record will fit it.
    Endless(String),
}

impl Failure {
    /// As the outcome of a record, or as the failure of the step.
    pub(super) fn split(self, what: &str) -> Result<RecordError, StepError> {
        match self {
            Self::Record(why) => Ok(RecordError { message: format!("{what}: {why}"), retryable: false }),
            Self::Endless(why) => Err(StepError::permanent(format!("{what}: {why}"))),
        }
    }
}

impl Program {
    /// Compiles, or says what is wrong and where in the expression.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let levels_a_turn = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count().max(1) as u32;
        Ok(Self { text: text.into(), filter: compile::compile(text, &VARIABLES)?, levels_a_turn })
    }

    /// Compiles for a step whose settings were checked.
    pub(super) fn build(text: &str) -> Result<Self, StepError> {
        Self::compile(text).map_err(|wrong| StepError::permanent(format!("jq `{text}`: {wrong}")))
    }

    /// As written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Gives each output to `take`.
    pub(super) fn each(
        &self,
        input: Val,
        running: &Running,
        mut take: impl FnMut(Val) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let limits = &running.limits;
        let scope = Scope::new(&self.filter.lut, running.now, limits, self.levels_a_turn);
        let context = Ctx::<Jq>::new(&scope, running.variables.clone());
        for (index, output) in self.filter.id.run((context, input)).map(unwrap_valr).enumerate() {
            if let Some(stop) = scope.stopped() {
                return Err(stopped(stop, limits));
            }
            if index >= limits.outputs_max {
                return Err(Failure::Record(format!("more than {} outputs for one record", limits.outputs_max)));
            }
            take(output.map_err(|error| Failure::Record(said(error)))?)?;
            scope.look().map_err(|stop| stopped(stop, limits))?;
        }
        scope.stopped().map_or(Ok(()), |stop| Err(stopped(stop, limits)))
    }

    /// The only output; `None` when there is none.
    pub(super) fn one(&self, input: Val, running: &Running) -> Result<Option<Val>, Failure> {
        let mut found = None;
        self.each(input, running, |output| match found.replace(output) {
            None => Ok(()),
            Some(_) => Err(Failure::Record("more than one output where one is wanted".into())),
        })?;
        Ok(found)
    }

    /// The only output for a record as text: strings as they are, anything else as JSON. `what` names it in errors.
    pub(super) fn text_of(
        &self,
        record: &Record,
        running: &Running,
        what: &str,
    ) -> Result<Result<String, RecordError>, StepError> {
        let text = parse(&record.json).and_then(|input| match self.one(input, running)? {
            Some(Val::TStr(text)) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Some(value) => to_json(&value, &running.limits).map(|json| String::from_utf8_lossy(&json).into_owned()),
            None => Err(Failure::Record("it gives nothing".into())),
        });
        match text {
            Ok(text) => Ok(Ok(text)),
            Err(failure) => failure.split(&format!("{what} `{}`", self.text)).map(Err),
        }
    }

    /// Whether the only output is neither `false` nor `null`.
    pub(super) fn holds(&self, input: Val, running: &Running) -> Result<bool, Failure> {
        let output = self.one(input, running)?;
        Ok(output.is_some_and(|output| !matches!(output, Val::Null | Val::Bool(false))))
    }
}

fn stopped(stop: Stop, limits: &Limits) -> Failure {
    match stop {
        Stop::Late => Failure::Endless(format!("it did not end within {} ms", limits.time_max.as_millis())),
        Stop::Deep => Failure::Endless("it calls itself too deeply".into()),
        Stop::Many => Failure::Endless(format!("it takes more than {} turns", scope::TURNS_MAX)),
        Stop::Large => Failure::Record(format!("a value on the way is larger than {} MiB", scope::LOOP_BYTES_MAX >> 20)),
        Stop::Nested => Failure::Record(format!("its values are nested deeper than {} levels", limits.levels_max)),
    }
}

/// The message of an error, cut: jq's errors quote the whole input.
fn said(error: jaq_json::Error) -> String {
    const CHARS_MAX: usize = 300;
    let text = match error.into_val() {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        value => value.to_string(),
    };
    if text.chars().count() <= CHARS_MAX {
        return text;
    }
    text.chars().take(CHARS_MAX).chain("…".chars()).collect()
}

/// Reads a record.
pub(super) fn parse(json: &[u8]) -> Result<Val, Failure> {
    value::parse(json).map_err(Failure::Record)
}

/// Writes a value after what `out` holds, which counts to the limit.
pub(super) fn write(out: &mut Vec<u8>, output: &Val, bytes_max: usize) -> Result<(), Failure> {
    value::write(out, output, bytes_max).map_err(|wrong| {
        Failure::Record(match wrong {
            value::Unwritable::TooDeep => "the result is nested deeper than 127 levels".into(),
            value::Unwritable::TooLarge => format!("the result is larger than {bytes_max} bytes"),
            value::Unwritable::BadKey => "an object of the result has a key that is not a string".into(),
        })
    })
}

/// A value as JSON text.
pub(super) fn to_json(output: &Val, limits: &Limits) -> Result<Bytes, Failure> {
    let mut out = Vec::new();
    write(&mut out, output, limits.bytes_max)?;
    Ok(out.into())
}

/// Whether a JSON text passes. The console filters with it, on its own thread, so it stays small on stack and time.
pub struct Predicate;

impl Predicate {
    /// Compiles an expression; output other than `false`, `null` and errors passes.
    #[expect(clippy::type_complexity, reason = "the console's type, which the shell does not name here")]
    pub fn compile(text: &str) -> Result<Arc<dyn Fn(&[u8]) -> bool + Send + Sync>, String> {
        let program = Program::compile(text)?;
        let given = Given::small();
        Ok(Arc::new(move |json| parse(json).and_then(|input| program.holds(input, &given.begin())).unwrap_or(false)))
    }
}

/// An expression as a key of records: its first output. Computed on the caller's thread, so it stays small like a
/// [`Predicate`].
pub(super) fn key(text: &str) -> Result<KeyOf, String> {
    let program = Program::compile(text)?;
    let given = Given::small();
    Ok(Arc::new(move |record| {
        let value = parse(&record.json).and_then(|input| program.one(input, &given.begin()));
        let json = value.and_then(|value| value.map(|value| to_json(&value, &given.limits)).transpose());
        json.ok().flatten().unwrap_or_default()
    }))
}

/// What is wrong with an expression of the settings.
pub(super) fn mistake(pointer: &str, text: &str) -> Option<flexcore_engine::pipeline::Mistake> {
    let wrong = Program::compile(text).err()?;
    Some(flexcore_engine::pipeline::Mistake::at(pointer, format!("jq `{text}` does not compile: {wrong}")))
}
