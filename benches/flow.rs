//! A flow from file to file: 300,000 log records filtered and mapped by jq expressions, beside a bare `serde_json` loop and
//! beside `jq` itself where it is installed. Figures are megabytes of input for each second of processor time, so that
//! neither idle cores nor other programs change them. What comes out is compared record by record.

#[path = "flow/data.rs"]
mod data;
mod harness;
#[path = "flow/peers.rs"]
mod peers;
#[path = "flow/run.rs"]
mod run;

use harness::Bench;

/// What the log at hand promises of the engine, in MB a second and core.
const AIM: f64 = 15.0;

fn main() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let bytes = data::write(&folder.path().join("in.ndjson")).expect("there is room for temporary files");
    let (ours, bare) = (folder.path().join("ours.ndjson"), folder.path().join("bare.ndjson"));
    run::flow(folder.path());
    peers::bare(folder.path());
    let records = peers::compare(&ours, &bare);

    let mut bench = Bench::new("flow");
    let megabytes = bytes as f64 / 1e6;
    let rate = |work: fn(&std::path::Path)| {
        let path = folder.path().to_path_buf();
        move || megabytes / peers::processor_seconds(|| work(&path))
    };
    bench.pair("file to file by jq expressions", "aim", "MB/s/core", 1.0, 5, rate(run::flow), || AIM);
    bench.note(format!("{megabytes:.0} MB, 300000 records in, {records} out, each equal to the bare loop's"));
    bench.pair(
        "file to file by jq expressions",
        "bare serde_json loop",
        "MB/s/core",
        0.15,
        5,
        rate(run::flow),
        rate(peers::bare),
    );
    if peers::has_jq() {
        peers::jq(folder.path());
        peers::compare(&ours, &folder.path().join("jq.ndjson"));
        bench.pair("file to file by jq expressions", "jq", "MB/s/core", 1.5, 3, rate(run::flow), rate(peers::jq));
    } else {
        bench.note("jq is not installed: not compared with it".into());
    }
    bench.print();
}
