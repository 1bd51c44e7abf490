//! The file on the disk: how it comes to be there, whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::Mode;

/// A file that is being written.
pub(super) struct Output {
    file: File,
    kind: Kind,
    /// Bytes up to the end of the last write that succeeded: a failed one may have left half a line behind it.
    length: u64,
    /// The first line of a file that is appended to.
    pub(super) first_line: Option<Vec<u8>>,
}

enum Kind {
    /// Takes the place of `path` at the end.
    Replace {
        temporary: tempfile::TempPath,
        path: PathBuf,
    },
    Append,
}

impl Output {
    pub(super) fn open(path: &Path, mode: Mode, create_dirs: bool) -> io::Result<Self> {
        let folder = folder_of(path);
        if create_dirs {
            fs::create_dir_all(folder)?;
        }
        match mode {
            Mode::Replace => Self::replace(path, folder),
            Mode::Append => Self::append(path),
        }
    }

    /// In the same folder, because only there a rename is atomic.
    fn replace(path: &Path, folder: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part");
        let (file, temporary) = with_usual_mode(&mut builder).tempfile_in(folder)?.into_parts();
        Ok(Self { file, kind: Kind::Replace { temporary, path: path.into() }, length: 0, first_line: None })
    }

    fn append(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let length = whole_lines(&mut file)?;
        file.set_len(length)?;
        let first_line = if length > 0 { Some(first_line(&mut file)?) } else { None };
        file.seek(SeekFrom::Start(length))?;
        Ok(Self { file, kind: Kind::Append, length, first_line })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // The same records come again: what was written of them must not stay.
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Says whether everything is durable and visible.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        match self.kind {
            Kind::Replace { .. } => Ok(false),
            Kind::Append => self.file.sync_data().map(|()| true),
        }
    }

    pub(super) fn finish(self) -> io::Result<bool> {
        self.file.sync_all()?;
        if let Kind::Replace { temporary, path } = self.kind {
            let folder = File::open(folder_of(&path))?;
            temporary.persist(&path).map_err(|error| error.error)?;
            folder.sync_all()?;
        }
        Ok(true)
    }

    /// Removes what is not finished. Appended lines stay: they may be checkpointed.
    pub(super) fn abort(self) {
        match self.kind {
            Kind::Replace { temporary, .. } => drop(temporary),
            Kind::Append => drop(self.file),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Temporary files are private by default; this one becomes the real one.
fn with_usual_mode<'a, 'b, 'c>(builder: &'c mut tempfile::Builder<'a, 'b>) -> &'c mut tempfile::Builder<'a, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

/// The length of a file without its last line, should that have no line feed: a crash may leave half a line.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const BLOCK: u64 = 64 << 10;
    let mut end = file.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        file.take(end - start).read_to_end(&mut block)?;
        if let Some(at) = memchr::memrchr(b'\n', &block) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn first_line(file: &mut File) -> io::Result<Vec<u8>> {
    const LINE_BYTES_MAX: u64 = 1 << 20;
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    BufReader::new(file.take(LINE_BYTES_MAX)).read_until(b'\n', &mut line)?;
    Ok(line)
}
