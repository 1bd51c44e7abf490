//! Progress of one run: one live line on a terminal, plain lines otherwise.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

use flexcore_engine::{
    event::{Envelope, Event, run::StepOutcome},
    flow::log::{LINES_MAX, LogLevel, LogLine, RunLog},
    id::RunId,
    port::step::StepKind,
    projection::describe::describe,
    vitals::{RunVitals, StepVitals, Vitals},
};
use flexcore_ui::widget::{figures, safe_text::safe};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{Timestamp, tz::TimeZone};

use crate::definition::Loaded;

/// How often a plain line tells the figures.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Where progress is shown.
pub(super) struct Progress {
    line: Option<ProgressBar>,
    began: Instant,
    /// Which steps are sources, in the definition's order.
    sources: Vec<bool>,
    last: Option<(Timestamp, u64)>,
    told: Instant,
    /// The last line of the run's log that was shown.
    log_seen: u64,
    whole: bool,
}

impl Progress {
    pub(super) fn new(loaded: &Loaded) -> Self {
        let line = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix} {elapsed} {wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = ProgressBar::new_spinner().with_style(style).with_prefix(loaded.definition.name.to_string());
            line.set_message("starting");
            line
        });
        let sources = loaded.plan.kinds.iter().map(|kind| *kind == StepKind::Source).collect();
        let now = Instant::now();
        Self { line, began: now, sources, last: None, told: now, log_seen: 0, whole: true }
    }

    /// Shows an event of the run. What only repeats the command is left out.
    pub(super) fn event(&mut self, envelope: &Envelope) {
        match envelope.decode() {
            Some(Ok(Event::RunQueued(_) | Event::StepStarted(_))) => return,
            Some(Ok(Event::RunStarted(event))) if event.attempt == 1 => return,
            Some(Ok(Event::RunStarted(_))) => self.whole = true,
            Some(Ok(Event::StepEnded(event))) => self.whole &= event.outcome == StepOutcome::Succeeded,
            _ => {}
        }
        self.said_at(envelope.event.at, &describe(envelope).text);
    }

    /// Shows what the steps said since the last call.
    pub(super) fn log(&mut self, log: Option<&RunLog>) {
        let lines = log.map(|log| log.after(self.log_seen, LINES_MAX)).unwrap_or_default();
        let Some((first, last)) = lines.first().zip(lines.last()) else { return };
        let missed = first.number - self.log_seen - 1;
        self.log_seen = last.number;
        if missed > 0 {
            self.say(&format!("… {} lines more came faster than they could be shown", figures::exact(missed)));
        }
        // An error ends its step, and the event of that tells it.
        for LogLine { at, step, text, .. } in lines.iter().filter(|line| line.level < LogLevel::Error) {
            self.said_at(*at, &format!("{step}: {text}"));
        }
    }

    /// Shows figures of the run.
    pub(super) fn vitals(&mut self, vitals: &Vitals, run: RunId) {
        let Some(figures) = vitals.runs.iter().find(|figures| figures.run == run) else { return };
        let read = self.read(figures);
        let (since, before) = self.last.unwrap_or((vitals.started_at, 0));
        let rate = read.saturating_sub(before) as f64 / vitals.at.duration_since(since).as_secs_f64().max(0.001);
        let text = || format!("{} records read, {}: {}", figures::exact(read), per_second(rate), steps(figures));
        match &self.line {
            Some(line) => line.set_message(text()),
            None if self.told.elapsed() < PLAIN_EVERY => return,
            None => self.said_at(vitals.at, &text()),
        }
        self.told = Instant::now();
        self.last = Some((vitals.at, read));
    }

    /// Shows a sentence. Nobody may be listening any more, which is no reason to stop.
    pub(super) fn say(&self, sentence: &str) {
        match &self.line {
            Some(line) if !line.is_finished() => line.println(sentence),
            _ => drop(writeln!(stderr(), "{sentence}")),
        }
    }

    fn said_at(&self, at: Timestamp, text: &str) {
        let at = at.to_zoned(TimeZone::system()).strftime("%H:%M:%S%.3f");
        self.say(&format!("{at} {}", safe(text)));
    }

    /// The live line goes.
    pub(super) fn finish(&self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }

    /// Since the command began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether every step that ended so far did all of its work.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    fn read(&self, figures: &RunVitals) -> u64 {
        figures.steps.iter().zip(&self.sources).filter(|(_, source)| **source).map(|(step, _)| step.counts.records_in).sum()
    }
}

fn per_second(rate: f64) -> String {
    format!("{}/s", figures::exact(rate.round() as u64))
}

/// What a step waits for, should one, because that comes first; what came out of each step.
fn steps(figures: &RunVitals) -> String {
    let name = |step: &StepVitals| step.step.as_ref().map(ToString::to_string).unwrap_or_default();
    let trouble = figures.steps.iter().find_map(|step| Some((name(step), step.retrying.as_ref()?)));
    let trouble = trouble.map(|(name, (_, why))| format!("{name} tries again: {}; ", safe(why))).unwrap_or_default();
    let part = |step: &StepVitals| format!("{} {}", name(step), figures::exact(step.counts.records_out));
    format!("{trouble}{}", figures.steps.iter().map(part).collect::<Vec<_>>().join(", "))
}
