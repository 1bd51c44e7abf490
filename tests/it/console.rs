//! The console on the real engine with the real steps: keys in, screen and files compared, at two sizes.

use std::{path::Path, sync::Arc};

use flexcore::{
    attach::{Carrier, RemoteLink},
    compose::App,
    config::{Layers, Settings},
    definition::{load_paths, variables},
    http::{Listening, listen},
    local_link::LocalLink,
    step::table,
};
use flexcore_ui::{
    link::Link,
    testing::{Headless, Setup},
};
use jiff::Timestamp;
use tempfile::TempDir;

const SIZES: [(u16, u16); 2] = [(120, 40), (80, 24)];

/// A size, and what is between the console and its engine.
type Seat = ((u16, u16), Way);

/// What is between a console and its engine.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Nothing,
    Socket,
}

/// On the spot at both sizes, and attached.
const SEATS: [Seat; 3] = [(SIZES[0], Way::Nothing), (SIZES[1], Way::Nothing), (SIZES[1], Way::Socket)];

/// Reads, refuses what has no number, keeps the rest.
const COPY: &str = "name: copy
steps:
  - name: read
    uses: file.read
    with: {path: in.ndjson}
  - name: half
    uses: map
    on_error: dead_letter
    with: {fields: {id: .id, half: .n / 2}}
  - name: keep
    uses: file.write
    with: {path: out.ndjson, mode: append}
";

/// Works for as long as it is let.
const ENDLESS: &str = "name: endless
mode: continuous
steps:
  - {name: tick, uses: generate, with: {interval: 1h, template: '{}'}}
  - {name: gone, uses: drop}
";

/// A console over an engine that works in a folder of its own.
struct Stage {
    console: Headless,
    folder: TempDir,
    _listening: Option<Listening>,
}

impl Stage {
    fn new(pipeline: &str, input: &str, ((columns, rows), way): Seat) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("a.pipeline.yaml"), pipeline).unwrap();
        std::fs::write(folder.path().join("in.ndjson"), input).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let app = runtime.block_on(begin(folder.path()));
        let setup = Setup { now: Arc::new(Timestamp::now), ..Setup::sized(columns, rows) };
        let (link, listening) = runtime.block_on(link(app, folder.path(), way));
        let console = Headless::live(runtime, link, setup);
        Self { console, folder, _listening: listening }
    }

    /// The next time that an editor is opened, it leaves this.
    fn edits(&self, text: &str) {
        *self.console.desk.leaves.lock().unwrap() = Some(Ok(text.to_owned()));
    }

    fn written(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out.ndjson")).unwrap()
    }

    /// Nothing of a record reached the terminal as anything but text.
    fn assert_harmless(&mut self) {
        let screen = self.console.screen();
        assert!(!screen.chars().any(|char| char.is_control() && char != '\n'), "{screen:?}");
        for frame in self.console.take_frames() {
            let text = String::from_utf8_lossy(&frame);
            for bad in ["\x1b]0;", "\x1b[2J\x1b[H", "\u{202e}", "\0", "\x07"] {
                assert!(!text.contains(bad), "{bad:?} reached the terminal");
            }
        }
    }
}

async fn link(app: Arc<App>, folder: &Path, way: Way) -> (Arc<dyn Link>, Option<Listening>) {
    if way == Way::Nothing {
        return (Arc::new(LocalLink::new(app)), None);
    }
    let listening = listen(app).await.unwrap();
    let link = RemoteLink::connect(Carrier::Socket(Some(folder.join("engine.sock"))), false).await.unwrap();
    (Arc::new(link), Some(listening))
}

async fn begin(folder: &Path) -> Arc<App> {
    let nothing = |_: &str| None;
    let mut layers = Layers::defaults(&nothing);
    layers.set("socket", folder.join("engine.sock").to_str().unwrap().to_owned(), "the test".into());
    let settings = Settings::of(&layers).unwrap();
    let app = App::start(settings, table()).await.unwrap();
    let reports = load_paths(&[folder.to_owned()], app.types.as_ref(), &variables::of_process).unwrap();
    app.adopt(reports.into_iter().map(|report| report.result.unwrap()).collect()).await.unwrap();
    Arc::new(app)
}

#[test]
fn a_pipeline_is_run_opened_paused_and_resumed_by_keys() {
    for seat in SEATS {
        let mut stage = Stage::new(COPY, "{\"id\":1,\"n\":4}\n{\"id\":2,\"n\":6}\n", seat);
        stage.console.until("copy").press("r").until("one run of revision 1").press("y").until("done");
        stage.console.press("enter").until("overview › copy").until("✔ succeeded").until("run #1 left them");
        assert_eq!(stage.written(), "{\"id\":1,\"half\":2}\n{\"id\":2,\"half\":3}\n");
        stage.console.press("p").until("Pause copy").type_text("too many").press("enter").until("paused because too many");
        stage.console.press("r").until("one run of revision 1").press("n");
        stage.console.press("a").until("Resume copy").press("y").until("● active");
        stage.console.press("enter").until("run #1").until("3 Error").press("2").until("run.succeeded");
        stage.console.press("esc").until("overview › copy").press("w").until("/copy").until("copy #1");
    }
}

