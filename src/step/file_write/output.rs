//! The file on the disk: how it comes to be there, whole, and how another attempt goes on with it.

use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    disk::{copy, first_line, folder_of, open, sweep, whole_lines},
    mark::{Mark, digest},
    reserve,
};

/// A file that is being written.
pub(super) struct Output {
    file: File,
    kind: Kind,
    /// Bytes up to the end of the last write that succeeded: a failed one may have left half a line behind it.
    length: u64,
    /// Where this attempt began.
    pub(super) begin: u64,
    /// The first line of a file that is gone on with.
    pub(super) first_line: Option<Vec<u8>>,
    /// What an operator should know of how it was opened.
    pub(super) notice: Option<String>,
    /// A sync failed: what the system then still says of the file proves nothing, and only another attempt helps.
    doubtful: bool,
    shared: Arc<Shared>,
}

enum Kind {
    /// Takes the place of `path` at the end.
    Replace {
        part: PathBuf,
        path: PathBuf,
    },
    Append,
}

/// What the marks of a file need, from whatever thread they are made.
pub(super) struct Shared {
    file: File,
    /// The file's name until it takes its place; `None`: it is appended to.
    part: Option<String>,
    /// Some of it was durable, so that a checkpoint may count on it.
    flushed: AtomicBool,
    /// It has taken its place.
    finished: AtomicBool,
}

impl Shared {
    /// What it takes to go on after so many bytes.
    pub(super) fn mark(&self, bytes: u64) -> io::Result<Option<Mark>> {
        let finished = self.finished.load(Ordering::Acquire) && bytes == self.file.metadata()?.len();
        if self.part.is_some() && bytes == 0 && !finished {
            return Ok(None);
        }
        Ok(Some(Mark { bytes, tail: digest(&self.file, bytes)?, part: self.part.clone(), finished }))
    }
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Somebody else writes it.
    #[error("another run, step or program is writing it: give each its own file, or wait")]
    InUse,
    /// It is not as the checkpoint left it.
    #[error("{0}")]
    Changed(String),
}

/// What is to be written, and from where on.
pub(super) struct Opening<'a> {
    pub(super) path: &'a Path,
    /// The name of the file that takes the place of `path` at the end, unless the mark has one.
    pub(super) part: &'a str,
    pub(super) mark: Option<&'a Mark>,
    /// A pipeline that goes on begins a new file when that of its last run is gone.
    pub(super) goes_on: bool,
}

impl Output {
    pub(super) fn replace(opening: &Opening) -> Result<Self, OpenError> {
        let Opening { path, mark, .. } = *opening;
        if path.is_dir() {
            return Err(io::Error::other("it is a folder").into());
        }
        match mark {
            // Also in a batch: whoever tries a run again whose sources are at their end gets nothing of this a second time.
            Some(mark) if mark.finished => Self::after_end(opening, mark),
            Some(mark) => Self::go_on(opening, mark),
            None => Self::anew(opening),
        }
    }

    /// In the same folder, because only there a rename is atomic. What an attempt of this run left that no checkpoint counts
    /// on is written over.
    fn anew(opening: &Opening) -> Result<Self, OpenError> {
        let part = folder_of(opening.path).join(opening.part);
        let file = open(&part, true)?;
        file.set_len(0)?;
        Ok(Self::of(file, Kind::Replace { part, path: opening.path.into() }, 0, None))
    }

    /// Takes up what the last attempt left unfinished, up to where the checkpoint counts on it.
    fn go_on(opening: &Opening, mark: &Mark) -> Result<Self, OpenError> {
        let path = opening.path;
        let name = mark.part.as_deref().unwrap_or(opening.part);
        let part = folder_of(path).join(name);
        let file = match open(&part, false) {
            Ok(file) => file,
            // It took its place, and nobody could say so any more.
            Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound && mark.is_start_of(path) => {
                copy(path, &part, mark.bytes)?
            }
            Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Err(gone(&part, mark)),
            Err(error) => return Err(error),
        };
        mark.check(&file).map_err(|why| OpenError::Changed(format!("{name} {why}")))?;
        file.set_len(mark.bytes)?;
        Self::resumed(file, Kind::Replace { part, path: path.into() }, mark.bytes)
    }

