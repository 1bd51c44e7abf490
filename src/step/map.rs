//! `map`: filter records and make new ones of them, by jq. Each field is a filter of its own and the object is written as
//! text: building the object inside jq costs more than all the fields together.

use std::collections::BTreeMap;

use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, Outcome, Record, StepContext, StepError, StepKind, Transform},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map as Fields, Value};

use super::{
    jq::{self, Failure, Given, Program, Running},
    json,
    spec::Spec,
    thread::Thread,
};

/// Settings of `map`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// jq: records for which this is false, null or nothing are dropped.
    #[serde(default)]
    filter: Option<String>,
    /// The fields of the new record, each a jq expression. An expression without output leaves its field out.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    fields: Fields<String, Value>,
    /// One jq expression for the whole record; every output becomes a record.
    #[serde(default)]
    expr: Option<String>,
}

/// `map`.
pub(super) struct Map;

impl Spec for Map {
    type With = With;
    const NAME: &'static str = "map";
    const KIND: StepKind = StepKind::Transform;
    const SUMMARY: &'static str = "Filter records and make new ones of them, by jq";
    const PARALLEL: bool = true;

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found = Vec::new();
        if with.filter.is_none() && with.fields.is_empty() && with.expr.is_none() {
            found.push(Mistake::at("", "`map` does nothing").hint("give `filter`, `fields` or `expr`"));
        }
        if !with.fields.is_empty() && with.expr.is_some() {
            found.push(Mistake::at("/expr", "`fields` and `expr` exclude each other").hint("remove one of them"));
        }
        found.extend(with.filter.as_ref().and_then(|text| jq::mistake("/filter", text)));
        found.extend(with.expr.as_ref().and_then(|text| jq::mistake("/expr", text)));
        found.extend(with.fields.iter().filter_map(|(name, expression)| field_mistake(name, expression)));
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let given = Given::of(&context);
            let mapping = tokio::task::spawn_blocking(|| Mapping::compile(with)).await;
            let mapping = mapping.map_err(|_| StepError::permanent("compiling the expressions failed"))??;
            let thread = Thread::start("map", move |records: Vec<Record>| mapping.apply_all(&records, &given.begin()))?;
            Ok(BuiltStep::Transform(Box::new(OnThread { thread })))
        })
    }
}

fn field_mistake(name: &str, expression: &Value) -> Option<Mistake> {
    let pointer = format!("/fields/{}", name.replace('~', "~0").replace('/', "~1"));
    expression.as_str().and_then(|text| jq::mistake(&pointer, text))
}

/// A transform whose work is done on its thread.
pub(super) struct OnThread {
    pub(super) thread: Thread<Vec<Record>, Result<Vec<Outcome>, StepError>>,
}

impl Transform for OnThread {
    fn apply<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Vec<Outcome>, StepError>> {
        Box::pin(async { self.thread.ask(records.to_vec()).await? })
    }
}

/// The compiled expressions.
struct Mapping {
    filter: Option<Program>,
    shape: Shape,
}

enum Shape {
    Same,
    Whole(Program),
    Fields(Vec<Field>),
}

struct Field {
    name: String,
    /// `{"name":` or `,"name":` is written at once.
    key: Vec<u8>,
    program: Program,
}

impl Mapping {
    fn compile(with: With) -> Result<Self, StepError> {
        let filter = with.filter.map(|text| Program::build(&text)).transpose()?;
        let shape = match with.expr {
            Some(text) => Shape::Whole(Program::build(&text)?),
            None if with.fields.is_empty() => Shape::Same,
            None => Shape::Fields(with.fields.into_iter().map(Field::compile).collect::<Result<_, _>>()?),
        };
        Ok(Self { filter, shape })
    }

    fn apply_all(&self, records: &[Record], running: &Running) -> Result<Vec<Outcome>, StepError> {
        let mut scratch = Vec::new();
        records.iter().map(|record| self.apply(record, running, &mut scratch)).collect()
    }

    fn apply(&self, record: &Record, running: &Running, scratch: &mut Vec<u8>) -> Result<Outcome, StepError> {
        let input = match jq::parse(&record.json) {
            Ok(input) => input,
            Err(failure) => return failure.split("map").map(Outcome::Reject),
        };
        if let Some(filter) = &self.filter {
            match filter.holds(input.clone(), running) {
                Ok(true) => {}
                Ok(false) => return Ok(Outcome::Drop),
                Err(failure) => return failure.split(&format!("filter `{}`", filter.text())).map(Outcome::Reject),
            }
        }
        match &self.shape {
            Shape::Same => Ok(Outcome::Keep(record.clone())),
            Shape::Whole(program) => whole(program, record, input, running),
            Shape::Fields(fields) => fields_of(fields, record, &input, running, scratch),
        }
    }
}

impl Field {
    fn compile((name, expression): (String, Value)) -> Result<Self, StepError> {
        let mut key = Vec::new();
        json::write_str(&mut key, &name);
        key.push(b':');
        Ok(Self { key, program: Program::build(expression.as_str().unwrap_or_default())?, name })
    }

    fn reject(&self, failure: Failure) -> Result<Outcome, StepError> {
        failure.split(&format!("field `{}`", self.name)).map(Outcome::Reject)
    }
}

fn fields_of(
    fields: &[Field],
    record: &Record,
    input: &jq::Val,
    running: &Running,
    out: &mut Vec<u8>,
) -> Result<Outcome, StepError> {
    out.clear();
    out.push(b'{');
    for field in fields {
        let value = match field.program.one(input.clone(), running) {
            Ok(Some(value)) => value,
            Ok(None) => continue,
            Err(failure) => return field.reject(failure),
        };
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&field.key);
        if let Err(failure) = jq::write(out, &value, running.limits.bytes_max) {
            return field.reject(failure);
        }
    }
    out.push(b'}');
    Ok(Outcome::Keep(Record { json: bytes::Bytes::copy_from_slice(out), origin: record.origin.clone() }))
}

fn whole(program: &Program, record: &Record, input: jq::Val, running: &Running) -> Result<Outcome, StepError> {
    let (mut made, mut bytes) = (Vec::new(), 0);
    let done = program.each(input, running, |output| {
        let mut json = Vec::new();
        jq::write(&mut json, &output, running.limits.bytes_max.saturating_sub(bytes))?;
        bytes += json.len();
        made.push(Record { json: json.into(), origin: record.origin.clone() });
        Ok(())
    });
    if let Err(failure) = done {
        return failure.split(&format!("expr `{}`", program.text())).map(Outcome::Reject);
    }
    Ok(match made.len() {
        0 => Outcome::Drop,
        1 => made.pop().map_or(Outcome::Drop, Outcome::Keep),
        _ => Outcome::Many(made),
    })
}
