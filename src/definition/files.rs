//! Pipeline files and folders of them. Every mistake in every file; a file that cannot be read is a mistake like others.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use flexcore_engine::{
    id::PipelineName,
    pipeline::{Mistake, mistake::PlacedMistake},
    port::step::StepTypes,
};

use super::{
    document::{TEXT_BYTES_MAX, place_of_byte},
    load::{Loaded, load},
    places::Place,
    variables::Environment,
};

/// The most files of one call.
pub const FILES_MAX: usize = 1_000;
/// How the names of pipeline files end.
pub const ENDINGS: [&str; 3] = [".pipeline.yaml", ".pipeline.yml", ".pipeline.json"];

/// What became of one file.
#[derive(Debug)]
pub struct FileReport {
    /// The file, as it was named or found.
    pub path: PathBuf,
    /// What is in it; empty when it could not be read.
    pub text: String,
    /// The pipeline, or everything that is wrong with it.
    pub result: Result<Loaded, Vec<PlacedMistake>>,
}

/// A path that cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum BadPath {
    /// Nothing is there, or it may not be read.
    #[error("cannot read {}: {}", path.display(), said(source))]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder without pipeline files.
    #[error("there are no pipeline files in {}: their names end with .pipeline.yaml, .pipeline.yml or .pipeline.json", path.display())]
    NoneThere {
        /// The folder.
        path: PathBuf,
    },
    /// Too many.
    #[error("there are more than {FILES_MAX} pipeline files in {}", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Loads pipeline files, and all that lie in folders (not in folders of these), sorted by path. `Err`: a path was wrong.
pub fn load_paths(paths: &[PathBuf], types: &dyn StepTypes, env: Environment<'_>) -> Result<Vec<FileReport>, BadPath> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(files_of(path)?);
    }
    files.sort();
    files.dedup();
    let mut reports: Vec<FileReport> = files.into_iter().map(|path| report(path, types, env)).collect();
    refuse_same_names(&mut reports);
    Ok(reports)
}

fn files_of(path: &Path) -> Result<Vec<PathBuf>, BadPath> {
    let unreadable = |source| BadPath::Unreadable { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with('.') && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(entry);
        }
        if found.len() > FILES_MAX {
            return Err(BadPath::TooMany { path: path.to_owned() });
        }
    }
    if found.is_empty() { Err(BadPath::NoneThere { path: path.to_owned() }) } else { Ok(found) }
}

fn report(path: PathBuf, types: &dyn StepTypes, env: Environment<'_>) -> FileReport {
    match read(&path) {
        Ok(text) => {
            let result = load(&text, Some(&path), types, env);
            FileReport { path, text, result }
        }
        Err(mistake) => FileReport { path, text: String::new(), result: Err(vec![mistake]) },
    }
}

/// The text of a file. No more is read than a pipeline file may have: the path may be a device without an end.
pub(crate) fn read(path: &Path) -> Result<String, PlacedMistake> {
    use io::Read;
    let whole = |message: String| Place::START.mistake(Mistake::at("", message));
    let cannot = |error: io::Error| whole(format!("this file cannot be read: {}", said(&error)));
    let metadata = fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(whole("this is not a file".into()));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(cannot)?;
    file.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > TEXT_BYTES_MAX {
        let message = format!("the file has {} KiB; the most is {} KiB", metadata.len() >> 10, TEXT_BYTES_MAX >> 10);
        return Err(Place::START.mistake(Mistake::at("", message).hint("records belong into files of their own")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        place_of_byte(&before, good).mistake(Mistake::at("", "the file is not UTF-8").hint("save it as UTF-8"))
    })
}

fn refuse_same_names(reports: &mut [FileReport]) {
    let mut first: BTreeMap<PipelineName, PathBuf> = BTreeMap::new();
    for report in reports {
        let Ok(loaded) = &report.result else { continue };
        let name = loaded.definition.name.clone();
        match first.get(&name) {
            None => drop(first.insert(name, report.path.clone())),
            Some(other) => {
                let message = format!("the pipeline `{name}` stands in {}, too", other.display());
                report.result = Err(vec![place_of_name(&report.text).mistake(Mistake::at("/name", message))]);
            }
        }
    }
}

fn place_of_name(text: &str) -> Place {
    let document = super::document::read(text).ok();
    let placed = document.map(|document| document.places.place(Mistake::at("/name", "")));
    placed.map_or(Place::START, |placed| Place { line: placed.line, column: placed.column })
}
