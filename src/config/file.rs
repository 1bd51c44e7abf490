//! The settings file: YAML, sections as maps. What is wrong names its line.

use std::{fs, path::Path};

use flexcore_engine::pipeline::{Mistake, mistake::PlacedMistake};
use serde_json::Value;

use super::Layers;
use crate::definition::document::{self, Document};

/// Lays a file's settings over what is there.
pub fn read(path: &Path, layers: &mut Layers) {
    let name = path.display();
    match fs::read_to_string(path) {
        Err(error) => layers.wrong(format!("cannot read the settings file {name}: {error}")),
        Ok(text) => match document::read(&text) {
            Err(mistake) => layers.wrong(located(path, &mistake)),
            Ok(document) => lay(path, &document, layers),
        },
    }
}

fn lay(path: &Path, document: &Document, layers: &mut Layers) {
    for mistake in &document.mistakes {
        layers.wrong(located(path, mistake));
    }
    section(path, document, layers, "", "", &document.value);
}

fn section(path: &Path, document: &Document, layers: &mut Layers, name: &str, pointer: &str, value: &Value) {
    let place = document.places.place(Mistake::at(pointer, String::new()));
    let origin = format!("{}:{}:{}", path.display(), place.line, place.column);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                section(path, document, layers, &name, &format!("{pointer}/{key}"), value);
            }
        }
        Value::Null if name.is_empty() => {}
        Value::Array(_) => layers.wrong(format!("{origin}: setting `{name}` is a list; it takes one value")),
        Value::String(text) => layers.set(name, text.clone(), origin),
        leaf => layers.set(name, leaf.to_string(), origin),
    }
}

fn located(path: &Path, placed: &PlacedMistake) -> String {
    format!("{}:{}:{}: {}", path.display(), placed.line, placed.column, placed.mistake)
}
