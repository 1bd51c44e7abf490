//! A data directory in one file, and back.
//!
//! A backup is taken while an engine works, so it must be of one instant: log and queues lean on each other in both
//! directions. What a step sent stands in the queues before its checkpoint is in the log, and a message is acknowledged in
//! the queues only after what came of it is in the log. Queues older than the log would have lost messages; a log older
//! than the queues would have lost what became of them. So all files are opened first. Then the end of the log, that of the
//! queues, and that of the log again are looked at, until the log did not move in between: both ends are then those of one
//! moment. Only up to there are the files copied, and what is open stays readable whatever retention does meanwhile.
//!
//! The file is a tar archive of the directory. Its last entry, `MANIFEST`, has the length and checksum of each.

mod paced;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Component, Path, PathBuf},
};

use flexcore_engine::store::journal::{Capture, OpenError};

use crate::{
    compose,
    data_dir::{self, DataDirError},
};

use paced::Paced;

const MANIFEST: &str = "MANIFEST";
/// How often an instant is looked for at which the log does not move: each look takes some microseconds.
const LOOKS_MAX: usize = 1_000_000;
/// Files of the directory that are copied as they are, where they are there.
const PLAIN: [&str; 2] = ["FORMAT", "adopted"];

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// What is to be backed up is no data directory, or cannot be read.
    #[error(transparent)]
    Directory(#[from] DataDirError),
    /// A journal cannot be read, or is damaged.
    #[error("cannot back up {part}: `flexcore doctor` says more")]
    Journal {
        /// `log` or `queues`.
        part: &'static str,
        /// What is wrong.
        source: OpenError,
    },
    /// The log is written to without a pause.
    #[error("the log never stood still between two looks; try again")]
    Busy,
    /// A file that would be overwritten.
    #[error("{} is there already; name one that is not", .0.display())]
    Taken(PathBuf),
    /// The folder to restore into holds something.
    #[error("{} is not empty; name a new folder or an empty one", .0.display())]
    NotEmpty(PathBuf),
    /// The file is not what was written, or not all of it.
    #[error("{} is not a whole backup: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The disk did not do what it was asked.
    #[error("cannot {action} {}", path.display())]
    Disk {
        /// What it was asked.
        action: &'static str,
        /// Of which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn failed<'p>(action: &'static str, path: &'p Path) -> impl Fn(io::Error) -> BackupError + 'p {
    move |source| BackupError::Disk { action, path: path.to_owned(), source }
}

/// What is in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Files.
    pub files: usize,
    /// Bytes in them.
    pub bytes: u64,
}

/// Writes a data directory to a file, whoever has it. The file is there when all of it is on disk.
pub fn backup(folder: &Path, to: &Path) -> Result<Summary, BackupError> {
    data_dir::recognise(folder)?;
    if to.exists() {
        return Err(BackupError::Taken(to.to_owned()));
    }
    let unfinished = beside(to, "unfinished");
    let written = write(folder, &unfinished).and_then(|summary| {
        fs::rename(&unfinished, to).map_err(failed("name", to))?;
        sync_parent(to).map_err(failed("sync", to))?;
        Ok(summary)
    });
    if written.is_err() {
        drop(fs::remove_file(&unfinished));
    }
    written
}

fn write(folder: &Path, file: &Path) -> Result<Summary, BackupError> {
    let mut captured = cut(folder)?;
    let out = File::create_new(file).map_err(failed("write", file))?;
    let mut archive =
        Archive { tar: tar::Builder::new(BufWriter::new(Paced::new(out))), manifest: String::new(), files: 0, bytes: 0 };
    for name in PLAIN {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => archive.add(name, &bytes).map_err(failed("write", file))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", &path)(error)),
        }
    }
    for (part, capture) in &mut captured {
        let Some(capture) = capture.take() else { continue };
        for mut captured in capture.into_files() {
            let bytes = captured.read().map_err(|source| BackupError::Journal { part, source })?;
            archive.add(&format!("{part}/{}", captured.name()), &bytes).map_err(failed("write", file))?;
        }
    }
    archive.finish().map_err(failed("write", file))
}

