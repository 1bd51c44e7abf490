//! What is asked of each pipeline for the console itself: when it is due next, and the graph of its current revision. Both
//! are kept as things change, for with thousands of pipelines nobody can look at all of them for every page of events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use flexcore_engine::{
    id::{PipelineName, Revision},
    pipeline::{Definition, Plan, definition::Mode},
    projection::board::{Board, PipelineRow, PipelineState},
};
use jiff::Timestamp;

/// The most questions for a next tick at once.
const DUE_ASKED_MAX: usize = 16;
/// The most questions for a graph that wait for an answer.
const PLANS_ASKED_MAX: usize = 64;

/// When pipelines are due next, as far as it was asked.
#[derive(Debug, Clone, Default)]
pub struct Agenda {
    due: BTreeMap<PipelineName, Timestamp>,
    /// The same, soonest first, without those that have passed.
    ahead: BTreeSet<(Timestamp, PipelineName)>,
    /// Not asked yet since it may have changed. Being asked, or never due: in none of the three.
    unknown: BTreeSet<PipelineName>,
}

impl Agenda {
    /// When a pipeline is due next, as far as is known.
    pub fn get(&self, name: &PipelineName) -> Option<Timestamp> {
        self.due.get(name).copied()
    }

    /// Of how many pipelines it is known.
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether it is known of none.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// These are the pipelines, and nothing is known of them.
    pub fn begin(&mut self, board: &Board) {
        *self = Self { unknown: board.pipelines.keys().cloned().collect(), ..Self::default() };
    }

    /// A pipeline's schedule may be another one after any event of its own.
    pub fn look_again(&mut self, name: &str, board: &Board) {
        self.forget(name);
        match board.pipelines.get(name) {
            Some(row) => drop(self.unknown.insert(row.name.clone())),
            None => drop(self.unknown.remove(name)),
        }
    }

    /// It was answered when a pipeline is due. One that is never due is not asked again until it changes.
    pub fn answered(&mut self, name: PipelineName, due: Option<Timestamp>) {
        self.forget(name.as_str());
        if let Some(due) = due {
            self.ahead.insert((due, name.clone()));
            self.due.insert(name, due);
        }
    }

    /// It could not be answered: it is asked again.
    pub fn unanswered(&mut self, name: PipelineName) {
        self.unknown.insert(name);
    }

    /// When the first one is due, as far as is known.
    pub fn next(&self) -> Option<Timestamp> {
        self.ahead.first().map(|(due, _)| *due)
    }

    /// Whether one is due before a moment.
    pub fn is_due_before(&self, at: Timestamp) -> bool {
        self.next().is_some_and(|due| due < at)
    }

    /// Of which pipelines to ask now: not known, or passed.
    pub fn to_ask(&mut self, now: Timestamp, board: &Board) -> Vec<PipelineName> {
        while self.ahead.first().is_some_and(|(due, _)| *due <= now) {
            self.unknown.extend(self.ahead.pop_first().map(|(_, name)| name));
        }
        let mut names = Vec::new();
        while names.len() < DUE_ASKED_MAX
            && let Some(name) = self.unknown.pop_first()
        {
            names.extend(board.pipelines.get(&name).is_some_and(is_scheduled).then_some(name));
        }
        names
    }

    fn forget(&mut self, name: &str) {
        if let Some((name, due)) = self.due.remove_entry(name) {
            self.ahead.remove(&(due, name));
        }
    }
}

fn is_scheduled(row: &PipelineRow) -> bool {
    let definition = row.definition();
    row.state == PipelineState::Active && definition.mode == Mode::Batch && !definition.triggers.is_empty()
}

/// The graphs of the current revisions, as far as they were asked for.
#[derive(Debug, Clone, Default)]
pub struct Plans {
    known: BTreeMap<Revision, Arc<Plan>>,
    current: BTreeMap<PipelineName, Revision>,
    asked: BTreeSet<Revision>,
    /// To be asked when something is heard of pipelines.
    unknown: BTreeSet<PipelineName>,
}

impl Plans {
    /// The graph of a revision, if it is current and known.
    pub fn get(&self, revision: &Revision) -> Option<&Arc<Plan>> {
        self.known.get(revision)
    }

    /// These are the pipelines. What is known of their revisions stays.
    pub fn begin(&mut self, board: &Board) {
        self.current = board.pipelines.values().map(|row| (row.name.clone(), row.current().revision)).collect();
        let current: BTreeSet<_> = self.current.values().copied().collect();
        self.known.retain(|revision, _| current.contains(revision));
        self.asked.clear();
        self.unknown = self.current.keys().cloned().collect();
    }

    /// A pipeline may have another revision after an event of its own.
    pub fn look_again(&mut self, name: &str, board: &Board) {
        let row = board.pipelines.get(name);
        let revision = row.map(|row| row.current().revision);
        if let Some(before) = self.current.get(name).filter(|before| Some(**before) != revision).copied() {
            self.known.remove(&before);
            self.current.remove(name);
            self.unknown.remove(name);
        }
        if let Some(row) = row
            && !self.known.contains_key(&row.current().revision)
        {
            self.current.insert(row.name.clone(), row.current().revision);
            self.unknown.insert(row.name.clone());
        }
    }

