//! `flexcore schema`: the JSON Schema of pipeline files. What an editor offers is what the check demands, because both
//! come from the types that the settings are read into.

use std::io::{self, Write};

use super::DONE;
use crate::{definition::schema, step};

/// The JSON Schema of pipeline files, for editors.
#[derive(Debug, clap::Args)]
pub struct SchemaArgs {}

/// Prints the schema.
pub fn run(_: &SchemaArgs, out: &mut dyn Write) -> io::Result<i32> {
    serde_json::to_writer_pretty(&mut *out, &schema::of_files(&*step::table()))?;
    writeln!(out)?;
    Ok(DONE)
}
