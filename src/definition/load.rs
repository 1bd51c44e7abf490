//! A pipeline file's text, checked whole. Nothing stops at the first mistake: what cannot be understood is left out, and the
//! rest is checked as if it were not there.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use flexcore_engine::{
    event::pipeline::Source,
    id::Revision,
    pipeline::{
        Definition, Mistake, Plan, Step,
        definition::STEPS_MAX,
        mistake::{PlacedMistake, nearest},
        revision,
    },
    port::step::StepTypes,
};
use serde_json::{Value, json};

use super::{
    document::{self, Document},
    legacy,
    places::Places,
    schema_check::SchemaCheck,
    variables::{self, Environment},
    waiting,
};

/// The most mistakes told of one file; the last one says how many more there are.
pub const MISTAKES_MAX: usize = 100;

/// A pipeline file without mistakes.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it does, variables filled in.
    pub definition: Arc<Definition>,
    /// Names the content.
    pub revision: Revision,
    /// As written.
    pub source: Source,
    /// The graph.
    pub plan: Plan,
}

static DEFINITION: LazyLock<SchemaCheck> = LazyLock::new(|| {
    let schema = serde_json::to_value(schemars::schema_for!(Definition)).expect("a derived schema is JSON");
    SchemaCheck::new(schema).expect("a derived schema is a schema")
});

/// Reads and checks a pipeline file. `path` names the folder that relative paths start from; without it that is the folder
/// this process runs in. `Err`: every mistake, by place, none twice.
pub fn load(text: &str, path: Option<&Path>, types: &dyn StepTypes, env: Environment<'_>) -> Result<Loaded, Vec<PlacedMistake>> {
    let Document { mut value, places, mistakes: mut placed, mut unread } =
        document::read(text).map_err(|mistake| vec![mistake])?;
    let unfilled = variables::fill(&mut value, env);
    unread.extend(unfilled.iter().map(|mistake| mistake.pointer.clone()));
    let mut mistakes = waiting::explained(legacy::explained(DEFINITION.mistakes(&value)));
    let checked = graph(&value, &mut mistakes, types);
    // A value that could not be read or filled is told once; what stands for it has no meaning to complain about.
    mistakes.retain(|mistake| !unread.contains(&mistake.pointer));
    mistakes.extend(unfilled);
    placed.extend(mistakes.into_iter().map(|mistake| places.place(mistake)));
    match checked {
        Some((definition, plan)) if placed.is_empty() => Ok(loaded(definition, plan, text, path)),
        _ => Err(sorted(placed, &places)),
    }
}

fn loaded(definition: Definition, plan: Plan, text: &str, path: Option<&Path>) -> Loaded {
    let source = Source {
        text: text.into(),
        path: path.map(|path| path.to_string_lossy().into()),
        folder: folder_of(path).to_string_lossy().into(),
    };
    Loaded { revision: revision::of(&definition), definition: Arc::new(definition), source, plan }
}

