//! A dead letter tried on the current revision: its record goes in where it was refused, and what comes out after each step
//! is shown. Nothing outside changes: sinks and tasks are left out by the engine's dry run.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use flexcore_engine::{
    flow::dry_run::DryRun,
    id::StepName,
    pipeline::{Definition, EdgeKind, Plan, Step},
    port::queue::{MessageState, PeekedMessage},
    projection::board::PipelineRow,
};
use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::{Map, json};

use crate::{
    effect::{Intent, Question},
    keymap::Action,
    link::Checked,
    model::facts::Facts,
    screen::dry,
    theme::Theme,
};

/// The name of the step that stands in for everything before.
const LETTER: &str = "dead-letter";

/// A dead letter that is being tried.
pub(super) struct Trial {
    title: String,
    shown: dry::DryView,
}

impl Trial {
    /// The trial and its question. `Err`: why it cannot be tried.
    pub(super) fn of(message: &PeekedMessage, row: &PipelineRow, facts: &Facts) -> Result<(Self, Intent), String> {
        let MessageState::Dead { origin: Some(origin), .. } = &message.state else {
            return Err("only a record that a step refused can be tried".into());
        };
        let current = row.current();
        let text = String::from_utf8_lossy(&message.body);
        let plan = facts.plans.get(&current.revision).ok_or("the graph of the pipeline is not known yet: try again")?;
        let definition = from_step(&current.definition, plan, &origin.step, &text)?;
        let checked = Checked {
            revision: current.revision,
            definition: Arc::new(definition),
            folder: PathBuf::from(&*current.source.folder),
        };
        let title = format!("Tried on revision {} (esc goes back)", current.number);
        let trial = Self { title, shown: dry::DryView::default() };
        Ok((trial, Intent::Ask(Question::DryRun { checked, params: Map::new() })))
    }

    /// Takes what the engine says.
    pub(super) fn take(&mut self, result: Result<DryRun, String>) {
        self.shown.take(result);
    }

    /// Moves in what is shown; `None`: the action is for somebody else.
    pub(super) fn moves(&mut self, action: Action) -> Option<Vec<Intent>> {
        self.shown.act(action)
    }

    /// Leaves the records. `false`: they had not the focus.
    pub(super) fn close(&mut self) -> bool {
        self.shown.close()
    }

    /// Draws it.
    pub(super) fn view(&self, theme: Theme, area: Rect, buffer: &mut Buffer) {
        self.shown.view(&self.title, theme, area, buffer);
    }
}

/// The part of a definition that begins at a step, with one record going in.
fn from_step(definition: &Definition, plan: &Plan, step: &str, record: &str) -> Result<Definition, String> {
    let edges: Vec<_> = plan.edges.iter().filter(|edge| edge.kind == EdgeKind::Data).collect();
    let first = definition.steps.iter().position(|known| known.name.as_str() == step);
    let first = first.ok_or_else(|| format!("the current revision has no step `{step}`"))?;
    if !edges.iter().any(|edge| edge.to == first) {
        return Err(format!("step `{step}` is a source: what it refused never was a record"));
    }
    let mut kept = BTreeSet::from([first]);
    while let Some(edge) = edges.iter().find(|edge| kept.contains(&edge.from) && !kept.contains(&edge.to)) {
        kept.insert(edge.to);
    }
    let letter = StepName::new(LETTER).expect("it is a name");
    let settings = json!({"count": 1, "interval": "0ms", "template": record});
    let source = json!({"name": letter, "uses": "generate", "with": settings});
    let mut steps: Vec<Step> = vec![serde_json::from_value(source).expect("it has the keys of a step")];
    for index in kept.iter().copied() {
        let needs = edges.iter().filter(|edge| edge.to == index && kept.contains(&edge.from));
        let mut needs: Vec<StepName> = needs.map(|edge| definition.steps[edge.from].name.clone()).collect();
        if index == first {
            needs = vec![letter.clone()];
        }
        steps.push(Step { needs: Some(needs), ..definition.steps[index].clone() });
    }
    Ok(Definition { steps, tests: Vec::new(), ..definition.clone() })
}
