//! The loop: the only place where the console waits. Keys first, then answers, then what the engine sends, then the clock;
//! everything that waits is taken in before one frame is drawn, and nothing is drawn when nothing changed.

mod feed;
mod perform;
mod snapshot;

pub use snapshot::snapshot;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};

use crate::{
    effect::{Answer, Effect, Tone},
    keymap::Keymap,
    link::Link,
    model::{Model, facts::Facts},
    msg::Msg,
    terminal::{
        canvas::Canvas,
        decode::{Decoder, Said},
        desk::Desk,
        output::Output,
        tty::{self, ConsoleError, Tty},
    },
    theme::Theme,
    update::update,
    view::view,
};

/// The most messages of the engine that wait; one may hold thousands of events.
pub const FEED_MAX: usize = 16;
/// The most messages taken in before the next frame.
pub const DRAINED_MAX: usize = 64;
/// The most questions and changes on their way at once.
pub const JOBS_MAX: usize = 128;

/// Between two frames that keys caused.
const KEY_FRAME: Duration = Duration::from_millis(16);
/// Between two frames that the engine caused.
const STREAM_FRAME: Duration = Duration::from_millis(100);
/// The same while the terminal has not the focus.
const IDLE_FRAME: Duration = Duration::from_secs(1);
/// A lone escape is the key when nothing followed for this long.
const ESCAPE: Duration = Duration::from_millis(30);
/// How long the last frame may take before the terminal is given back all the same.
const LAST_FRAME: Duration = Duration::from_millis(200);

/// What reaches the loop from a terminal, real or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Bytes as they came.
    Bytes(Vec<u8>),
    /// Columns and rows now.
    Resize(u16, u16),
    /// Somebody asks the process to stop for a while.
    Suspend,
    /// There is no more, and why.
    Closed(String),
}

/// How a console ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The operator left.
    Left,
    /// The terminal is gone, or somebody asked the process to end.
    Closed(String),
}

/// How a console looks and what time it is there.
#[derive(Clone)]
pub struct ConsoleOptions {
    /// Colours and signs.
    pub theme: Theme,
    /// The keys.
    pub keymap: Keymap,
    /// The clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        Self { theme: Theme::default(), keymap: Keymap::default(), now: Arc::new(Timestamp::now) }
    }
}

/// What a console is attached to.
pub struct Ports {
    /// What comes from the terminal.
    pub input: mpsc::Receiver<Input>,
    /// Where frames go.
    pub output: Output,
    /// The terminal's owner, if it is here.
    pub desk: Option<Box<dyn Desk>>,
    /// Columns and rows.
    pub size: (u16, u16),
}

/// The console on the local terminal, until the operator leaves or the terminal is gone.
pub async fn run_console(link: Arc<dyn Link>, options: ConsoleOptions) -> Result<End, ConsoleError> {
    let (tty, input, output) = Tty::take()?;
    let desk: Box<dyn Desk> = Box::new(tty.desk()?);
    let console = Console::new(link, options, Ports { input, output, desk: Some(desk), size: tty::size() });
    Ok(tty.watch(console.run()).await)
}

/// A console: a model, an engine behind a link, and a terminal.
pub struct Console {
    model: Model,
    link: Arc<dyn Link>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    input: mpsc::Receiver<Input>,
    output: Output,
    desk: Option<Box<dyn Desk>>,
    decoder: Decoder,
    escape_at: Option<Instant>,
    canvas: Canvas,
    /// No frame is on its way.
    credit: bool,
    focused: bool,
    last_frame: Option<Instant>,
    draw_at: Option<Instant>,
    feed: mpsc::Receiver<Msg>,
    /// Dropped with the console, which ends them.
    _feeders: JoinSet<()>,
    jobs: JoinSet<Msg>,
    tick: tokio::time::Interval,
}

/// What woke the loop.
enum Wake {
    Input(Option<Input>),
    Written,
    OutputGone,
    Job(Msg),
    Feed(Msg),
    Escape,
    Draw,
    Tick,
}

