//! Records that jq makes: of each value that is walked to, or of the whole document.

use std::{io::Read, time::Duration};

use flexcore_engine::port::step::StepError;

use super::super::{
    emit::{Emit, Stopped},
    input::Opened,
};
use crate::step::jq::{self, Failure, Given, Limits, Program, Running, Val};

/// The largest document that is held in memory, in bytes.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;
/// The most records of one document, and how long making them may take.
const RECORDS_MAX: usize = 10_000_000;
const TIME_MAX: Duration = Duration::from_secs(300);

pub(super) fn read(opened: Opened, mut emit: Emit<'_>, program: &Program, given: &Given) -> Result<(), Stopped> {
    let (done, file) = (opened.number, opened.path.clone());
    let mut text = Vec::new();
    let read = opened.into_content().take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| Opened::failed(&file, &error))?;
    let shown = file.display();
    if text.len() as u64 > DOCUMENT_BYTES_MAX {
        let (records, most) = (program.text(), DOCUMENT_BYTES_MAX >> 20);
        let message = format!(
            "{shown} is larger than {most} MiB, which `records: {records}` would hold at once: write `PATH[] | jq`, which does not"
        );
        return Err(StepError::permanent(message).into());
    }
    let mut given = given.clone();
    given.limits = Limits { outputs_max: RECORDS_MAX, time_max: TIME_MAX, ..given.limits };
    let running = given.begin();
    let wrong = |failure: Failure| Stopped::Failed(failed(&format!("{shown}: `records: {}`", program.text()), failure));
    let document = jq::parse(&text).map_err(wrong)?;
    drop(text);
    let mut number = 0;
    each(program, document, &running, |value| {
        number += 1;
        if number <= done {
            return Ok(());
        }
        match jq::to_json(&value, &running.limits) {
            Ok(json) => emit.record(json, number),
            Err(failure) => emit.reject(b"", number, &failed("records", failure).message),
        }
        emit.passed(number, number)
    })
    .map_err(|ended| ended.unwrap_or_else(wrong))?;
    emit.flush(number, number)
}

/// What the program makes of one value of the document; a value that does not fit it is rejected.
pub(super) fn make(emit: &mut Emit<'_>, program: &Program, running: &Running, text: &[u8], number: u64) -> Result<(), Stopped> {
    let what = format!("`records`: `{}`", program.text());
    let made = jq::parse(text).and_then(|value| {
        let mut made = Vec::new();
        program.each(value, running, |output| {
            made.push(jq::to_json(&output, &running.limits)?);
            Ok(())
        })?;
        Ok(made)
    });
    match made.map_err(|failure| failure.split(&what)) {
        Ok(made) => made.into_iter().for_each(|json| emit.record(json, number)),
        Err(Ok(rejected)) => emit.reject(text, number, &rejected.message),
        Err(Err(endless)) => return Err(endless.into()),
    }
    Ok(())
}

/// Each output; of one that is a list, each item: `.a | .b` is where the records are, as a path is.
fn each(
    program: &Program,
    document: Val,
    running: &Running,
    mut take: impl FnMut(Val) -> Result<(), Stopped>,
) -> Result<(), Result<Stopped, Failure>> {
    let mut stopped = None;
    let done = program.each(document, running, |output| {
        let items = match output {
            Val::Arr(items) => items,
            one => vec![one].into(),
        };
        for item in items.iter() {
            if let Err(why) = take(item.clone()) {
                stopped = Some(why);
                return Err(Failure::Record("stopped".into()));
            }
        }
        Ok(())
    });
    match (done, stopped) {
        (_, Some(why)) => Err(Ok(why)),
        (Err(failure), None) => Err(Err(failure)),
        (Ok(()), None) => Ok(()),
    }
}

fn failed(what: &str, failure: Failure) -> StepError {
    match failure.split(what) {
        Ok(record) => StepError::permanent(record.message),
        Err(error) => error,
    }
}
