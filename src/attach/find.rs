//! The socket of an engine of this machine. It is looked for each time a connection is made: an engine that was started anew
//! has another one.

use std::path::{Path, PathBuf};

use crate::{
    client::{ClientError, the_socket},
    data_dir,
};

/// The socket of an engine of this machine: of the one that has a data directory, the one named, or the only one.
pub fn socket(place: Option<&Path>) -> Result<PathBuf, ClientError> {
    let Some(place) = place else { return the_socket(None) };
    // A socket that is named is tried as it is: what is wrong with it is known best by whoever connects.
    if !place.is_dir() {
        return Ok(place.to_owned());
    }
    let holder = data_dir::holder(place).map_err(|error| ClientError::NotFound(error.to_string()))?;
    let folder = place.display();
    let none = || {
        ClientError::NotFound(format!(
            "no engine has the data directory {folder} open: start one with `flexcore serve --data {folder}`"
        ))
    };
    let holder = holder.ok_or_else(none)?;
    holder.socket().map(Path::to_owned).ok_or_else(|| {
        ClientError::NotFound(format!(
            "{holder} has the data directory {folder} and does not say where its socket is: it is still starting, or has none \
             (setting socket)"
        ))
    })
}
