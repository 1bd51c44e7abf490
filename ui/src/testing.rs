//! The whole console without a terminal: keys in, screen out. It drives the same loop as a real terminal does, on time that
//! passes only when everything waits, so that a test never sleeps.

pub mod facts;
pub mod scripted;

pub use scripted::ScriptedLink;

use std::{
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    time::timeout,
};

use crate::{
    keymap::Keymap,
    link::Link,
    model::Model,
    run::{Console, ConsoleOptions, End, Input, Ports},
    terminal::{
        desk::Desk,
        key::{Code, Key},
        output::Output,
        pace::{ANSWER, ASK},
    },
    theme::Theme,
    view::still::{render, rows, text},
};

/// Nothing happened for this long: the console is idle. Less than a second, so that the clock alone does not keep it awake.
const IDLE: Duration = Duration::from_millis(300);
/// The same where an engine works on threads of its own: a lone escape key has been told apart by then.
const IDLE_LIVE: Duration = Duration::from_millis(50);
/// A test that never sees what it waits for fails after this long, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most turns of one settling: a console that is never idle fails its test instead of hanging it.
const TURNS_MAX: usize = 100_000;

/// How a headless console begins.
#[derive(Clone)]
pub struct Setup {
    /// Columns and rows.
    pub size: (u16, u16),
    /// Colours and signs.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// Where the operator lives.
    pub zone: TimeZone,
    /// The clock. It stands still unless this moves it.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Setup {
    /// The defaults at a size, at the moment of [`facts::NOW`].
    pub fn sized(columns: u16, rows: u16) -> Self {
        let (theme, keymap) = (Theme::default(), Keymap::default());
        Self { size: (columns, rows), theme, keymap, zone: TimeZone::UTC, now: Arc::new(facts::now) }
    }
}

/// An editor that leaves a text as it is told to.
#[derive(Debug, Clone, Default)]
pub struct ScriptedDesk {
    /// What the next edit leaves; `None`: the text as it was.
    pub leaves: Arc<Mutex<Option<Result<String, String>>>>,
    /// What editors were given.
    pub given: Arc<Mutex<Vec<String>>>,
    size: (u16, u16),
}

impl Desk for ScriptedDesk {
    fn suspend(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn edit(&mut self, _name: &str, text: &str) -> Result<String, String> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        let left = self.leaves.lock().unwrap_or_else(PoisonError::into_inner).take();
        left.unwrap_or_else(|| Ok(text.to_owned()))
    }

    fn size(&self) -> (u16, u16) {
        self.size
    }
}

/// A console without a terminal.
pub struct Headless {
    console: Console,
    input: mpsc::Sender<Input>,
    frames: Arc<Mutex<Vec<Vec<u8>>>>,
    ended: Option<End>,
    /// What the editor does.
    pub desk: ScriptedDesk,
    runtime: Runtime,
    idle: Duration,
}

impl Headless {
    /// A console of a size, settled.
    pub fn new(link: Arc<dyn Link>, columns: u16, rows: u16) -> Self {
        Self::with(link, Setup::sized(columns, rows))
    }

