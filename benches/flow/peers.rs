//! The same work without an engine, and by jq.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

/// The least that can be done: one loop, one thread, no limits, no checkpoints.
pub(crate) fn bare(folder: &Path) {
    let input = BufReader::with_capacity(1 << 20, File::open(folder.join("in.ndjson")).expect("it was written before"));
    let mut out = BufWriter::new(File::create(folder.join("bare.ndjson")).expect("the folder is ours"));
    for line in input.lines() {
        let record: Value = serde_json::from_str(&line.expect("it is UTF-8")).expect("it is JSON");
        if record["level"] != "debug" {
            serde_json::to_writer(&mut out, &mapped(&record)).expect("there is room");
            out.write_all(b"\n").expect("there is room");
        }
    }
    out.into_inner().expect("there is room").sync_all().expect("the disk works");
}

fn mapped(record: &Value) -> Value {
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let amount = record["amount"].as_f64().expect("it is a number");
    json!({
        "id": record["id"],
        "ts": record["ts"],
        "lvl": text(&record["level"]).to_ascii_uppercase(),
        "svc": record["service"],
        "city": record["user"]["city"],
        "email": text(&record["user"]["email"]).to_ascii_lowercase(),
        "cents": (amount * 100.0).round() as i64,
        "big": amount > 500.0,
        "tag0": record["tags"][0],
    })
}

/// What a user of jq writes.
pub(crate) fn jq(folder: &Path) {
    let program = "select(.level != \"debug\") | {id, ts, lvl: (.level | ascii_upcase), svc: .service, city: .user.city, \
                   email: (.user.email | ascii_downcase), cents: (.amount * 100 | round), big: (.amount > 500), tag0: .tags[0]}";
    let out = File::create(folder.join("jq.ndjson")).expect("the folder is ours");
    let status = Command::new("jq").args(["-c", program]).arg(folder.join("in.ndjson")).stdout(out).status();
    assert!(status.expect("jq was there").success(), "jq failed");
}

/// Whether it is installed.
pub(crate) fn has_jq() -> bool {
    Command::new("jq").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Fails unless both files hold the same records; says how many.
pub(crate) fn compare(one: &Path, other: &Path) -> usize {
    let lines = |path: &Path| BufReader::new(File::open(path).expect("it was written")).lines().map(|line| line.expect("UTF-8"));
    let (mut ours, mut theirs, mut count) = (lines(one), lines(other), 0);
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return count,
            (Some(ours), Some(theirs)) => {
                let value = |text: &str| serde_json::from_str::<Value>(text).expect("it is JSON");
                assert!(ours == theirs || value(&ours) == value(&theirs), "record {count}: {ours} is not {theirs}");
                count += 1;
            }
            _ => panic!("{} and {} differ in length after {count} records", one.display(), other.display()),
        }
    }
}

/// Processor time of this process and its ended children while something runs, in seconds.
pub(crate) fn processor_seconds(work: impl FnOnce()) -> f64 {
    let before = ticks();
    work();
    (ticks() - before) as f64 / TICKS_PER_SECOND
}

/// Linux's own unit in /proc.
const TICKS_PER_SECOND: f64 = 100.0;

fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // utime, stime, cutime, cstime: fields 14 to 17 of the line, of which two are before the bracket.
    fields.skip(11).take(4).map(|field| field.parse::<u64>().expect("it is a number")).sum()
}
