//! Pipelines as JSON, kept for as long as they are what they were: a list is asked for again and again, and little of it has
//! changed. A row that is held is never changed, only exchanged, so that a look at which row it is tells whether it is the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use flexcore_engine::{id::PipelineName, projection::board::PipelineRow};

use crate::http::{problem::Problem, wire::pipelines::PipelineBody};

/// The most pipelines that are kept; beyond it all are written anew.
const LINES_MAX: usize = 10_000;

/// A pipeline and its JSON.
type Line = (Arc<PipelineRow>, Vec<u8>);

/// What is kept, by name.
#[derive(Default)]
pub(in crate::http) struct Lines(Mutex<HashMap<PipelineName, Line>>);

impl Lines {
    /// Writes a page of pipelines, as [`Page`](crate::http::wire::page::Page) would be.
    pub(super) fn page(&self, rows: &[Arc<PipelineRow>], next: Option<&str>) -> Result<Vec<u8>, Problem> {
        let mut out = Vec::with_capacity(512 * rows.len() + 64);
        out.extend_from_slice(b"{\"items\":[");
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write(&mut lines, &mut out, row)?;
        }
        drop(lines);
        out.extend_from_slice(b"],\"next\":");
        serde_json::to_writer(&mut out, &next).map_err(|_| Problem::internal())?;
        out.push(b'}');
        Ok(out)
    }
}

fn write(lines: &mut HashMap<PipelineName, Line>, out: &mut Vec<u8>, row: &Arc<PipelineRow>) -> Result<(), Problem> {
    if let Some((_, text)) = lines.get(&row.name).filter(|(known, _)| Arc::ptr_eq(known, row)) {
        out.extend_from_slice(text);
        return Ok(());
    }
    let text = serde_json::to_vec(&PipelineBody::from(&**row)).map_err(|_| Problem::internal())?;
    out.extend_from_slice(&text);
    if lines.len() >= LINES_MAX {
        lines.clear();
    }
    lines.insert(row.name.clone(), (row.clone(), text));
    Ok(())
}