    /// The file took its place already; what comes is added to a copy of it.
    fn after_end(opening: &Opening, mark: &Mark) -> Result<Self, OpenError> {
        if !mark.is_start_of(opening.path) && !opening.goes_on {
            return Err(gone(opening.path, mark));
        }
        if !mark.is_start_of(opening.path) {
            let mut anew = Self::anew(opening)?;
            anew.notice = Some("the file that the last run made is gone or another one: this run begins a new one".into());
            return Ok(anew);
        }
        let part = folder_of(opening.path).join(opening.part);
        let file = copy(opening.path, &part, mark.bytes)?;
        Self::resumed(file, Kind::Replace { part, path: opening.path.into() }, mark.bytes)
    }

    pub(super) fn append(path: &Path, mark: Option<&Mark>) -> Result<Self, OpenError> {
        let mut file = open(path, true)?;
        let mut notice = None;
        let length = match mark {
            Some(mark) => {
                mark.check(&file).map_err(|why| OpenError::Changed(why.to_string()))?;
                let kept = reserve::kept(&file, mark.bytes)?;
                if let Some((from, upto)) = kept.cut {
                    notice = Some(format!("bytes {from} to {upto} were in no checkpoint and are taken back: they come again"));
                }
                kept.bytes
            }
            None => whole_lines(&mut file)?,
        };
        file.set_len(length)?;
        let mut output = Self::resumed(file, Kind::Append, length)?;
        output.notice = notice;
        Ok(output)
    }

    fn resumed(mut file: File, kind: Kind, length: u64) -> Result<Self, OpenError> {
        let first_line = if length > 0 { Some(first_line(&mut file)?) } else { None };
        file.seek(SeekFrom::Start(length))?;
        Ok(Self::of(file, kind, length, first_line))
    }

    fn of(file: File, kind: Kind, length: u64, first_line: Option<Vec<u8>>) -> Self {
        let part = match &kind {
            Kind::Replace { part, .. } => part.file_name().map(|name| name.to_string_lossy().into_owned()),
            Kind::Append => None,
        };
        let shared = Shared {
            file: file.try_clone().expect("a file that was opened just now can be had twice"),
            part,
            flushed: AtomicBool::new(length > 0),
            finished: AtomicBool::new(false),
        };
        Self { file, kind, length, begin: length, first_line, notice: None, doubtful: false, shared: Arc::new(shared) }
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Where the file ends.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Kind::Append = self.kind {
            reserve::upto(&self.file, self.length + bytes.len() as u64)?;
        }
        if let Err(error) = self.file.write_all(bytes) {
            // The same records come again: what was written of them must not stay.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self, sync: impl Fn(&File) -> io::Result<()>) -> io::Result<()> {
        if self.doubtful {
            return Err(io::Error::other("an earlier sync failed: another attempt has to write this again"));
        }
        let synced = sync(&self.file);
        self.doubtful = synced.is_err();
        synced
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.sync(File::sync_data)?;
        if !self.shared.flushed.load(Ordering::Acquire)
            && let Kind::Replace { part, .. } = &self.kind
        {
            // The file itself must be there, too.
            File::open(folder_of(part))?.sync_all()?;
        }
        self.shared.flushed.store(true, Ordering::Release);
        Ok(())
    }

    /// Everything is durable and visible.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.sync(File::sync_all)?;
        if let Kind::Replace { part, path } = &self.kind {
            let folder = File::open(folder_of(path))?;
            fs::rename(part, path)?;
            folder.sync_all()?;
            sweep(path);
        }
        self.shared.flushed.store(true, Ordering::Release);
        self.shared.finished.store(true, Ordering::Release);
        Ok(())
    }
}

/// What is not finished goes, but for what a checkpoint may count on: the next attempt takes that up. Appended lines stay.
impl Drop for Output {
    fn drop(&mut self) {
        if let (Kind::Replace { part, .. }, false) = (&self.kind, self.shared.flushed.load(Ordering::Acquire)) {
            // It was written for nothing; should it stay, the next file of that name writes over it.
            let _ = fs::remove_file(part);
        }
    }
}

fn gone(part: &Path, mark: &Mark) -> OpenError {
    let (part, bytes) = (part.display(), mark.bytes);
    OpenError::Changed(format!(
        "{part}, in which {bytes} bytes are in a checkpoint, is gone: a later run has put its own file in its place, or somebody \
         removed it. Start a new run instead of trying this one again"
    ))
}
