//! States beside the log, each in a file of its own: whole or not there at all, with a checksum, and as large as need be.
//!
//! A segment's length limits what one record of the log can hold; read models of a large installation are larger. Nobody
//! needs the former state of one, so a new file takes the place of the old one.
//!
//! ```text
//! magic 8 | version u32 | crc32c of the rest u32 | data
//! ```

use std::{
    io::{self, ErrorKind},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use super::disk::{Disk, write_all_at, write_in_steps};

const MAGIC: &[u8; 8] = b"FLEXSTAT";
const FORMAT_VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;
const SUFFIX: &str = "state";
/// What a crash may leave behind.
pub(crate) const UNFINISHED: &str = "state.tmp";

/// The states in a folder. Writers of any take turns.
#[derive(Clone)]
pub(crate) struct States {
    disk: Arc<dyn Disk>,
    turn: Arc<Mutex<()>>,
}

impl States {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, turn: Arc::default() }
    }

    /// Waits for the disk.
    pub(crate) fn keep(&self, name: &str, data: &[u8]) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.write(name, data);
        if written.is_err() {
            drop(self.disk.remove(UNFINISHED));
        }
        written
    }

    fn write(&self, name: &str, data: &[u8]) -> io::Result<()> {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        header[12..].copy_from_slice(&crc32c::crc32c(data).to_le_bytes());
        let mut file = self.disk.create(UNFINISHED)?;
        write_all_at(&mut *file, 0, &header)?;
        write_in_steps(&mut *file, HEADER_BYTES as u64, data)?;
        file.sync_all()?;
        self.disk.rename(UNFINISHED, &file_name(name))?;
        self.disk.sync()
    }

    /// Waits for the disk.
    pub(crate) fn kept(&self, name: &str) -> io::Result<Option<Bytes>> {
        match self.disk.read(&file_name(name)) {
            Ok(file) => read(file).map(Some).map_err(|what| io::Error::new(ErrorKind::InvalidData, what)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn file_name(name: &str) -> String {
    format!("{name}.{SUFFIX}")
}

/// Whether a file holds a state.
pub(crate) fn is_state(file: &str) -> bool {
    file.strip_suffix(SUFFIX).is_some_and(|name| name.ends_with('.'))
}

/// The state in a file, or what is wrong with the file.
pub(crate) fn read(file: Vec<u8>) -> Result<Bytes, String> {
    let number = |at: usize| file.get(at..at + 4).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    if file.len() < HEADER_BYTES || file[..8] != *MAGIC {
        return Err("it does not begin as the file of a state does".into());
    }
    match number(8) {
        FORMAT_VERSION => {}
        version => return Err(format!("it has format {version}, and this program reads format {FORMAT_VERSION}")),
    }
    if crc32c::crc32c(&file[HEADER_BYTES..]) != number(12) {
        return Err("its checksum is wrong".into());
    }
    Ok(Bytes::from(file).slice(HEADER_BYTES..))
}