#[test]
fn events_are_filtered_by_jq_as_the_command_line_writes_them() {
    let mut stage = Stage::new(COPY, "{\"id\":1,\"n\":4}\n", (SIZES[0], Way::Socket));
    stage.console.until("copy").press("r y").until("run.succeeded").press("2 /");
    stage.console.type_text("jq:.type == \"run.succeeded\" and .data.attempt == 1").until("1/");
    stage.console.assert_hides("run.started").press("esc").until("run.started");
}

#[test]
fn the_past_is_shown_as_it_was_and_left_again() {
    for seat in SEATS {
        let mut stage = Stage::new(COPY, "{\"id\":1,\"n\":4}\n", seat);
        stage.console.until("copy").press("r y enter").until("✔ succeeded").press("enter").until("run #1");
        stage.console.press("2").until("run.succeeded").press("g g b").until("PAST").until("◐ queued");
        stage.console.press("]").until("● running").press("R").until("this is the past: retry-run is off");
        stage.console.press("[").until("◐ queued").press("esc").until("✔ succeeded");
        stage.console.press("t").type_text("#1").press("enter").until("#1 of").press("esc").until("✔ succeeded");
        stage.console.press("t").type_text("-1s").press("enter").until("before now").press("esc").until("✔ succeeded");
    }
}

#[test]
fn a_run_that_would_never_end_is_cancelled() {
    for seat in SEATS {
        let mut stage = Stage::new(ENDLESS, "", seat);
        stage.console.until("● running").press("enter").until("● running").press("enter").until("run #1").press("X");
        stage.console.until("Cancel").type_text("enough").press("enter").until("cancelled because enough");
        stage.console.press("esc").until("‖ cancelled");
    }
}

#[test]
fn a_dead_letter_is_mended_tried_and_replayed() {
    for seat in SEATS {
        let mut stage = Stage::new(COPY, "{\"id\":1,\"n\":4}\n{\"id\":2,\"n\":\"six\"}\n", seat);
        stage.console.until("copy").press("r y enter").until("✔ succeeded").press("D");
        stage.console.until("queue copy.dead").until("1 of").until("field `half`: cannot calculate");
        stage.edits("{\"id\": 2, \"n\": 6,}");
        stage.console.press("E").until("not JSON").press("X").until("lost for good").press("n");
        stage.edits("{\"id\": 2, \"n\": 6}");
        stage.console.press("E").until("Keep the edited body").press("y").until("edited");
        stage
            .console
            .press("d")
            .until("Tried on revision 1")
            .until("after dead-letter")
            .press("j")
            .until("after half")
            .until("half 3");
        stage.console.press("esc").until("Dead letters 1");
        stage.console.press("R").until("go through copy again").press("y").until("no dead letters");
        stage.console.press("P").until("overview › copy").press("1");
        stage.console.until("2 ok, 0 failed");
        assert_eq!(stage.written(), "{\"id\":1,\"half\":2}\n{\"id\":2,\"half\":3}\n");
    }
}

#[test]
fn a_new_pipeline_goes_from_a_template_through_its_mistakes_to_life() {
    for seat in SEATS {
        let mut stage = Stage::new(COPY, "", seat);
        let path = stage.folder.path().join("in.ndjson");
        let good = COPY.replace("name: copy", "name: fresh").replace("in.ndjson", path.to_str().unwrap());
        std::fs::write(&path, "{\"id\":1,\"n\":4}\n").unwrap();
        stage.console.until("copy").press("n").until("TEMPLATE");
        stage.edits(&good.replace("uses: map", "uses: mapp").replace("steps:", "stepz: 1\nsteps:"));
        stage.console.press("enter").until("2 mistake(s)").until("2:1").until("stepz").press("a").until("to mend first");
        stage.edits(&good);
        stage.console.press("e").until("fresh: no mistakes").press("d").until("1 record(s) after read");
        stage.console.press("esc").until("fresh: no mistakes").press("q").until("this text is kept nowhere");
        stage.console.press("a").until("Create and activate fresh").until("it has no trigger").press("y");
        stage.console.until("overview › fresh").until("● active").press("E").until("overview › fresh");
    }
}

#[test]
fn hostile_records_are_shown_and_do_nothing() {
    let poison = "\\u001b]0;owned\\u0007\\u001b[2J\\u001b[H\\u202e\\u0000";
    let large = "x".repeat(1 << 20);
    for seat in SEATS {
        let input = format!("{{\"id\":\"{poison}\",\"n\":\"{poison}\"}}\n{{\"id\":\"{large}\",\"n\":\"{large}\"}}\n");
        let mut stage = Stage::new(COPY, &input, seat);
        stage.console.take_frames();
        stage
            .console
            .until("copy")
            .press("r y enter")
            .until("✔ succeeded")
            .press("D")
            .until("Dead letters 2")
            .until("␛]0;owned␇");
        stage.assert_harmless();
        stage.console.press("enter j j u").press("esc j").until("2.0 MiB").press("enter j j u");
        stage.assert_harmless();
        stage.console.press("esc esc esc esc 2 j k g g").until("PAUSED");
        stage.assert_harmless();
    }
}
