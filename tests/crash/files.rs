//! What the pipelines write, looked at while no engine writes it.

use std::{collections::HashSet, fs, path::Path};

use crate::model::Model;

/// Lines of the file that is copied.
const LINES: u64 = 8_000;

pub(crate) fn input() -> String {
    let line = |n: u64| format!("{{\"line\":{n},\"text\":\"{}\"}}\n", "abcdefgh".repeat((n % 7) as usize));
    (1..=LINES).map(line).collect::<Vec<_>>().concat()
}

/// The pipelines: two from file to file, one from a queue to a file, one that counts into a file.
pub(crate) const PIPELINES: [(&str, &str); 4] = [
    (
        "replace",
        "
name: replace
retry: {attempts: 100000, backoff: 10ms, max: 10ms}
checkpoint: {every: 20ms, records: 300}
steps:
  - {name: read, uses: file.read, with: {path: ../in.ndjson}}
  - {name: slow, uses: throttle, with: {rate: 6000/s, burst: 200}}
  - {name: write, uses: file.write, with: {path: ../out/replace.ndjson}}
",
    ),
    (
        "append",
        "
name: append
retry: {attempts: 100000, backoff: 10ms, max: 10ms}
checkpoint: {every: 20ms, records: 300}
steps:
  - {name: read, uses: file.read, with: {path: ../in.ndjson}}
  - {name: slow, uses: throttle, with: {rate: 6000/s, burst: 200}}
  - {name: write, uses: file.write, with: {path: ../out/append.ndjson, mode: append}}
",
    ),
    (
        "work",
        "
name: work
mode: continuous
checkpoint: {every: 20ms, records: 100}
steps:
  - {name: take, uses: queue.receive, with: {queue: work}}
  - {name: write, uses: file.write, with: {path: ../out/work.ndjson, mode: append}}
",
    ),
    (
        "count",
        "
name: count
mode: continuous
checkpoint: {every: 20ms, records: 100}
steps:
  - {name: make, uses: generate, with: {interval: 1ms, template: '{n: $n}'}}
  - {name: write, uses: file.write, with: {path: ../out/count.ndjson, mode: append}}
",
    ),
];

fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, String> {
    match fs::read(folder.join("out").join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("out/{name}: {error}")),
    }
}

/// Whatever was in the middle of a write: files are made of what they should be made of, in order, without a gap and with
/// nothing twice. Only the last line may be torn: who opens the file takes it away.
pub(crate) fn compare(folder: &Path, model: &mut Model) -> Result<(), String> {
    let input = input().into_bytes();
    match read(folder, "replace.ndjson")? {
        Some(bytes) if bytes != input => return Err("out/replace.ndjson is not the file that was copied".into()),
        None if model.replaced > 0 => return Err("LOST: out/replace.ndjson".into()),
        _ => {}
    }
    let appended = read(folder, "append.ndjson")?.unwrap_or_default();
    if let Some(at) = appended.iter().enumerate().find(|(at, byte)| **byte != input[at % input.len()]).map(|(at, _)| at) {
        return Err(format!("out/append.ndjson is not the file again and again: byte {at} of {}", appended.len()));
    }
    if appended.len() < input.len() * model.appended as usize {
        return Err(format!("LOST: {} bytes in out/append.ndjson after {} runs", appended.len(), model.appended));
    }
    compare_count(&read(folder, "count.ndjson")?.unwrap_or_default(), model)?;
    let tried = model.work.tried;
    match lines(&read(folder, "work.ndjson")?.unwrap_or_default(), "w").into_iter().find(|n| n.is_none_or(|n| n > tried)) {
        Some(line) => Err(format!("INVENTED: in out/work.ndjson is {line:?}, and {tried} were sent")),
        None => Ok(()),
    }
}

fn compare_count(bytes: &[u8], model: &mut Model) -> Result<(), String> {
    let counted = lines(bytes, "n");
    let wrong = counted.iter().enumerate().find(|(index, n)| **n != Some(*index as u64 + 1));
    if let Some((index, n)) = wrong {
        return Err(format!("out/count.ndjson: line {} has {n:?}", index + 1));
    }
    model.figures.counted = counted.len() as u64;
    Ok(())
}

/// The numbers in whole lines; `None` for a line that has none.
fn lines(bytes: &[u8], name: &str) -> Vec<Option<u64>> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let number = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line).ok()?[name].as_u64();
    bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(number).collect()
}

/// After the queue has drained: everything that was acknowledged is in the file, but for what became a dead letter.
pub(crate) fn compare_work(folder: &Path, model: &mut Model, dead: &HashSet<u64>) -> Result<(), String> {
    let found = lines(&read(folder, "work.ndjson")?.unwrap_or_default(), "w");
    let there: HashSet<u64> = found.iter().copied().flatten().collect();
    model.figures.twice_in_work = (found.len() - there.len()) as u64;
    let lost: Vec<_> = model.sure.iter().filter(|n| !there.contains(n) && !dead.contains(n)).take(10).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("LOST: messages {lost:?} and perhaps more are not in out/work.ndjson")) }
}
