//! Taking over pipeline files at start: new ones are created and activated, changed ones revised.
//!
//! A file that is as it was when it was last taken over changes nothing: what operators did since, such as going back to
//! an earlier revision at night, must outlive a restart. What they paused or archived stays so, and a pipeline whose file
//! is gone stays as it is. Which revision each file was last is kept in the data directory, in the file `adopted`.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use flexcore_engine::{
    aggregate::Rejection,
    command::{Command, PipelineCommand},
    handle::Refusal,
    id::{PipelineName, Revision},
    projection::board::PipelineState,
};

use crate::{compose::App, definition::Loaded};

/// Why pipeline files were not taken over.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The engine does not do it.
    #[error("cannot take over pipeline `{name}`")]
    Refused {
        /// Which.
        name: PipelineName,
        /// Why.
        source: Refusal,
    },
    /// What was taken over cannot be remembered.
    #[error("cannot keep in {} what was taken over", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The revision that each pipeline's file had when it was last taken over.
type Adopted = BTreeMap<PipelineName, Revision>;

impl App {
    /// Takes over pipelines of files.
    pub async fn adopt(&self, pipelines: Vec<Loaded>) -> Result<(), AdoptError> {
        let record = self.data_folder().map(|folder| folder.join("adopted"));
        let mut adopted = record.as_deref().map(read).unwrap_or_default();
        let before = adopted.clone();
        for pipeline in pipelines {
            let (name, revision) = (pipeline.definition.name.clone(), pipeline.revision);
            let is_as_it_was = adopted.get(&name) == Some(&revision);
            let done = self.adopt_one(pipeline, is_as_it_was).await;
            done.map_err(|source| AdoptError::Refused { name: name.clone(), source })?;
            adopted.insert(name, revision);
        }
        match record {
            Some(path) if adopted != before => write(&path, &adopted).map_err(|source| AdoptError::Record { path, source }),
            _ => Ok(()),
        }
    }

    async fn adopt_one(&self, loaded: Loaded, is_as_it_was: bool) -> Result<(), Refusal> {
        let name = loaded.definition.name.clone();
        let known = name.clone();
        let standing = |row: &flexcore_engine::projection::board::PipelineRow| (row.state, row.current().revision);
        let known = self.engine.view(move |models| models.board.pipelines.get(&known).map(standing)).await;
        let Loaded { definition, revision, source, .. } = loaded;
        let state = known.map(|(state, _)| state);
        match known {
            Some((PipelineState::Archived, _)) => {
                tracing::warn!(pipeline = %name, "it is archived and stays so; restore it to run its file again");
                return Ok(());
            }
            Some((_, current)) if current == revision => {}
            Some(_) if is_as_it_was => {
                tracing::info!(pipeline = %name, "its file is as before; the revision that was made since stays");
            }
            Some(_) => self.change(&name, PipelineCommand::Revise { revision, definition, source, expected: None }).await?,
            None => self.change(&name, PipelineCommand::Create { revision, definition, source }).await?,
        }
        if matches!(state, None | Some(PipelineState::Draft)) {
            self.change(&name, PipelineCommand::Activate).await?;
        }
        Ok(())
    }

    /// Makes a pipeline what a file says, for a run by hand: nothing is activated, and nothing else is touched.
    pub async fn define(&self, loaded: Loaded) -> Result<PipelineName, Refusal> {
        let Loaded { definition, revision, source, .. } = loaded;
        let name = definition.name.clone();
        let known = name.clone();
        let current = self.engine.view(move |models| models.board.pipelines.get(&known).map(|row| row.current().revision)).await;
        match current {
            None => self.change(&name, PipelineCommand::Create { revision, definition, source }).await?,
            Some(current) if current == revision => {}
            Some(_) => self.change(&name, PipelineCommand::Revise { revision, definition, source, expected: None }).await?,
        }
        Ok(name)
    }

    async fn change(&self, name: &PipelineName, command: PipelineCommand) -> Result<(), Refusal> {
        match self.submit(Command::Pipeline(name.clone(), command)).await {
            Ok(_) | Err(Refusal::Rejected(Rejection::Unchanged(_))) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }
}

/// Without a record every file counts as changed, which costs a revision at most where an operator made one, too.
fn read(path: &Path) -> Adopted {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Adopted::new(),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "which files were taken over before cannot be read");
            return Adopted::new();
        }
    };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::warn!(%error, path = %path.display(), "which files were taken over before cannot be understood");
        Adopted::new()
    })
}

fn write(path: &Path, adopted: &Adopted) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut file = File::create(&unfinished)?;
    serde_json::to_writer_pretty(&mut file, adopted)?;
    file.flush()?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}