impl Console {
    /// A console that asks its engine at once. Must be called within a tokio runtime.
    pub fn new(link: Arc<dyn Link>, options: ConsoleOptions, ports: Ports) -> Self {
        let facts = Facts::new((options.now)(), link.actor(), link.read_only());
        let model = Model::new(facts, options.keymap, options.theme, ports.size);
        let (feeders, feed) = feed::start(&link);
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self {
            canvas: Canvas::new(model.size),
            model,
            link,
            now: options.now,
            input: ports.input,
            output: ports.output,
            desk: ports.desk,
            decoder: Decoder::default(),
            escape_at: None,
            credit: true,
            focused: true,
            last_frame: None,
            draw_at: Some(Instant::now()),
            feed,
            _feeders: feeders,
            jobs: JoinSet::new(),
            tick,
        }
    }

    /// What it knows and shows.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Until the operator leaves, or the terminal is gone.
    pub async fn run(mut self) -> End {
        loop {
            if let Some(end) = self.turn().await {
                self.last_frame().await;
                return end;
            }
        }
    }

    /// A terminal that still takes a frame gets its end before it is given back.
    async fn last_frame(&mut self) {
        if !self.credit {
            // One that does not take it in time is given back in the middle of it.
            let _ = timeout(LAST_FRAME, self.output.written.recv()).await;
        }
    }

    /// Waits for one thing, takes in all that waits with it, and draws if it is time.
    pub async fn turn(&mut self) -> Option<End> {
        self.draw_if_due();
        let end = match self.wait().await {
            Wake::Input(Some(input)) => self.on_input(input).await,
            Wake::Input(None) => Some(End::Closed("the terminal is gone".into())),
            Wake::OutputGone => Some(End::Closed("the terminal takes no frames".into())),
            Wake::Written => {
                self.credit = true;
                None
            }
            Wake::Job(msg) => self.on_msg(msg, KEY_FRAME).await,
            Wake::Feed(msg) => self.on_feed(msg).await,
            Wake::Escape => {
                self.escape_at = None;
                let said = self.decoder.flush();
                self.on_said(said).await
            }
            Wake::Draw => None,
            Wake::Tick => self.on_msg(Msg::Tick, STREAM_FRAME).await,
        };
        self.draw_if_due();
        end
    }

    async fn wait(&mut self) -> Wake {
        let far = Instant::now() + Duration::from_secs(3_600);
        let (escape_at, draw_at) = (self.escape_at, self.draw_at.filter(|_| self.credit));
        tokio::select! {
            biased;
            input = self.input.recv() => Wake::Input(input),
            written = self.output.written.recv() => if written.is_some() { Wake::Written } else { Wake::OutputGone },
            Some(done) = self.jobs.join_next() => Wake::Job(done.unwrap_or_else(|error| Msg::Said(Tone::Bad, error.to_string()))),
            Some(msg) = self.feed.recv() => Wake::Feed(msg),
            () = sleep_until(escape_at.unwrap_or(far)), if escape_at.is_some() => Wake::Escape,
            () = sleep_until(draw_at.unwrap_or(far)), if draw_at.is_some() => Wake::Draw,
            _ = self.tick.tick() => Wake::Tick,
        }
    }

    async fn on_input(&mut self, input: Input) -> Option<End> {
        match input {
            Input::Bytes(bytes) => {
                let said = self.decoder.feed(&bytes);
                self.escape_at = self.decoder.is_unfinished().then(|| Instant::now() + ESCAPE);
                self.on_said(said).await
            }
            Input::Resize(columns, rows) => {
                let end = self.on_msg(Msg::Resize(columns, rows), KEY_FRAME).await;
                self.canvas.forget(self.model.size);
                end
            }
            Input::Suspend => self.perform(Effect::Suspend).await,
            Input::Closed(why) => Some(End::Closed(why)),
        }
    }