/// The folder that relative paths start from.
pub fn folder_of(path: Option<&Path>) -> PathBuf {
    let parent = path.and_then(Path::parent).filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn sorted(mut placed: Vec<PlacedMistake>, places: &Places) -> Vec<PlacedMistake> {
    if placed.is_empty() {
        // The types and their schema disagree: an author cannot mend that, but must not be told that all is well.
        placed.push(places.place(Mistake::at("", "this pipeline cannot be read, although it fits the schema")));
    }
    placed.sort_by(|a, b| (a.line, a.column, &a.mistake.message).cmp(&(b.line, b.column, &b.mistake.message)));
    placed.dedup_by(|a, b| (a.line, a.column, &a.mistake.message) == (b.line, b.column, &b.mistake.message));
    if placed.len() > MISTAKES_MAX {
        let more = placed.split_off(MISTAKES_MAX - 1);
        let message = format!("and {} more mistakes from here on", more.len());
        placed.push(PlacedMistake { mistake: Mistake::at("", message), ..more[0].clone() });
    }
    placed
}

/// What the step types say of the settings; steps that are not understood otherwise are checked all the same.
fn settings_mistakes(value: &Value, types: &dyn StepTypes) -> Vec<Mistake> {
    let steps = value["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let each = steps.iter().take(STEPS_MAX).enumerate();
    each.flat_map(|(index, step)| {
        let at = format!("/steps/{index}");
        let Some(uses) = step["uses"].as_str() else { return Vec::new() };
        match (types.find(uses), with_only(step)) {
            (None, _) => vec![unknown_type(&at, uses, types)],
            (Some(_), Some(step)) => types.check(&step).into_iter().map(|mistake| below(&at, mistake)).collect(),
            (Some(_), None) => Vec::new(),
        }
    })
    .collect()
}

/// A step of which only the type and the settings count.
fn with_only(step: &Value) -> Option<Step> {
    let settings = step.get("with").cloned().unwrap_or_else(|| json!({}));
    serde_json::from_value(json!({"name": "step", "uses": step["uses"], "with": settings})).ok()
}

fn below(step: &str, mistake: Mistake) -> Mistake {
    Mistake { pointer: format!("{step}/with{}", mistake.pointer), ..mistake }
}

fn unknown_type(at: &str, uses: &str, types: &dyn StepTypes) -> Mistake {
    let names: Vec<&str> = types.list().iter().map(|step_type| step_type.name).collect();
    let there = format!("there are: {}", names.join(", "));
    let hint = match nearest(uses, names) {
        Some(word) => format!("did you mean `{word}`? {there}"),
        None => there,
    };
    Mistake::at(format!("{at}/uses"), format!("there is no step type `{uses}`")).hint(hint)
}

/// The definition and its graph. Where the schema found mistakes, what is left is checked for mistakes of the graph, unless
/// what is wrong shapes the graph itself.
fn graph(value: &Value, mistakes: &mut Vec<Mistake>, types: &dyn StepTypes) -> Option<(Definition, Plan)> {
    let sound = without(value.clone(), mistakes).map(serde_json::from_value::<Definition>);
    let result = match sound {
        Some(Ok(definition)) => Plan::of(&definition, types).map(|plan| (definition, plan)).map_err(causes),
        Some(Err(error)) if mistakes.is_empty() => Err(vec![Mistake::at("", format!("this pipeline cannot be read: {error}"))]),
        // Plan::of checks the settings, too; without a graph they are checked all the same.
        Some(Err(_)) | None => Err(settings_mistakes(value, types)),
    };
    result.map_err(|more| mistakes.extend(more)).ok()
}

/// Without the mistakes that follow from others: a step that is misspelt somewhere seems to be unused, and a step of an
/// unknown type seems to break every rule of kinds.
fn causes(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let part = |mistake: &Mistake| {
        let mut parts = mistake.pointer.split('/').skip(1);
        (parts.next() == Some("steps")).then(|| (parts.next(), parts.next().unwrap_or_default().to_owned()).1)
    };
    let any = |wanted: &[&str]| mistakes.iter().filter_map(part).any(|part| wanted.contains(&part.as_str()));
    let wiring_is_wrong = any(&["name", "uses", "needs"]) || mistakes.iter().any(names_no_step);
    let type_is_unknown = any(&["uses"]);
    mistakes.retain(|mistake| match part(mistake).as_deref() {
        Some("") => !wiring_is_wrong,
        Some("batch" | "on_error" | "rate") => !type_is_unknown,
        _ => true,
    });
    mistakes
}

fn names_no_step(mistake: &Mistake) -> bool {
    mistake.pointer.ends_with("/with") && mistake.message.contains("there is no such step")
}

/// The document without the values that are wrong. `None`: without them it would have another graph.
fn without(mut value: Value, mistakes: &[Mistake]) -> Option<Value> {
    for mistake in mistakes {
        let mut parts = mistake.pointer.split('/').skip(1);
        let shapes_graph = match (parts.next(), parts.next(), parts.next()) {
            // Settings are kept: a variable that is not set is no reason to complain that the setting is missing.
            (Some("steps"), _, Some("with")) if parts.next().is_some() => continue,
            (Some("steps"), _, field) => matches!(field, None | Some("name" | "uses" | "needs" | "enabled")),
            (first, ..) => first.is_none(),
        };
        if shapes_graph {
            return None;
        }
        remove(&mut value, &mistake.pointer);
    }
    Some(value)
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        // An entry that is taken out of a list would move the places of those after it.
        Some(Value::Array(_)) => remove(value, parent),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
