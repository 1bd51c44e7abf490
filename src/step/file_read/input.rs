//! Finding and opening files, and going on where an earlier attempt stopped, unless the file is another one by now.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use flexcore_engine::{
    id::Revision,
    port::step::{StepContext, StepError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Compression;

/// The most files of one glob.
const FILES_MAX: usize = 10_000;
/// So much of a file's beginning tells it from another one.
const HEAD_BYTES_MAX: u64 = 4 << 10;

/// The files of a path or glob, in alphabetical order.
pub(super) fn find(path: &str, folder: &Path) -> Result<Vec<PathBuf>, StepError> {
    let whole = folder.join(path);
    // A pipe or a device is read when it is named as such; a glob takes only files.
    if whole.metadata().is_ok_and(|metadata| !metadata.is_dir()) {
        return Ok(vec![whole]);
    }
    let pattern = PathBuf::from(glob::Pattern::escape(&folder.to_string_lossy())).join(path);
    let unfit = |error: glob::PatternError| StepError::permanent(format!("`{path}` is not a glob")).because(&error);
    let matches = glob::glob(&pattern.to_string_lossy()).map_err(unfit)?;
    let mut files: Vec<_> = matches.filter_map(Result::ok).filter(|path| path.is_file()).take(FILES_MAX + 1).collect();
    match files.len() {
        0 => Err(missing(path, folder, &whole)),
        count if count > FILES_MAX => Err(StepError::permanent(format!("`{path}` matches more than {FILES_MAX} files"))),
        _ => {
            files.sort();
            Ok(files)
        }
    }
}

fn missing(path: &str, folder: &Path, whole: &Path) -> StepError {
    let folder = folder.display();
    StepError::permanent(if whole.is_dir() {
        format!("`{path}` in {folder} is a folder: name a file, or a glob such as {path}/*.ndjson")
    } else if path.contains(['*', '?', '[']) {
        format!("no file matches `{path}` in {folder}")
    } else {
        format!("there is no file `{path}` in {folder}")
    })
}

/// Which file it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// SHA-256 of the first `head_bytes`, in hex.
    head: String,
    head_bytes: u64,
}

/// Where reading stands in a file. In bytes of what was decompressed; for json the number of values.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cursor {
    offset: u64,
    number: u64,
    #[serde(flatten)]
    mark: Mark,
}

impl Mark {
    fn of(file: &mut File, bytes: u64) -> io::Result<Self> {
        let mut head = Vec::new();
        if !file.metadata()?.is_file() {
            // What is read of a pipe is gone: there is no beginning to compare, and no way back.
            return Ok(Self { head: String::new(), head_bytes: 0 });
        }
        file.seek(SeekFrom::Start(0))?;
        file.take(bytes).read_to_end(&mut head)?;
        file.seek(SeekFrom::Start(0))?;
        // A revision is printed as a digest is.
        let digest = Revision(Sha256::digest(&head).into());
        Ok(Self { head: digest.to_string(), head_bytes: head.len() as u64 })
    }

    /// The cursor after so many bytes and lines.
    pub(super) fn cursor(&self, offset: u64, number: u64) -> Value {
        serde_json::to_value(Cursor { offset, number, mark: self.clone() }).unwrap_or_default()
    }
}

/// A file at its beginning, and where to go on.
pub(super) struct Opened {
    /// As shown and as its stream: relative to the pipeline's folder.
    pub(super) name: Arc<str>,
    pub(super) mark: Mark,
    /// Bytes (values, for json) that are done.
    pub(super) offset: u64,
    /// Lines or values that are done.
    pub(super) number: u64,
    pub(super) path: PathBuf,
    file: File,
    gzip: bool,
}

impl Opened {
    pub(super) fn open(path: &Path, context: &StepContext, compression: Option<Compression>) -> Result<Self, StepError> {
        let failed = |error: io::Error| StepError::permanent(format!("cannot open {}", path.display())).because(&error);
        let name: Arc<str> = path.strip_prefix(&context.folder).unwrap_or(path).to_string_lossy().into();
        let mut file = File::open(path).map_err(failed)?;
        let mark = Mark::of(&mut file, HEAD_BYTES_MAX).map_err(failed)?;
        let by_ending = path.extension().is_some_and(|ending| ending == "gz");
        let gzip = compression.map_or(by_ending, |given| given == Compression::Gzip);
        let mut opened = Self { name, mark, offset: 0, number: 0, path: path.into(), file, gzip };
        if let Some(cursor) = context.checkpoints.get(&*opened.name) {
            opened.go_on(cursor, context).map_err(failed)?;
        }
        Ok(opened)
    }

    fn go_on(&mut self, cursor: &Value, context: &StepContext) -> io::Result<()> {
        let Ok(cursor) = serde_json::from_value::<Cursor>(cursor.clone()) else { return Ok(()) };
        if !self.file.metadata()?.is_file() {
            context.log.warn(&format!("{} is no file: what was read of it before does not come again", self.name));
            return Ok(());
        }
        let same = Mark::of(&mut self.file, cursor.mark.head_bytes)? == cursor.mark;
        if same && (self.gzip || cursor.offset <= self.file.metadata()?.len()) {
            (self.offset, self.number) = (cursor.offset, cursor.number);
        } else {
            context.log.warn(&format!("{} was replaced since the last checkpoint: it is read from its beginning", self.name));
        }
        Ok(())
    }

    /// What is in the file, from its beginning.
    pub(super) fn into_content(self) -> Content {
        if self.gzip {
            Content::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(64 << 10, self.file))))
        } else {
            Content::Plain(self.file)
        }
    }

    /// A failure while reading.
    pub(super) fn failed(path: &Path, error: &io::Error) -> StepError {
        let path = path.display();
        StepError::permanent(match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("{path} ends in the middle of its gzip data"),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => format!("{path} is damaged, or not gzip"),
            _ => format!("cannot read {path}"),
        })
        .because(error)
    }
}

/// A file's bytes, decompressed.
pub(super) enum Content {
    Plain(File),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
}

impl Content {
    /// Leaves out so many bytes.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<()> {
        match self {
            // A pipe has no place to go to.
            _ if bytes == 0 => Ok(()),
            Self::Plain(file) => file.seek(SeekFrom::Start(bytes)).map(drop),
            Self::Gzip(decoder) => io::copy(&mut decoder.take(bytes), &mut io::sink()).map(drop),
        }
    }
}

impl Read for Content {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(out),
            Self::Gzip(decoder) => decoder.read(out),
        }
    }
}
