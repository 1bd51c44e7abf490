//! Commands with words after them: `activate quakes`, `purge orders`, `since 20m`, `events failed`. While the words are
//! typed, the lines below are what the command would do with them.

use flexcore_engine::{id::QueueName, unit::Duration};

use super::super::past;
use crate::{
    keymap::{Action, Scope},
    model::{
        Model,
        overlay::{Hit, Target},
    },
};

/// The most lines for one command.
const LINES_MAX: usize = 200;

const SINCE: &str = "since";
const EVENTS: &str = "events";
const AT: &str = "at";
const TIME: &str = "time";

/// Commands that want a word and are no action of this screen.
pub(super) fn openers(model: &Model, known: &[Hit]) -> Vec<Hit> {
    let opener = |word: &'static str, description: &str| Hit {
        target: Target::Word(word),
        name: word.to_owned(),
        description: description.to_owned(),
        keys: String::new(),
    };
    let mut hits = vec![
        opener(SINCE, "only the events of so long: since 20m, since all"),
        opener(AT, "time travel: at 03:07, at -15m, at #1234, at now"),
        opener(EVENTS, "only the events that pass a filter: events failed"),
    ];
    for (scope, what) in [(Scope::Pipelines, "a pipeline"), (Scope::Queues, "a queue")] {
        let lines = model.keymap.lines(&[scope]).into_iter().filter(|line| line.binding.scope == scope);
        let named = lines.filter(|line| acts_on_a_name(line.binding.action));
        let unknown = named.filter(|line| !known.iter().any(|hit| hit.name == line.binding.name));
        hits.extend(unknown.map(|line| opener(line.binding.name, &format!("{what}: {} NAME", line.binding.name))));
    }
    hits
}

fn acts_on_a_name(action: Action) -> bool {
    use Action as A;
    matches!(
        action,
        A::Activate
            | A::PauseResume
            | A::RunNow
            | A::RunWith
            | A::CancelRuns
            | A::Archive
            | A::Restore
            | A::Purge
            | A::Redrive
            | A::Why
    )
}

/// Whether a command may have a name after it.
pub(super) fn takes_a_name(model: &Model, verb: &str) -> bool {
    action(model, Scope::Pipelines, verb).or_else(|| action(model, Scope::Queues, verb)).is_some()
}

/// The action of a command; what is not in the key table, as in a read-only console, is no command.
fn action(model: &Model, scope: Scope, verb: &str) -> Option<Action> {
    let lines = model.keymap.lines(&[scope]);
    let line = lines.into_iter().find(|line| line.binding.scope == scope && line.binding.name == verb)?;
    acts_on_a_name(line.binding.action).then_some(line.binding.action)
}

/// What is meant by a command with words after it. Nothing: it is no such command, or there is no such thing.
pub(super) fn meant(model: &Model, typed: &str) -> Vec<Hit> {
    let Some((verb, rest)) = typed.split_once(' ') else { return Vec::new() };
    let rest = rest.trim();
    match verb {
        SINCE => vec![since(rest)],
        AT | TIME => vec![at(model, verb, rest)],
        EVENTS => vec![Hit {
            target: Target::Events(rest.to_owned()),
            name: typed.trim().to_owned(),
            description: "only the events that pass: text, !text, /regex/, -f fuzzy, jq:…".into(),
            keys: String::new(),
        }],
        verb => on_things(model, verb, rest),
    }
}

fn at(model: &Model, verb: &str, rest: &str) -> Hit {
    let (target, description) = match past::meant(model, rest) {
        Ok(meant) => (Target::Travel(meant), model.live().told(meant, model.now)),
        Err(why) => (Target::Word(AT), why),
    };
    Hit { target, name: format!("{verb} {rest}"), description, keys: String::new() }
}

fn since(rest: &str) -> Hit {
    let range = match rest {
        "all" => Ok(None),
        rest => rest.parse::<Duration>().map(Some),
    };
    let (target, description) = match range {
        Ok(None) => (Target::Since(None), "all events that are kept".to_owned()),
        Ok(Some(range)) => (Target::Since(Some(range)), format!("the events of the last {range}")),
        Err(_) => (Target::Word(SINCE), "write it like 90s, 20m, 2h or all".to_owned()),
    };
    Hit { target, name: format!("{SINCE} {rest}"), description, keys: String::new() }
}

fn on_things(model: &Model, verb: &str, rest: &str) -> Vec<Hit> {
    let wanted = rest.to_lowercase();
    let fits = |name: &str| name.to_lowercase().contains(&wanted);
    let hit = |target, name: &str, description: String| Hit {
        target,
        name: format!("{verb} {name}"),
        description,
        keys: String::new(),
    };
    let mut hits = Vec::new();
    if let Some(action) = action(model, Scope::Pipelines, verb) {
        let rows = model.facts.models.board.pipelines.values().filter(|row| fits(row.name.as_str()));
        hits.extend(rows.take(LINES_MAX).map(|row| {
            hit(Target::OnPipeline(action, row.name.clone()), row.name.as_str(), format!("pipeline, {}", row.state.word()))
        }));
    }
    if let Some(action) = action(model, Scope::Queues, verb) {
        let queues = model.facts.vitals.iter().flat_map(|vitals| &vitals.queues);
        let queues = queues.filter(|(name, _): &&(QueueName, _)| !name.is_internal() && fits(name.as_str()));
        hits.extend(queues.take(LINES_MAX).map(|(name, stats)| {
            let description = format!("queue, {} ready, {} dead", stats.ready, stats.dead);
            hit(Target::OnQueue(action, name.clone()), name.as_str(), description)
        }));
    }
    // What is named in full comes first.
    hits.sort_by_key(|hit| !hit.name.ends_with(&format!(" {rest}")));
    hits
}
