//! The loop: the only place where the console waits. Keys first, then answers, then what the engine sends, then the clock;
//! everything that waits is taken in before one frame is drawn, and nothing is drawn when nothing changed.

mod feed;
mod painter;
mod perform;
mod snapshot;

pub use snapshot::snapshot;

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    effect::{Answer, Effect, Question, Tag, Tone},
    keymap::Keymap,
    link::Link,
    model::{Model, facts::Facts},
    msg::Msg,
    terminal::{
        canvas::Abilities,
        decode::{Decoder, Said},
        depth::Depth,
        desk::Desk,
        output::Output,
        tty::{self, ConsoleError, Tty},
    },
    theme::{Theme, Themes},
    update::update,
};
use painter::{Cause, Painter, Wrote};

/// The most messages of the engine that wait; one may hold thousands of events.
pub const FEED_MAX: usize = 16;
/// The most messages taken in before the next frame.
pub const DRAINED_MAX: usize = 64;
/// The most questions and changes on their way at once.
pub const JOBS_MAX: usize = 128;

/// How often the clock is looked at where something goes on.
const TICK_EVERY: Duration = Duration::from_secs(1);

/// What the terminal still has to say is taken in for so long before it is given back: typed into a shell it would be keys.
const LAST_ANSWERS: Duration = Duration::from_millis(200);

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
    /// The colours to choose from.
    pub themes: Themes,
    /// What the terminal can do.
    pub abilities: Abilities,
    /// The keys.
    pub keymap: Keymap,
    /// Where the operator lives: moments are read and shown there.
    pub zone: TimeZone,
    /// The clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        let (theme, abilities, keymap) = (Theme::default(), Abilities::default(), Keymap::default());
        let (themes, zone) = (Themes::default(), TimeZone::UTC);
        Self { theme, themes, abilities, keymap, zone, now: Arc::new(Timestamp::now) }
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
    /// A terminal that answered and then says nothing for this long is gone; `None`: it may take its time.
    pub silence_max: Option<Duration>,
}

/// The console on the local terminal, until the operator leaves or the terminal is gone.
pub async fn run_console(link: Arc<dyn Link>, options: ConsoleOptions) -> Result<End, ConsoleError> {
    let (tty, input, output) = Tty::take()?;
    let desk: Box<dyn Desk> = Box::new(tty.desk()?);
    let console = Console::new(link, options, Ports { input, output, desk: Some(desk), size: tty::size(), silence_max: None });
    Ok(tty.watch(console.run()).await)
}

/// A console: a model, an engine behind a link, and a terminal.
pub struct Console {
    model: Model,
    link: Arc<dyn Link>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    input: mpsc::Receiver<Input>,
    desk: Option<Box<dyn Desk>>,
    decoder: Decoder,
    escape_at: Option<Instant>,
    painter: Painter,
    silence_max: Option<Duration>,
    feed: mpsc::Receiver<Msg>,
    /// Dropped with the console, which ends them.
    _feeders: JoinSet<()>,
    jobs: JoinSet<Msg>,
    /// The question for a point of the past that is on its way.
    glimpse: Option<AbortHandle>,
    /// When the clock was last looked at, and what it said.
    ticked_at: Option<(Instant, Timestamp)>,
}

/// What woke the loop.
enum Wake {
    Input(Option<Input>),
    Wrote(Wrote),
    Job(Msg),
    Feed(Msg),
    Escape,
    Draw,
    Tick,
}

