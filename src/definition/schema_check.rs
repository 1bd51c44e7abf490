//! A JSON value against a JSON Schema, with every mistake in plain words. Schemas are what the step types and the pipeline
//! file already have for editors; checking by the same schema means that an editor and `flexcore check` never disagree.

use std::str::FromStr;

use flexcore_engine::{
    pipeline::Mistake,
    unit::{ByteSize, Duration},
};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

mod choice;
mod words;

use words::{Expected, noun_of, said};

/// How a mistake about a key itself begins; its place is the key, not the value.
pub const UNKNOWN_KEY: &str = "unknown key";

/// The most mistakes of one check; more than these help nobody.
const MISTAKES_MAX: usize = 100;

/// Everything in `instance` that `schema` does not allow. Pointers start at the instance.
pub fn schema_mistakes(schema: &Value, instance: &Value) -> Vec<Mistake> {
    match SchemaCheck::new(schema.clone()) {
        Ok(check) => check.mistakes(instance),
        Err(reason) => vec![Mistake::at("", format!("the schema to check this by is itself wrong: {reason}"))],
    }
}

/// A schema made ready, for checks that happen often.
pub struct SchemaCheck {
    schema: Value,
    validator: Validator,
}

impl SchemaCheck {
    /// Makes a schema ready. `Err`: what is wrong with the schema.
    pub fn new(schema: Value) -> Result<Self, String> {
        let schema = bounded(schema);
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .with_format("flexcore-duration", |text| Duration::from_str(text).is_ok())
            .with_format("flexcore-size", |text| ByteSize::from_str(text).is_ok())
            .with_keyword(WHOLE, |_, _, _| Ok(Box::new(Whole)))
            .build(&schema)
            .map_err(|error| error.to_string())?;
        Ok(Self { schema, validator })
    }

    /// Everything in `instance` that the schema does not allow.
    pub fn mistakes(&self, instance: &Value) -> Vec<Mistake> {
        let errors = self.validator.iter_errors(instance);
        let findings = errors.take(MISTAKES_MAX).flat_map(|error| self.findings(&error));
        let mut mistakes: Vec<Mistake> = Vec::new();
        for mistake in findings.map(|finding| finding.into_mistake(instance)) {
            if !mistakes.contains(&mistake) {
                mistakes.push(mistake);
            }
        }
        mistakes
    }

    fn findings(&self, error: &ValidationError<'_>) -> Vec<Finding> {
        use jsonschema::error::ValidationErrorKind as Kind;
        let at = error.instance_path().to_string();
        let node = self.node_of(error);
        match error.kind() {
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                unexpected.iter().map(|key| unknown_key(&at, key, &known_keys(node))).collect()
            }
            Kind::Required { property } => vec![missing_key(&at, property.as_str().unwrap_or_default(), node)],
            Kind::Type { .. } | Kind::Custom { .. } => vec![Finding::Expected(at, Expected::of_node(node))],
            Kind::Enum { options } => vec![Finding::Expected(at, Expected::of_options(options))],
            Kind::Constant { expected_value } => vec![Finding::Expected(at, Expected::of_option(expected_value))],
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                choice::best(&at, context.iter().map(|branch| self.branch(branch)).collect())
            }
            _ => vec![Finding::Other(Mistake::at(at, words::sentence(error, node)))],
        }
    }

    fn branch(&self, errors: &[ValidationError<'static>]) -> Vec<Finding> {
        errors.iter().flat_map(|error| self.findings(error)).collect()
    }

    /// The schema node whose keyword refused.
    fn node_of(&self, error: &ValidationError<'_>) -> &Value {
        let path = error.schema_path().to_string();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        node_at(&self.schema, parent)
    }
}

fn known_keys(node: &Value) -> Vec<&str> {
    node["properties"].as_object().into_iter().flat_map(|map| map.keys().map(String::as_str)).collect()
}

