//! Records as lines of a file.

use flexcore_engine::port::step::{Record, RecordError};
use serde_json::{Map, Value};

/// How records become lines.
#[derive(Clone)]
pub(super) enum Encoder {
    /// As they are.
    Ndjson,
    /// The columns; none until the first record.
    Csv {
        columns: Option<Vec<String>>,
        /// The header row is there.
        begun: bool,
    },
}

impl Encoder {
    pub(super) fn csv(columns: Vec<String>) -> Self {
        Self::Csv { columns: if columns.is_empty() { None } else { Some(columns) }, begun: false }
    }

    /// The file has lines already: a csv file has its columns.
    pub(super) fn go_on(&mut self, first_line: &[u8]) -> Result<(), String> {
        let Self::Csv { columns, begun } = self else { return Ok(()) };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(first_line);
        let header = reader.records().next().and_then(Result::ok).unwrap_or_default();
        let header: Vec<String> = header.iter().map(str::to_owned).collect();
        match columns {
            Some(columns) if *columns != header => {
                return Err(format!("it has the columns {}, not {}", header.join(", "), columns.join(", ")));
            }
            _ => *columns = Some(header),
        }
        *begun = true;
        Ok(())
    }

    /// Appends lines; says where each record ends, and which records have no line.
    pub(super) fn encode(&mut self, records: &[Record], out: &mut Vec<u8>) -> (Vec<usize>, Vec<(usize, RecordError)>) {
        match self {
            Self::Ndjson => {
                let mut ends = Vec::with_capacity(records.len());
                for record in records {
                    out.extend_from_slice(&record.json);
                    out.push(b'\n');
                    ends.push(out.len());
                }
                (ends, Vec::new())
            }
            Self::Csv { columns, begun } => encode_csv(records, columns, begun, out),
        }
    }
}

fn encode_csv(
    records: &[Record],
    columns: &mut Option<Vec<String>>,
    begun: &mut bool,
    out: &mut Vec<u8>,
) -> (Vec<usize>, Vec<(usize, RecordError)>) {
    let (mut ends, mut rejected) = (Vec::with_capacity(records.len()), Vec::new());
    for (index, record) in records.iter().enumerate() {
        let Ok(object) = serde_json::from_slice::<Map<String, Value>>(&record.json) else {
            let message = "csv rows are made of objects, and this record is none".to_owned();
            rejected.push((index, RecordError { message, retryable: false }));
            ends.push(out.len());
            continue;
        };
        let columns = columns.get_or_insert_with(|| object.keys().cloned().collect());
        if !std::mem::replace(begun, true) {
            write_row(out, columns.iter().cloned());
        }
        match row(columns, &object) {
            Ok(row) => write_row(out, row),
            Err(message) => rejected.push((index, RecordError { message, retryable: false })),
        }
        ends.push(out.len());
    }
    (ends, rejected)
}

fn row(columns: &[String], object: &Map<String, Value>) -> Result<Vec<String>, String> {
    if let Some(extra) = object.keys().find(|key| !columns.contains(key)) {
        return Err(format!(
            "the field `{extra}` has no column ({}): add it to `columns`, or leave it out with a `map` before",
            columns.join(", ")
        ));
    }
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Ok(columns.iter().map(|column| text(object.get(column))).collect())
}

fn write_row(out: &mut Vec<u8>, values: impl IntoIterator<Item = String>) {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(values).and_then(|()| Ok(writer.flush()?)).expect("writing to memory does not fail");
}