    /// A console begun in some way, settled.
    pub fn with(link: Arc<dyn Link>, setup: Setup) -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        Self::on(runtime.expect("a runtime needs nothing but memory"), link, setup)
    }

    /// A console on a runtime with paused time on which an engine may run as well.
    pub fn on(runtime: Runtime, link: Arc<dyn Link>, setup: Setup) -> Self {
        Self::begin(runtime, link, setup, IDLE)
    }

    /// A console on a runtime with real time and an engine that works on threads of its own: nothing is ever settled for
    /// long there, so a test waits [`Self::until`] it sees what it wants.
    pub fn live(runtime: Runtime, link: Arc<dyn Link>, setup: Setup) -> Self {
        Self::begin(runtime, link, setup, IDLE_LIVE)
    }

    fn begin(runtime: Runtime, link: Arc<dyn Link>, setup: Setup, idle: Duration) -> Self {
        let inside = runtime.enter();
        let (input, received) = mpsc::channel(64);
        let frames = Arc::new(Mutex::new(Vec::new()));
        let desk = ScriptedDesk { size: setup.size, ..ScriptedDesk::default() };
        let ports = Ports {
            input: received,
            output: kept(frames.clone(), input.clone()),
            desk: Some(Box::new(desk.clone())),
            size: setup.size,
            silence_max: None,
        };
        let options = ConsoleOptions {
            theme: setup.theme,
            keymap: setup.keymap,
            zone: setup.zone,
            now: setup.now,
            ..ConsoleOptions::default()
        };
        let console = Console::new(link, options, ports);
        drop(inside);
        let mut headless = Self { console, input, frames, ended: None, desk, runtime, idle };
        headless.settle();
        headless
    }

    /// Until nothing happens any more.
    pub fn settle(&mut self) -> &mut Self {
        for _ in 0..TURNS_MAX {
            if self.ended.is_some() {
                return self;
            }
            let (console, idle) = (&mut self.console, self.idle);
            match self.runtime.block_on(async { timeout(idle, console.turn()).await }) {
                Ok(end) => self.ended = end,
                Err(_) => return self,
            }
        }
        panic!("the console is never idle");
    }

    /// Lets time pass, then settles.
    pub fn wait(&mut self, length: Duration) -> &mut Self {
        let console = &mut self.console;
        let ended = self.runtime.block_on(async {
            timeout(length, async {
                loop {
                    if let Some(end) = console.turn().await {
                        return end;
                    }
                }
            })
            .await
        });
        self.ended = ended.ok().or(self.ended.take());
        self.settle()
    }

    /// Until the screen shows a text, for engines that work on threads of their own. Fails the test when it never does.
    pub fn until(&mut self, wanted: &str) -> &mut Self {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.settle().screen().contains(wanted) {
                return self;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        panic!("the screen never showed `{wanted}`:\n{}", self.screen());
    }

    /// Bytes as a terminal would send them.
    pub fn send(&mut self, input: Input) -> &mut Self {
        self.input.try_send(input).expect("a settled console has taken everything in");
        self.settle()
    }

    /// Presses keys, written as in the key file and separated by blanks: `j j enter C-d g g`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let key: Key = key.parse().unwrap_or_else(|bad| panic!("{bad}"));
            self.send(Input::Bytes(bytes(key)));
        }
        self
    }

    /// Types a text, key by key.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for char in text.chars() {
            self.send(Input::Bytes(char.to_string().into_bytes()));
        }
        self
    }

    /// Pastes a text.
    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.send(Input::Bytes(format!("\x1b[200~{text}\x1b[201~").into_bytes()))
    }

    /// Another size.
    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.send(Input::Resize(columns, rows))
    }

    /// What the console knows and shows.
    pub fn model(&self) -> &Model {
        self.console.model()
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<&End> {
        self.ended.as_ref()
    }

    /// The frames written so far, taken away: what went over the line.
    pub fn take_frames(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.frames.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The cells.
    pub fn buffer(&self) -> Buffer {
        render(self.model())
    }

    /// The screen as text, a row a line, blanks at the ends left out.
    pub fn screen(&self) -> String {
        text(&self.buffer())
    }

    /// The screen's styles, a row a line, as runs like `12:cyan+bold 108:-`.
    pub fn styled(&self) -> String {
        styles(&self.buffer())
    }

    /// Fails the test unless the screen shows a text.
    pub fn assert_shows(&mut self, wanted: &str) -> &mut Self {
        let screen = self.screen();
        assert!(screen.contains(wanted), "`{wanted}` is not shown:\n{screen}");
        self
    }

    /// Fails the test if the screen shows a text.
    pub fn assert_hides(&mut self, unwanted: &str) -> &mut Self {
        let screen = self.screen();
        assert!(!screen.contains(unwanted), "`{unwanted}` is shown:\n{screen}");
        self
    }
}

/// Frames are kept instead of written, at once, and answered as a terminal does.
fn kept(frames: Arc<Mutex<Vec<Vec<u8>>>>, input: mpsc::Sender<Input>) -> Output {
    let (send, mut taken) = mpsc::channel::<Vec<u8>>(1);
    let (mark, written) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(frame) = taken.recv().await {
            let asks = frame.ends_with(ASK);
            frames.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
            let answer = Input::Bytes(ANSWER.to_vec());
            if mark.send(()).await.is_err() || (asks && input.send(answer).await.is_err()) {
                break;
            }
        }
    });
    Output { frames: send, written }
}

/// What a terminal sends for a key.
pub fn bytes(key: Key) -> Vec<u8> {
    let mut bytes = match key.code {
        Code::Char(char) if key.ctrl => vec![(char.to_ascii_lowercase() as u8) & 0x1f],
        Code::Char(char) => char.to_string().into_bytes(),
        Code::Enter => b"\r".to_vec(),
        Code::Tab => b"\t".to_vec(),
        Code::BackTab => b"\x1b[Z".to_vec(),
        Code::Backspace => b"\x7f".to_vec(),
        Code::Delete => b"\x1b[3~".to_vec(),
        Code::Insert => b"\x1b[2~".to_vec(),
        Code::Esc => b"\x1b".to_vec(),
        Code::Up => b"\x1b[A".to_vec(),
        Code::Down => b"\x1b[B".to_vec(),
        Code::Right => b"\x1b[C".to_vec(),
        Code::Left => b"\x1b[D".to_vec(),
        Code::Home => b"\x1b[H".to_vec(),
        Code::End => b"\x1b[F".to_vec(),
        Code::PageUp => b"\x1b[5~".to_vec(),
        Code::PageDown => b"\x1b[6~".to_vec(),
        Code::Function(number @ 1..=4) => vec![0x1b, b'O', b'O' + number],
        Code::Function(number) => {
            let code = [15, 17, 18, 19, 20, 21, 23, 24].get(usize::from(number).saturating_sub(5)).copied().unwrap_or(24);
            format!("\x1b[{code}~").into_bytes()
        }
    };
    if key.alt {
        bytes.insert(0, 0x1b);
    }
    bytes
}

/// The styles of cells, a row a line, as runs like `12:cyan+bold 108:-`.
pub fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    for cells in rows(buffer) {
        let runs: Vec<_> = cells.chunk_by(|one, other| look(one) == look(other)).collect();
        let texts: Vec<_> = runs.iter().map(|run| format!("{}:{}", run.len(), look(&run[0]))).collect();
        writeln!(out, "{}", texts.join(" ")).expect("writing to a string does not fail");
    }
    out
}

fn look(cell: &Cell) -> String {
    let mut parts = Vec::new();
    if cell.fg != Color::Reset {
        parts.push(cell.fg.to_string().to_lowercase());
    }
    if cell.bg != Color::Reset {
        parts.push(format!("on-{}", cell.bg.to_string().to_lowercase()));
    }
    for (modifier, name) in
        [(Modifier::BOLD, "bold"), (Modifier::DIM, "dim"), (Modifier::UNDERLINED, "underlined"), (Modifier::REVERSED, "reversed")]
    {
        if cell.modifier.contains(modifier) {
            parts.push(name.to_owned());
        }
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join("+") }
}
