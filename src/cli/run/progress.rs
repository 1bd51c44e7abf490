//! Progress of one run: one live line on a terminal, plain lines otherwise.

use std::io::{IsTerminal, stderr};

use flexcore_engine::{
    event::Envelope,
    id::RunId,
    pipeline::Definition,
    projection::describe::describe,
    vitals::{RunVitals, Vitals},
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{Timestamp, tz::TimeZone};

/// Where progress is shown.
pub(super) struct Progress {
    line: Option<ProgressBar>,
    last: Option<(Timestamp, u64)>,
}

impl Progress {
    pub(super) fn new(definition: &Definition) -> Self {
        let line = stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{prefix} {elapsed} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = ProgressBar::new_spinner().with_style(style).with_prefix(definition.name.to_string());
            line.set_message("starting");
            line
        });
        Self { line, last: None }
    }

    /// Shows an event of the run.
    pub(super) fn event(&self, envelope: &Envelope) {
        let at = envelope.event.at.to_zoned(TimeZone::system()).strftime("%H:%M:%S%.3f").to_string();
        self.say(&format!("{at} {}", describe(envelope).text));
    }

    /// Shows figures of the run.
    pub(super) fn vitals(&mut self, vitals: &Vitals, run: RunId) {
        let Some(line) = &self.line else { return };
        let Some(figures) = vitals.runs.iter().find(|figures| figures.run == run) else { return };
        let read = given(figures);
        let rate = self.last.map(|(at, before)| {
            let seconds = vitals.at.duration_since(at).as_secs_f64();
            read.saturating_sub(before) as f64 / seconds.max(0.001)
        });
        self.last = Some((vitals.at, read));
        line.set_message(format!("{read} records read, {:.0}/s, {}", rate.unwrap_or_default(), steps(figures)));
    }

    /// Shows a sentence.
    #[expect(clippy::print_stderr, reason = "the command line's own output")]
    pub(super) fn say(&self, sentence: &str) {
        match &self.line {
            Some(line) => line.println(sentence),
            None => eprintln!("{sentence}"),
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

/// Records that the sources gave: those of steps into which nothing goes.
fn given(figures: &RunVitals) -> u64 {
    figures.steps.iter().filter(|step| step.counts.records_in == 0).map(|step| step.counts.records_out).sum()
}

fn steps(figures: &RunVitals) -> String {
    let part = |step: &flexcore_engine::vitals::StepVitals| {
        let name = step.step.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{name} {}", step.counts.records_out)
    };
    figures.steps.iter().map(part).collect::<Vec<_>>().join(" > ")
}