type Part = (&'static str, Option<Capture>);
type Captured = [Part; 2];

/// Log and queues as of one instant.
fn cut(folder: &Path) -> Result<Captured, BackupError> {
    let mut looks = 0;
    loop {
        let mut parts = [
            ("log", captured("log", || compose::capture_log(folder))?),
            ("queues", captured("queues", || compose::capture_queues(folder))?),
        ];
        loop {
            looks += 1;
            let before = end(&mut parts[0])?;
            end(&mut parts[1])?;
            if before == end(&mut parts[0])? {
                break;
            }
            if looks > LOOKS_MAX {
                return Err(BackupError::Busy);
            }
        }
        // A log that goes on in another file stands still, too.
        if is_current(&parts[0])? && is_current(&parts[1])? {
            return Ok(parts);
        }
        if looks > LOOKS_MAX {
            return Err(BackupError::Busy);
        }
    }
}

/// A part that is not there yet has nothing in it.
fn captured(
    part: &'static str,
    capture: impl FnOnce() -> Option<Result<Capture, OpenError>>,
) -> Result<Option<Capture>, BackupError> {
    capture().transpose().map_err(|source| BackupError::Journal { part, source })
}

fn end((part, capture): &mut Part) -> Result<u64, BackupError> {
    capture.as_mut().map_or(Ok(0), Capture::end).map_err(|source| BackupError::Journal { part, source })
}

fn is_current((part, capture): &Part) -> Result<bool, BackupError> {
    capture.as_ref().map_or(Ok(true), Capture::is_current).map_err(|source| BackupError::Journal { part, source })
}

struct Archive<W: Write> {
    tar: tar::Builder<W>,
    manifest: String,
    files: usize,
    bytes: u64,
}

impl Archive<BufWriter<Paced>> {
    fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.manifest.push_str(&manifest_line(name, bytes));
        self.files += 1;
        self.bytes += bytes.len() as u64;
        self.put(name, bytes)
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        self.tar.append_data(&mut header, name, bytes)
    }

    fn finish(mut self) -> Result<Summary, io::Error> {
        let manifest = std::mem::take(&mut self.manifest);
        self.put(MANIFEST, manifest.as_bytes())?;
        let file = self.tar.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.file.sync_all()?;
        Ok(Summary { files: self.files, bytes: self.bytes })
    }
}

fn manifest_line(name: &str, bytes: &[u8]) -> String {
    format!("{:08x} {} {name}\n", crc32c::crc32c(bytes), bytes.len())
}

/// Makes a data directory of a backup. It appears when all of it has been looked at and is on disk, or not at all.
pub fn restore(file: &Path, folder: &Path) -> Result<Summary, BackupError> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed("look into", folder)(error)),
    };
    if !is_empty {
        return Err(BackupError::NotEmpty(folder.to_owned()));
    }
    let unfinished = beside(folder, "restoring");
    fs::create_dir_all(&unfinished).map_err(failed("make", &unfinished))?;
    let done = unpack(file, &unfinished).and_then(|summary| {
        check(file, &unfinished)?;
        sync_all(&unfinished).map_err(failed("sync", &unfinished))?;
        fs::rename(&unfinished, folder).map_err(failed("name", folder))?;
        sync_parent(folder).map_err(failed("sync", folder))?;
        Ok(summary)
    });
    if done.is_err() {
        drop(fs::remove_dir_all(&unfinished));
    }
    done
}

fn unpack(file: &Path, folder: &Path) -> Result<Summary, BackupError> {
    let damaged = |what: String| BackupError::Damaged { file: file.to_owned(), what };
    let archive = File::open(file).map_err(failed("open", file))?;
    let mut archive = tar::Archive::new(BufReader::new(archive));
    let (mut lines, mut manifest) = (BTreeMap::new(), None);
    let (mut files, mut total) = (0, 0);
    for entry in archive.entries().map_err(|error| damaged(error.to_string()))? {
        let mut entry = entry.map_err(|error| damaged(error.to_string()))?;
        let name = entry.path().map_err(|error| damaged(error.to_string()))?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| damaged(format!("{name}: {error}")))?;
        if name == MANIFEST {
            manifest = Some(String::from_utf8_lossy(&bytes).into_owned());
            continue;
        }
        if !is_ours(&name) {
            return Err(damaged(format!("it has an entry `{name}`, which no backup has")));
        }
        (files, total) = (files + 1, total + bytes.len() as u64);
        lines.insert(name.clone(), manifest_line(&name, &bytes));
        let path = folder.join(&name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, &bytes));
        made.map_err(failed("write", &path))?;
    }
    let manifest = manifest.ok_or_else(|| damaged("it is cut off: its last entry, MANIFEST, is missing".into()))?;
    for line in manifest.lines() {
        let name = line.splitn(3, ' ').nth(2).unwrap_or_default();
        match lines.remove(name) {
            None => return Err(damaged(format!("{name} is missing"))),
            Some(found) if found.trim_end() != line => return Err(damaged(format!("the checksum of {name} is wrong"))),
            Some(_) => {}
        }
    }
    match lines.into_keys().next() {
        Some(name) => Err(damaged(format!("{name} is not in its manifest"))),
        None => Ok(Summary { files, bytes: total }),
    }
}

/// One of the few places where files of a data directory are.
fn is_ours(name: &str) -> bool {
    let parts: Vec<_> = Path::new(name).components().collect();
    match parts[..] {
        [Component::Normal(one)] => PLAIN.iter().any(|plain| one == *plain),
        [Component::Normal(part), Component::Normal(_)] => part == "log" || part == "queues",
        _ => false,
    }
}

/// What was unpacked opens.
fn check(file: &Path, folder: &Path) -> Result<(), BackupError> {
    data_dir::recognise(folder)?;
    let found = compose::examine(folder).map_err(|source| BackupError::Journal { part: "what was unpacked", source })?;
    match found.into_iter().find(|examined| examined.needs_repair) {
        None => Ok(()),
        Some(examined) => {
            let what = format!("its {} is damaged:\n{}", examined.name, examined.text.trim_end());
            Err(BackupError::Damaged { file: file.to_owned(), what })
        }
    }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{what}-{}", std::process::id()));
    path.with_file_name(name)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { sync_all(&path)? } else { File::open(&path)?.sync_all()? }
    }
    File::open(folder)?.sync_all()
}