/// Follows a pointer through a schema, and through its references where the pointer does not name them.
fn node_at<'a>(schema: &'a Value, pointer: &str) -> &'a Value {
    pointer.split('/').skip(1).fold(schema, |node, part| {
        let key = part.replace("~1", "/").replace("~0", "~");
        let here = resolved(schema, node);
        let next = node.get(&key).or_else(|| here.get(&key)).or_else(|| here.get(key.parse::<usize>().ok()?));
        next.unwrap_or(&Value::Null)
    })
}

fn resolved<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    let target = node["$ref"].as_str().and_then(|reference| schema.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(node)
}

/// Marks what must be written without a fraction: to JSON Schema `3.0` is an integer, to Rust it is none.
const WHOLE: &str = "x-flexcore-whole";

struct Whole;

impl<'i> jsonschema::Keyword<'i> for Whole {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) { Ok(()) } else { Err(ValidationError::custom("not a whole number")) }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        instance.as_number().is_none_or(|number| !number.is_f64() || number.as_f64().is_some_and(|it| it.fract() != 0.0))
    }
}

/// Whole numbers of Rust have bounds that a derived schema tells by its `format` only.
fn bounded(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(map) => {
            let limit = match map.get("format").and_then(Value::as_str) {
                Some("uint8") => Some(u64::from(u8::MAX)),
                Some("uint16") => Some(u64::from(u16::MAX)),
                Some("uint32") => Some(u64::from(u32::MAX)),
                _ => None,
            };
            if let Some(limit) = limit {
                map.entry("maximum").or_insert(limit.into());
            }
            if map.get("type").is_some_and(is_whole) {
                map.insert(WHOLE.to_owned(), true.into());
            }
            map.values_mut().for_each(|value| *value = bounded(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = bounded(value.take())),
        _ => {}
    }
    schema
}

fn is_whole(json_type: &Value) -> bool {
    let names = json_type.as_array().map_or(std::slice::from_ref(json_type), Vec::as_slice);
    names.iter().any(|name| name == "integer") && !names.iter().any(|name| name == "number")
}

/// One thing wrong; what was expected is kept apart until all branches of a choice are known.
enum Finding {
    Expected(String, Expected),
    Missing(Mistake),
    Unknown(Mistake),
    Other(Mistake),
}

impl Finding {
    fn pointer(&self) -> &str {
        match self {
            Self::Expected(at, _) => at,
            Self::Missing(mistake) | Self::Unknown(mistake) | Self::Other(mistake) => &mistake.pointer,
        }
    }

    fn into_mistake(self, instance: &Value) -> Mistake {
        match self {
            Self::Expected(at, expected) => {
                let given = instance.pointer(&at).unwrap_or(&Value::Null);
                expected.mistake(at, given)
            }
            Self::Missing(mistake) | Self::Unknown(mistake) | Self::Other(mistake) => mistake,
        }
    }
}

fn unknown_key(at: &str, key: &str, known: &[&str]) -> Finding {
    let mistake = Mistake::at(format!("{at}/{}", escaped(key)), format!("{UNKNOWN_KEY} `{}`", words::cut(key)));
    let near = mistake.did_you_mean(key, known.iter().copied());
    Finding::Unknown(match near.hint {
        Some(_) => near,
        None if known.is_empty() => near.hint("no keys are known here"),
        None => near.hint(format!("known are {}", said(known))),
    })
}

fn missing_key(at: &str, key: &str, node: &Value) -> Finding {
    let property = &node["properties"][key];
    let mistake = Mistake::at(at, format!("`{key}` is missing"));
    let about = property["description"].as_str().and_then(|text| text.lines().next());
    Finding::Missing(match about.map(|line| line.trim_end_matches('.')).filter(|line| !line.is_empty()) {
        Some(line) => mistake.hint(format!("{key}: {}", words::uncapitalised(line))),
        None => match noun_of(property) {
            Some(noun) => mistake.hint(format!("{key}: {noun}")),
            None => mistake,
        },
    })
}

/// A key as a part of a JSON pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
