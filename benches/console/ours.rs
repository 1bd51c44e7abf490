//! The console as its loop drives it: a message is taken in, the view is drawn, what changed becomes bytes.

use flexcore_engine::{event::Envelope, event::pipeline::Outcome, projection::ReadModels};
use flexcore_ui::{
    effect::{Answer, Effect, Question},
    keymap::Keymap,
    model::{Model, events::EVENTS_MAX, facts::Facts},
    msg::Msg,
    terminal::{
        canvas::{Abilities, Canvas},
        key::Key,
    },
    testing::facts::{event, many, now, run_ended, vitals},
    theme::Theme,
    update::update,
    view::view,
};
use jiff::SignedDuration;

use crate::{PIPELINES, SIZE};

/// Every pipeline is due in an hour.
fn answered(effect: Effect) -> Option<Msg> {
    let Effect::Ask(tag, Question::Ticks { pipeline, .. }) = effect else { return None };
    let due = now() + SignedDuration::from_hours(1);
    Some(Msg::Answer(tag, Answer::Ticks(pipeline, Ok(vec![due]))))
}

pub(crate) struct Screen {
    model: Model,
    canvas: Canvas,
    /// Of the newest event.
    position: u64,
}

impl Screen {
    /// The overview with everything in it, drawn once.
    pub(crate) fn new() -> Self {
        let model = Model::new(Facts::new(now(), "alice".into(), false), Keymap::default(), Theme::default(), SIZE);
        let models = many(PIPELINES);
        let position = models.position.0;
        let mut screen = Self { model, canvas: Canvas::new(SIZE, Abilities::default()), position };
        screen.fill(models);
        assert!(screen.draw() > 0, "the first frame draws something");
        screen
    }

    fn fill(&mut self, models: ReadModels) {
        self.take(Msg::Models(Box::new(models)));
        for step in 0..60 {
            self.take(Msg::Vitals(vitals(step).into()));
        }
        while self.model.facts.due.len() < PIPELINES {
            self.take(Msg::Tick);
        }
        let backlog = self.next_events(EVENTS_MAX);
        self.take(Msg::Events(backlog));
        assert_eq!(self.model.facts.events.len(), EVENTS_MAX);
        assert_eq!(self.model.overview.pipelines.keys.len(), PIPELINES);
    }

    /// Takes a message in, and the engine's answers to what it leads to.
    fn take(&mut self, msg: Msg) {
        let mut waiting = vec![msg];
        while let Some(msg) = waiting.pop() {
            waiting.extend(update(&mut self.model, now(), msg).into_iter().filter_map(answered));
        }
    }

    /// The bytes that one frame takes.
    fn draw(&mut self) -> usize {
        let model = &self.model;
        self.canvas.frame(|frame| view(model, frame)).map_or(0, |bytes| bytes.len())
    }

    fn press(&mut self, key: char) -> usize {
        self.take(Msg::Key(Key::char(key)));
        self.draw()
    }

    /// Down for half of the round and up again: most of these moves scroll the page, which is the dearest kind.
    pub(crate) fn scroll(&mut self, at: usize) {
        let bytes = self.press(if at < crate::FRAMES / 2 { 'j' } else { 'k' });
        assert!(bytes > 0 || at == 0, "a move draws something");
    }

    pub(crate) fn bytes_of_move(&mut self) -> usize {
        self.press('g');
        self.press('g');
        self.press('j')
    }

    pub(crate) fn bytes_of_scroll(&mut self) -> usize {
        let bytes = (0..=SIZE.1).map(|_| self.press('j'));
        bytes.last().unwrap_or_default()
    }

    pub(crate) fn events(&mut self, count: usize) {
        let events = self.next_events(count);
        self.take(Msg::Events(events));
        assert!(self.draw() > 0, "new events are shown");
    }

    pub(crate) fn repaint(&mut self) {
        self.canvas.forget(SIZE);
        assert!(self.draw() > 0, "all is drawn");
    }

    /// One in ten is the engine's own, the others are of a user's types.
    fn next_events(&mut self, count: usize) -> Vec<Envelope> {
        let next = |position: u64| match position % 10 {
            0 => run_ended(position, &format!("pipe-{:05}", position % 10_000), Outcome::Succeeded),
            digit => {
                let data = format!(r#"{{"order":{position},"customer":"c-{digit}","city":"São Paulo","total":{position}.5}}"#);
                event(position, "order.placed", &format!("order/{position}"), &data)
            }
        };
        let first = self.position + 1;
        self.position += count as u64;
        (first..=self.position).map(next).collect()
    }
}
