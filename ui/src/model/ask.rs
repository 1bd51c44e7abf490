//! The question before each action on pipelines and queues: to which of those that were meant it applies and what it will
//! do. One place, so that overview, drill-down and palette ask alike.

use flexcore_engine::{
    command::{Command, PipelineCommand, QueueCommand, RunCommand},
    event::queue::PurgeScope,
    id::{PipelineName, QueueName},
    pipeline::{
        Definition,
        definition::{Mode, Trigger},
    },
    projection::board::{PipelineRow, PipelineState},
};
use serde_json::Map;

use super::{
    facts::Facts,
    sheet::{Confirmation, Grade},
};
use crate::{effect::Change, keymap::Action};

/// The most names that a sheet lists.
const NAMED_MAX: usize = 5;

/// The question before an action on pipelines. `Err`: why there is nothing to ask.
pub fn about_pipelines(action: Action, names: &[PipelineName], facts: &Facts) -> Result<Confirmation, String> {
    let rows: Vec<&PipelineRow> = names.iter().filter_map(|name| facts.models.board.pipelines.get(name)).collect();
    let first = rows.first().ok_or("there is no pipeline here")?;
    let action = if action == Action::PauseResume && first.state == PipelineState::Paused { Action::Activate } else { action };
    let (fit, unfit): (Vec<&PipelineRow>, Vec<&PipelineRow>) = rows.iter().partition(|row| applies(action, row));
    let Some(one) = fit.first() else { return Err(why_not(action, first)) };
    let changes: Vec<Change> = fit.iter().flat_map(|row| changes(action, row)).collect();
    let mut effects: Vec<String> =
        if let [row] = &fit[..] { vec![effect(action, row)] } else { named(&fit, |row| effect(action, row)) };
    if !unfit.is_empty() {
        let names: Vec<_> = unfit.iter().take(NAMED_MAX).map(|row| format!("{} ({})", row.name, row.state.word())).collect();
        effects.push(format!("left out: {}{}", names.join(", "), if unfit.len() > NAMED_MAX { ", …" } else { "" }));
    }
    let what = if fit.len() == 1 { one.name.to_string() } else { format!("{} pipelines", fit.len()) };
    let grade = fit.iter().find(|row| row.definition().protected).map_or(Grade::Yes, |row| Grade::Type(row.name.to_string()));
    let title = format!("{} {what}{}", verb(action, one), if matches!(grade, Grade::Type(_)) { " (protected)" } else { "" });
    Ok(Confirmation { title, effects, grade, changes })
}

fn named(rows: &[&PipelineRow], effect: impl Fn(&PipelineRow) -> String) -> Vec<String> {
    let line = |row: &&PipelineRow| format!("{}: {}", row.name, effect(row));
    let mut lines: Vec<String> = rows.iter().take(NAMED_MAX).map(line).collect();
    if rows.len() > NAMED_MAX {
        lines.push(format!("and {} more", rows.len() - NAMED_MAX));
    }
    lines
}

/// Whether an action on a pipeline would do anything now.
pub fn applies(action: Action, row: &PipelineRow) -> bool {
    use PipelineState as S;
    match action {
        Action::Activate => matches!(row.state, S::Draft | S::Paused),
        Action::PauseResume => row.state == S::Active,
        Action::RunNow => row.state != S::Archived,
        Action::CancelRuns => !row.live.is_empty(),
        Action::Archive => row.state != S::Archived && row.live.is_empty(),
        Action::Restore => row.state == S::Archived,
        _ => false,
    }
}

fn why_not(action: Action, row: &PipelineRow) -> String {
    let name = &row.name;
    match action {
        Action::CancelRuns => format!("{name} has no live run"),
        Action::Archive if !row.live.is_empty() => format!("{name} has {} live run(s): cancel them or wait", row.live.len()),
        _ => format!("{name} is {}: cannot {} it", row.state.word(), verb(action, row).to_lowercase()),
    }
}

fn verb(action: Action, row: &PipelineRow) -> &'static str {
    match action {
        Action::Activate if row.state == PipelineState::Paused => "Resume",
        Action::Activate => "Activate",
        Action::PauseResume => "Pause",
        Action::RunNow => "Run",
        Action::CancelRuns => "Cancel runs of",
        Action::Archive => "Archive",
        Action::Restore => "Restore",
        _ => "Change",
    }
}