    /// Whether the graph of a revision was asked for and not answered yet.
    pub fn awaits(&self, revision: &Revision) -> bool {
        self.asked.contains(revision)
    }

    /// It was answered what the graph of a revision is. One that cannot be had now is asked for again when something is heard
    /// of its pipeline.
    pub fn answered(&mut self, revision: Revision, plan: Option<Plan>) {
        self.asked.remove(&revision);
        if let Some(plan) = plan {
            self.known.insert(revision, Arc::new(plan));
        }
    }

    /// Of which graphs to ask now.
    pub fn to_ask(&mut self, board: &Board) -> Vec<(Revision, Arc<Definition>)> {
        let mut asked = Vec::new();
        while self.asked.len() < PLANS_ASKED_MAX
            && let Some(name) = self.unknown.pop_first()
        {
            let Some(current) = board.pipelines.get(&name).map(PipelineRow::current) else { continue };
            if !self.known.contains_key(&current.revision) && self.asked.insert(current.revision) {
                asked.push((current.revision, current.definition.clone()));
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::facts::{many, now};

    fn names(board: &Board) -> Vec<PipelineName> {
        board.pipelines.keys().cloned().collect()
    }

    #[test]
    fn each_scheduled_pipeline_is_asked_once_and_again_when_its_time_has_passed() {
        let board = many(20).board;
        let (mut agenda, names) = (Agenda::default(), names(&board));
        agenda.begin(&board);
        assert_eq!(agenda.to_ask(now(), &board), names[..DUE_ASKED_MAX]);
        assert_eq!(agenda.to_ask(now(), &board), names[DUE_ASKED_MAX..]);
        assert!(agenda.to_ask(now(), &board).is_empty());
        let due = now() + SignedDuration::from_hours(1);
        agenda.answered(names[3].clone(), Some(due));
        agenda.answered(names[4].clone(), None);
        agenda.unanswered(names[5].clone());
        assert_eq!((agenda.get(&names[3]), agenda.get(&names[4]), agenda.len()), (Some(due), None, 1));
        assert_eq!(agenda.to_ask(now(), &board), [names[5].clone()]);
        assert_eq!(agenda.to_ask(due, &board), [names[3].clone()]);
        assert_eq!((agenda.get(&names[3]), agenda.to_ask(due, &board)), (Some(due), Vec::new()));
    }

    #[test]
    fn a_pipeline_with_an_event_is_asked_again_and_one_that_is_gone_is_not() {
        let mut board = many(3).board;
        let (mut agenda, names) = (Agenda::default(), names(&board));
        agenda.begin(&board);
        agenda.to_ask(now(), &board);
        let due = now() + SignedDuration::from_hours(1);
        for name in &names {
            agenda.answered(name.clone(), Some(due));
        }
        agenda.look_again(names[1].as_str(), &board);
        assert_eq!((agenda.get(&names[1]), agenda.len()), (None, 2));
        board.pipelines.remove(&names[2]);
        agenda.look_again(names[2].as_str(), &board);
        assert_eq!(agenda.to_ask(due - SignedDuration::from_secs(1), &board), [names[1].clone()]);
        assert_eq!(agenda.to_ask(due, &board), [names[0].clone()]);
    }

    #[test]
    fn graphs_are_asked_a_few_at_a_time_and_those_of_older_revisions_are_forgotten() {
        let mut board = many(PLANS_ASKED_MAX + 2).board;
        let names = names(&board);
        for (at, name) in names.iter().enumerate() {
            let row = board.pipelines.get_mut(name).unwrap();
            row.revisions.last_mut().unwrap().revision = Revision([at as u8; 32]);
        }
        let mut plans = Plans::default();
        plans.begin(&board);
        assert_eq!(plans.to_ask(&board).len(), PLANS_ASKED_MAX);
        assert!(plans.to_ask(&board).is_empty());
        plans.answered(Revision([0; 32]), Some(Plan::default()));
        plans.answered(Revision([1; 32]), None);
        assert_eq!(plans.to_ask(&board).len(), 2);
        plans.look_again(names[1].as_str(), &board);
        plans.look_again(names[0].as_str(), &board);
        plans.answered(Revision([2; 32]), Some(Plan::default()));
        assert_eq!(plans.to_ask(&board).iter().map(|(revision, _)| *revision).collect::<Vec<_>>(), [Revision([1; 32])]);
        board.pipelines.get_mut(&names[0]).unwrap().revisions.last_mut().unwrap().revision = Revision([200; 32]);
        assert!(plans.get(&Revision([0; 32])).is_some());
        plans.look_again(names[0].as_str(), &board);
        assert!(plans.get(&Revision([0; 32])).is_none());
    }
}