impl Console {
    /// A console that asks its engine at once. Must be called within a tokio runtime.
    pub fn new(link: Arc<dyn Link>, options: ConsoleOptions, ports: Ports) -> Self {
        let mut facts = Facts::new((options.now)(), link.actor(), link.read_only());
        facts.zone = options.zone;
        facts.place = link.place();
        facts.lines = link.lines();
        let mut model = Model::new(facts, options.keymap, options.theme, ports.size);
        model.themes = options.themes;
        if options.abilities.depth == Depth::Mono {
            model.themes.all.clear();
        }
        let (feeders, feed) = feed::start(&link);
        Self {
            painter: Painter::new(model.size, options.abilities, ports.output),
            model,
            link,
            now: options.now,
            input: ports.input,
            desk: ports.desk,
            decoder: Decoder::default(),
            escape_at: None,
            silence_max: ports.silence_max,
            feed,
            _feeders: feeders,
            jobs: JoinSet::new(),
            glimpse: None,
            ticked_at: None,
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
                self.painter.finish().await;
                if end == End::Left {
                    self.last_answers().await;
                }
                return end;
            }
        }
    }

    /// What the terminal answers to the last frame would be keys for whoever has it next.
    async fn last_answers(&mut self) {
        let end = Instant::now() + LAST_ANSWERS;
        while self.painter.awaits() {
            let Ok(Some(Input::Bytes(bytes))) = timeout_at(end, self.input.recv()).await else { return };
            for said in self.decoder.feed(&bytes) {
                if said == Said::Working {
                    self.painter.answered();
                }
            }
        }
    }

    /// Waits for one thing, takes in all that waits with it, and draws if it is time.
    pub async fn turn(&mut self) -> Option<End> {
        self.painter.draw_if_due(&self.model);
        let end = match self.wait().await {
            Wake::Input(Some(input)) => self.on_input(input).await,
            Wake::Input(None) => Some(End::Closed("the terminal is gone".into())),
            Wake::Wrote(Wrote::Gone) => Some(End::Closed("the terminal takes no frames".into())),
            Wake::Wrote(Wrote::Frame) => {
                self.painter.wrote();
                None
            }
            Wake::Job(msg) => self.on_msg(msg, Cause::Key).await,
            Wake::Feed(msg) => self.on_feed(msg).await,
            Wake::Escape => {
                self.escape_at = None;
                let said = self.decoder.flush();
                self.on_said(said).await
            }
            Wake::Draw => None,
            Wake::Tick => self.on_tick().await,
        };
        self.painter.draw_if_due(&self.model);
        end
    }

    async fn wait(&mut self) -> Wake {
        let now = Instant::now();
        let far = now + Duration::from_secs(3_600);
        let (escape_at, draw_at, tick_at) = (self.escape_at, self.painter.wake_at(now), self.tick_at(now));
        tokio::select! {
            biased;
            input = self.input.recv() => Wake::Input(input),
            wrote = self.painter.written() => Wake::Wrote(wrote),
            Some(done) = self.jobs.join_next() => match done {
                Ok(msg) => Wake::Job(msg),
                // Nobody waits for its answer any more.
                Err(ended) if ended.is_cancelled() => Wake::Draw,
                Err(error) => Wake::Job(Msg::Said(Tone::Bad, error.to_string())),
            },
            Some(msg) = self.feed.recv() => Wake::Feed(msg),
            () = sleep_until(escape_at.unwrap_or(far)), if escape_at.is_some() => Wake::Escape,
            () = sleep_until(draw_at.unwrap_or(far)), if draw_at.is_some() => Wake::Draw,
            () = sleep_until(tick_at) => Wake::Tick,
        }
    }

    /// When the clock is looked at next: every second, and at rest only when something that is shown moves by itself.
    fn tick_at(&self, now: Instant) -> Instant {
        let Some((last, shown)) = self.ticked_at else { return now };
        let second = last + TICK_EVERY;
        if !self.model.rest.is_resting() || self.painter.awaits() {
            return second;
        }
        let left = self.model.rest.moves_at(self.model.live(), shown).duration_since((self.now)());
        second.max(now + Duration::try_from(left).unwrap_or_default())
    }

    async fn on_tick(&mut self) -> Option<End> {
        self.ticked_at = Some((Instant::now(), (self.now)()));
        let silent = self.painter.silent_for();
        if self.silence_max.is_some_and(|max| silent > max) {
            return Some(End::Closed(format!("the terminal has said nothing for {}s", silent.as_secs())));
        }
        self.on_msg(Msg::Tick, Cause::Clock).await
    }

    async fn on_input(&mut self, input: Input) -> Option<End> {
        match input {
            Input::Bytes(bytes) => {
                let pasted = self.decoder.pasted_so_far();
                let said = self.decoder.feed(&bytes);
                // The terminal's answers do not make a paste longer: one that does not end would never be over.
                let waits_on = self.decoder.is_pasting() && self.decoder.pasted_so_far() == pasted;
                if !waits_on || self.escape_at.is_none() {
                    self.escape_at = self.decoder.patience().map(|patience| Instant::now() + patience);
                }
                self.on_said(said).await
            }
            Input::Resize(columns, rows) => {
                let end = self.on_msg(Msg::Resize(columns, rows), Cause::Key).await;
                self.painter.forget(self.model.size);
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
                    self.painter.focus(focused);
                    // Somebody looks again: at what is so now.
                    self.model.rest.stir((self.now)());
                    Msg::Tick
                }
                Said::Working => {
                    if let Some(latency) = self.painter.answered() {
                        self.model.line.measured(latency);
                    }
                    continue;
                }
            };
            if let Some(end) = self.on_msg(msg, Cause::Key).await {
                return Some(end);
            }
        }
        None
    }

    /// What the engine sent, with all of it that waits.
    async fn on_feed(&mut self, first: Msg) -> Option<End> {
        let mut next = Some(first);
        for _ in 0..DRAINED_MAX {
            let Some(msg) = next else { break };
            let cause = if matches!(msg, Msg::Vitals(_)) { Cause::Figures } else { Cause::Events };
            if let Some(end) = self.on_msg(msg, cause).await {
                return Some(end);
            }
            next = self.feed.try_recv().ok();
        }
        if let Some(msg) = next
            && let Some(end) = self.on_msg(msg, Cause::Events).await
        {
            return Some(end);
        }
        // What comes with the new minute is the tick of the minute.
        if self.model.rest.is_minute_over((self.now)()) { self.on_tick().await } else { None }
    }

    async fn on_msg(&mut self, msg: Msg, cause: Cause) -> Option<End> {
        let effects = update(&mut self.model, (self.now)(), msg);
        if !self.model.rest.is_still() {
            self.painter.want(cause);
        }
        for effect in effects {
            if let Some(end) = self.perform(effect).await {
                return Some(end);
            }
        }
        None
    }

    async fn perform(&mut self, effect: Effect) -> Option<End> {
        match effect {
            Effect::Quit => return Some(End::Left),
            Effect::Redraw => self.painter.forget(self.model.size),
            Effect::Copy(text) => {
                use termina::escape::osc::{Osc, Selection};
                self.painter.put(Osc::SetSelection(Selection::CLIPBOARD, &text).to_string().as_bytes());
            }
            Effect::Ask(tag, question) => self.ask(tag, question),
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

    fn ask(&mut self, tag: Tag, question: Question) {
        let link = self.link.clone();
        let of_past = matches!(question, Question::Past { .. });
        if of_past && let Some(older) = self.glimpse.take() {
            older.abort();
        }
        let job = if self.jobs.len() < JOBS_MAX {
            self.jobs.spawn(async move { Msg::Answer(tag, perform::ask(&*link, question).await) })
        } else {
            self.jobs.spawn(async move { Msg::Answer(tag, perform::too_many(&*link, question)) })
        };
        if of_past {
            self.glimpse = Some(job);
        }
    }

    /// Gives the terminal away: no frame is on its way meanwhile, and all of it is drawn afterwards.
    async fn at_desk<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut dyn Desk) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let Some(mut desk) = self.desk.take() else { return Err("this terminal is served: that is done on your own".into()) };
        self.painter.finish().await;
        self.last_answers().await;
        let (desk, done) = tokio::task::spawn_blocking(move || {
            let done = act(&mut *desk);
            (desk, done)
        })
        .await
        .map_err(|error| error.to_string())?;
        let (columns, rows) = desk.size();
        self.desk = Some(desk);
        self.model.resize(columns, rows);
        self.painter.enter(self.model.size);
        done
    }
}