fn changes(action: Action, row: &PipelineRow) -> Vec<Change> {
    let command = match action {
        Action::Activate if row.state == PipelineState::Paused => PipelineCommand::Resume,
        Action::Activate => PipelineCommand::Activate,
        Action::PauseResume => PipelineCommand::Pause { reason: String::new() },
        Action::Archive => PipelineCommand::Archive,
        Action::Restore => PipelineCommand::Restore,
        Action::RunNow => return vec![Change::Run { pipeline: row.name.clone(), params: Map::new() }],
        _ => {
            let grace = row.definition().drain;
            let cancel = |run| Change::Command(Command::Run(run, RunCommand::Cancel { reason: String::new(), grace }));
            return row.live.iter().copied().map(cancel).collect();
        }
    };
    vec![Change::pipeline(&row.name, command)]
}

fn effect(action: Action, row: &PipelineRow) -> String {
    match action {
        Action::Activate => starts(row.definition()),
        Action::PauseResume if row.live.is_empty() => "its triggers start nothing until it is resumed".into(),
        Action::PauseResume => format!("its triggers start nothing until it is resumed; {} live run(s) go on", row.live.len()),
        Action::RunNow => {
            let revision = row.current();
            format!("one run of revision {} ({}) with default parameters", revision.number, revision.revision.short())
        }
        Action::CancelRuns => {
            format!("{} live run(s) stop, at most {} for what is in flight", row.live.len(), row.definition().drain)
        }
        Action::Archive => "it is put out of use; its history stays, and it can be restored".into(),
        _ => "it is a draft again".into(),
    }
}

/// What activation sets going.
pub fn starts(definition: &Definition) -> String {
    let trigger = |trigger: &Trigger| match trigger {
        Trigger::Cron(cron) => format!("at `{}` ({})", cron.cron, cron.timezone),
        Trigger::Interval(interval) => format!("every {}", interval.interval),
    };
    let triggers: Vec<String> = definition.triggers.iter().map(trigger).collect();
    match (definition.mode, triggers.is_empty()) {
        (Mode::Continuous, _) => "one run starts now and goes on until it is stopped".into(),
        (Mode::Batch, true) => "it has no trigger: runs start by hand".into(),
        (Mode::Batch, false) => {
            let at_once = definition.triggers.iter().any(|trigger| matches!(trigger, Trigger::Interval(_)));
            format!("{}runs start {}", if at_once { "the first run starts at once; then " } else { "" }, triggers.join(" and "))
        }
    }
}

/// The question before an action on queues. `Err`: why there is nothing to ask.
pub fn about_queues(action: Action, names: &[QueueName], facts: &Facts) -> Result<Confirmation, String> {
    let stats =
        |name: &QueueName| facts.vitals.as_ref()?.queues.iter().find(|(known, _)| known == name).map(|(_, stats)| stats.clone());
    let known: Vec<_> = names.iter().filter_map(|name| stats(name).map(|stats| (name, stats))).collect();
    let (first, _) = known.first().ok_or("there is no queue here")?;
    let purge = action == Action::Purge;
    let fit: Vec<_> =
        known.iter().filter(|(_, stats)| if purge { stats.ready + stats.delayed > 0 } else { stats.dead > 0 }).collect();
    if fit.is_empty() {
        let nothing = if purge { "no waiting messages" } else { "no dead letters" };
        return Err(format!("{first} has {nothing}"));
    }
    let line = |(name, stats): &&(&QueueName, flexcore_engine::port::queue::QueueStats)| match action {
        Action::Purge => {
            format!("{name}: {} waiting message(s) are lost; {} leased stay", stats.ready + stats.delayed, stats.leased)
        }
        _ => format!("{name}: {} dead letter(s) become messages again", stats.dead),
    };
    let command = || match action {
        Action::Purge => QueueCommand::Purge { scope: PurgeScope::Messages },
        _ => QueueCommand::Redrive { messages: Vec::new() },
    };
    let changes: Vec<Change> = fit.iter().map(|(name, _)| Change::queue(name, command())).collect();
    let what = if fit.len() == 1 { fit[0].0.to_string() } else { format!("{} queues", fit.len()) };
    let grade = if purge { Grade::Type(if fit.len() == 1 { what.clone() } else { fit.len().to_string() }) } else { Grade::Yes };
    let title = format!("{} {what}", if purge { "Purge" } else { "Redrive dead letters of" });
    let effects = fit.iter().map(line).take(NAMED_MAX).collect();
    Ok(Confirmation { title, effects, grade, changes })
}
