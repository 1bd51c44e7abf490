use flexcore_engine::{
    id::StepName,
    port::{
        BoxFuture,
        step::{BuiltStep, KeyOf, StepContext, StepError, StepKind, StepType},
    },
};

use super::*;
use crate::definition::schema_mistakes;

/// Three step types whose settings matter to nobody; only the check is under test.
struct Types(Vec<StepType>);

fn types() -> Types {
    let step_type = |name, kind| StepType {
        parallel: true,
        name,
        kind,
        summary: "",
        schema: json!({"type": "object", "properties": {"path": {"type": "string"}}, "additionalProperties": false}),
    };
    Types(vec![step_type("read", StepKind::Source), step_type("change", StepKind::Transform), step_type("keep", StepKind::Sink)])
}

impl StepTypes for Types {
    fn list(&self) -> &[StepType] {
        &self.0
    }

    fn check(&self, step: &Step) -> Vec<Mistake> {
        let schema = self.find(&step.uses).map(|step_type| &step_type.schema);
        schema.map_or_else(Vec::new, |schema| schema_mistakes(schema, &Value::Object(step.settings.clone())))
    }

    fn targets(&self, _: &Step) -> Vec<StepName> {
        Vec::new()
    }

    fn key(&self, _: &str) -> Result<KeyOf, String> {
        Err("there are no keys here".into())
    }

    fn build<'a>(&'a self, _: &'a Step, _: StepContext) -> BoxFuture<'a, Result<BuiltStep, StepError>> {
        Box::pin(async { Err(StepError::permanent("only checked here")) })
    }
}

fn env(name: &str) -> Option<String> {
    (name == "DIR").then(|| "/data".to_owned())
}

fn told(text: &str) -> Vec<String> {
    let result = load(text, None, &types(), &env);
    let mistakes = result.err().unwrap_or_default();
    mistakes.iter().map(|placed| format!("{}:{}: {}", placed.line, placed.column, placed.mistake)).collect()
}

const GOOD: &str = "name: p\nsteps:\n  - {name: a, uses: read, with: {path: \"${DIR}/x\"}}\n  - {name: b, uses: keep}\n";

#[test]
fn what_is_not_there_yet_is_told_as_that_and_not_as_a_misspelling() {
    let text = "name: p\ntriggers:\n  - queue: q\n  - intervall: 1m\nsteps:\n  - {name: a, uses: read, limits: {fuel: 1}}\n  - {name: b, uses: keep}\n";
    let wrong = [
        "3:5: unknown key `queue`: there is no such trigger (there are `cron` and `interval`; a run is also started by hand)",
        "4:5: unknown key `intervall` (did you mean `interval`?)",
        "6:27: unknown key `limits`: it bounds the code of a plugin, and no step type here runs one (leave `limits` out; `timeout` bounds the time of any step)",
    ];
    assert_eq!(told(text), wrong);
}

#[test]
fn a_good_file_is_its_definition_with_variables_filled_and_its_text_as_written() {
    let loaded = load(GOOD, Some(Path::new("/srv/p.pipeline.yaml")), &types(), &env).unwrap();
    assert_eq!(loaded.definition.steps[0].settings["path"], "/data/x");
    assert_eq!(&*loaded.source.text, GOOD);
    assert_eq!(loaded.source.path.as_deref(), Some("/srv/p.pipeline.yaml"));
    assert_eq!(&*loaded.source.folder, "/srv");
    assert_eq!(loaded.revision, revision::of(&loaded.definition));
}

#[test]
fn mistakes_of_every_kind_are_told_together_by_place() {
    let text = "name: p\ntimeout: 5\nsteps:\n  - {name: a, uses: read, with: {pth: x}}\n  - {name: b, uses: kep, retry: {attempts: x}}\n";
    assert_eq!(
        told(text),
        [
            "2:10: expected a duration like 30s, found the number 5 (add the unit: 5s or 5m)",
            "4:34: unknown key `pth` (did you mean `path`?)",
            "5:21: there is no step type `kep` (did you mean `keep`? there are: read, change, keep)",
            "5:44: expected a whole number, found the text `x`",
        ]
    );
}

#[test]
fn settings_are_checked_although_the_graph_cannot_be_drawn() {
    let told = told("name: p\nsteps:\n  - {uses: read, with: {pth: x}}\n");
    assert_eq!(told, ["3:5: `name` is missing (name: unique in the pipeline)", "3:25: unknown key `pth` (did you mean `path`?)"]);
}

#[test]
fn a_variable_that_is_not_set_is_told_once_at_its_place() {
    let told = told("name: p\nsteps:\n  - {name: a, uses: read, with: {path: \"${NONE}\"}}\n  - {name: b, uses: keep}\n");
    assert_eq!(told, ["3:40: the variable `NONE` is not set (set it, or give a default: ${NONE:-…})"]);
}

#[test]
fn keys_of_the_first_flexcore_are_told_with_todays() {
    let text = "name: p\nsteps:\n  - name: a\n    type: read\n    config: {}\n  - name: b\n    uses: keep\n    depends_on: [a]\n    is_enabled: true\n";
    assert_eq!(
        told(text),
        [
            "4:5: unknown key `type` (a step's type is `uses` today)",
            "5:5: unknown key `config` (a step's settings are `with` today)",
            "8:5: unknown key `depends_on` (`depends_on` is `needs` today)",
            "9:5: unknown key `is_enabled` (`is_enabled` is `enabled` today)",
        ]
    );
}

#[test]
fn a_file_that_is_a_list_or_a_word_is_told_so() {
    assert_eq!(told("- a\n"), ["1:1: expected a map, found a list"]);
    assert_eq!(told("hello"), ["1:1: expected a map, found the text `hello`"]);
    assert_eq!(told("# nothing\n"), ["1:1: the file is empty (a pipeline needs at least `name` and `steps`)"]);
}

#[test]
fn of_very_many_mistakes_the_first_are_told_and_the_others_counted() {
    let keys: String = (0..5_000).map(|n| format!("k{n}: 1\n")).collect::<Vec<_>>().concat();
    let told = told(&keys);
    assert_eq!(told.len(), MISTAKES_MAX);
    assert!(told[MISTAKES_MAX - 1].starts_with("98:1: and 4903 more mistakes"), "{}", told[MISTAKES_MAX - 1]);
}