    async fn on_said(&mut self, said: Vec<Said>) -> Option<End> {
        for said in said {
            let msg = match said {
                Said::Key(key) => Msg::Key(key),
                Said::Paste(text) => Msg::Paste(text),
                Said::Focus(focused) => {
                    self.focused = focused;
                    self.draw_within(KEY_FRAME);
                    continue;
                }
            };
            if let Some(end) = self.on_msg(msg, KEY_FRAME).await {
                return Some(end);
            }
        }
        None
    }

    /// What the engine sent, with all of it that waits.
    async fn on_feed(&mut self, first: Msg) -> Option<End> {
        let pace = if self.focused { STREAM_FRAME } else { IDLE_FRAME };
        let mut next = Some(first);
        for _ in 0..DRAINED_MAX {
            let Some(msg) = next else { break };
            if let Some(end) = self.on_msg(msg, pace).await {
                return Some(end);
            }
            next = self.feed.try_recv().ok();
        }
        match next {
            Some(msg) => self.on_msg(msg, pace).await,
            None => None,
        }
    }

    async fn on_msg(&mut self, msg: Msg, pace: Duration) -> Option<End> {
        self.draw_within(pace);
        for effect in update(&mut self.model, (self.now)(), msg) {
            if let Some(end) = self.perform(effect).await {
                return Some(end);
            }
        }
        None
    }

    async fn perform(&mut self, effect: Effect) -> Option<End> {
        match effect {
            Effect::Quit => return Some(End::Left),
            Effect::Redraw => self.canvas.forget(self.model.size),
            Effect::Copy(text) => {
                use termina::escape::osc::{Osc, Selection};
                self.canvas.put(Osc::SetSelection(Selection::CLIPBOARD, &text).to_string().as_bytes());
            }
            Effect::Ask(tag, question) => {
                let link = self.link.clone();
                if self.jobs.len() < JOBS_MAX {
                    self.jobs.spawn(async move { Msg::Answer(tag, perform::ask(&*link, question).await) });
                } else {
                    self.jobs.spawn(async move { Msg::Answer(tag, perform::too_many(&*link, question)) });
                }
            }
            Effect::Submit(tag, changes) => {
                let link = self.link.clone();
                self.jobs.spawn(async move { Msg::Answer(tag, perform::submit(&*link, changes).await) });
            }
            Effect::Edit { tag, name, text } => {
                let edited = self.at_desk(move |desk| desk.edit(&name, &text)).await;
                self.jobs.spawn(async move { Msg::Answer(tag, Answer::Edited(edited)) });
            }
            Effect::Suspend => {
                if let Err(why) = self.at_desk(|desk| desk.suspend()).await {
                    self.jobs.spawn(async move { Msg::Said(Tone::Warn, why) });
                }
            }
        }
        None
    }

    /// Gives the terminal away: no frame is on its way meanwhile, and all of it is drawn afterwards.
    async fn at_desk<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut dyn Desk) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let Some(mut desk) = self.desk.take() else { return Err("this terminal is served: that is done on your own".into()) };
        if !std::mem::replace(&mut self.credit, true) {
            self.output.written.recv().await;
        }
        let (desk, done) = tokio::task::spawn_blocking(move || {
            let done = act(&mut *desk);
            (desk, done)
        })
        .await
        .map_err(|error| error.to_string())?;
        let (columns, rows) = desk.size();
        self.desk = Some(desk);
        self.model.resize(columns, rows);
        self.canvas.enter(self.model.size);
        self.draw_within(KEY_FRAME);
        done
    }

    /// A frame not later than this after the last one.
    fn draw_within(&mut self, pace: Duration) {
        let now = Instant::now();
        let at = self.last_frame.map_or(now, |last| (last + pace).max(now));
        self.draw_at = Some(self.draw_at.map_or(at, |earlier| earlier.min(at)));
    }

    fn draw_if_due(&mut self) {
        let now = Instant::now();
        if !self.credit || self.draw_at.is_none_or(|at| at > now) {
            return;
        }
        self.draw_at = None;
        self.last_frame = Some(now);
        let model = &self.model;
        if let Some(frame) = self.canvas.frame(|frame| view(model, frame)) {
            self.credit = self.output.frames.try_send(frame).is_err();
        }
    }
}
