//! Draws the edges of a definition and checks that records can go where they are sent. Steps whose type is unknown stay
//! in the picture without rules of their own, so that one wrong word does not cause ten mistakes.

use std::collections::{BTreeSet, HashMap};

use crate::{
    id::StepName,
    pipeline::{
        Definition, Mistake,
        definition::{Mode, STEPS_MAX},
        mistake::nearest,
    },
    port::step::{StepKind, StepTypes},
};

use super::{Edge, EdgeKind, Plan};

/// A graph in the making.
struct Drawing<'a> {
    definition: &'a Definition,
    kinds: Vec<Option<StepKind>>,
    by_name: HashMap<&'a str, usize>,
    /// For each step, those that it names as targets of records.
    targets: Vec<Vec<StepName>>,
    needs: Vec<Vec<usize>>,
    edges: BTreeSet<Edge>,
}

/// The plan; whole only when no mistake was added.
pub(super) fn draw(definition: &Definition, types: &dyn StepTypes, mistakes: &mut Vec<Mistake>) -> Plan {
    count(definition, mistakes);
    let mut drawing = Drawing {
        definition,
        kinds: kinds(definition, types, mistakes),
        by_name: names(definition, mistakes),
        targets: definition.steps.iter().map(|step| types.targets(step)).collect(),
        needs: Vec::new(),
        edges: BTreeSet::new(),
    };
    drawing.find_needs(mistakes);
    drawing.connect();
    let order = drawing.order();
    match &order {
        Some(_) => {
            drawing.check_edges(mistakes);
            drawing.bridge_disabled();
            drawing.check_flow(mistakes);
            drawing.check_targets(mistakes);
            drawing.check_waits(mistakes);
        }
        None => mistakes.push(drawing.cycle()),
    }
    drawing.into_plan(order.unwrap_or_default())
}

fn count(definition: &Definition, mistakes: &mut Vec<Mistake>) {
    let steps = definition.steps.len();
    if steps == 0 {
        mistakes
            .push(Mistake::at("/steps", "a pipeline needs at least one step").hint("begin with a source such as `file.read`"));
    }
    if steps > STEPS_MAX {
        let message = format!("{steps} steps are too many: at most {STEPS_MAX}");
        mistakes.push(Mistake::at("/steps", message).hint("split the pipeline, with a queue between the parts"));
    }
}

fn kinds(definition: &Definition, types: &dyn StepTypes, mistakes: &mut Vec<Mistake>) -> Vec<Option<StepKind>> {
    let mut kinds = Vec::new();
    for (index, step) in definition.steps.iter().enumerate() {
        let found = types.find(&step.uses);
        if found.is_none() {
            mistakes.push(unknown_type(index, &step.uses, types));
        }
        kinds.push(found.map(|step_type| step_type.kind));
    }
    kinds
}

fn unknown_type(index: usize, uses: &str, types: &dyn StepTypes) -> Mistake {
    let known: Vec<_> = types.list().iter().map(|step_type| step_type.name).collect();
    let there = format!("there are: {}", known.join(", "));
    let hint = match nearest(uses, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`? {there}"),
        None => there,
    };
    Mistake::at(format!("/steps/{index}/uses"), format!("there is no step type `{uses}`")).hint(hint)
}

fn names<'a>(definition: &'a Definition, mistakes: &mut Vec<Mistake>) -> HashMap<&'a str, usize> {
    let mut by_name = HashMap::new();
    for (index, step) in definition.steps.iter().enumerate() {
        if let Some(first) = by_name.get(step.name.as_str()) {
            let message = format!("the name `{}` is taken by step {}", step.name, first + 1);
            mistakes.push(Mistake::at(format!("/steps/{index}/name"), message).hint("give each step its own name"));
        } else {
            by_name.insert(step.name.as_str(), index);
        }
    }
    by_name
}

impl Drawing<'_> {
    fn name(&self, index: usize) -> &StepName {
        &self.definition.steps[index].name
    }

    fn find_needs(&mut self, mistakes: &mut Vec<Mistake>) {
        for index in 0..self.definition.steps.len() {
            let needs = match &self.definition.steps[index].needs {
                Some(names) => self.written_needs(index, names, mistakes),
                None => self.implied_needs(index),
            };
            self.needs.push(needs);
        }
    }

    fn written_needs(&self, index: usize, names: &[StepName], mistakes: &mut Vec<Mistake>) -> Vec<usize> {
        let mut needs = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let pointer = format!("/steps/{index}/needs/{at}");
            match self.by_name.get(name.as_str()) {
                None => {
                    let known = self.by_name.keys().copied();
                    mistakes.push(Mistake::at(pointer, format!("there is no step `{name}`")).did_you_mean(name.as_str(), known));
                }
                Some(need) if needs.contains(need) => {
                    mistakes.push(Mistake::at(pointer, format!("`{name}` is named twice")).hint("name it once"));
                }
                Some(need) => needs.push(*need),
            }
        }
        needs
    }

    /// The routes that name the step; else the step before, unless the step begins a path of its own.
    fn implied_needs(&self, index: usize) -> Vec<usize> {
        if self.kinds[index] == Some(StepKind::Source) {
            return Vec::new();
        }
        let name = self.name(index);
        let routes: Vec<_> =
            (0..self.targets.len()).filter(|from| *from != index && self.targets[*from].contains(name)).collect();
        if routes.is_empty() { index.checked_sub(1).into_iter().collect() } else { routes }
    }

    fn connect(&mut self) {
        for to in 0..self.needs.len() {
            for from in self.needs[to].clone() {
                self.edges.insert(Edge { from, to, kind: self.kind_between(from, to) });
            }
        }
    }

    fn kind_between(&self, from: usize, to: usize) -> EdgeKind {
        let gives = self.kinds[from].is_none_or(StepKind::gives_records);
        let takes = self.kinds[to].is_none_or(StepKind::takes_records);
        if gives && takes { EdgeKind::Data } else { EdgeKind::Order }
    }

    /// Steps, each after all that it needs; `None` when some need each other.
    fn order(&self) -> Option<Vec<usize>> {
        let mut order: Vec<usize> = Vec::new();
        let mut placed = vec![false; self.needs.len()];
        while order.len() < placed.len() {
            let next = (0..placed.len()).find(|index| !placed[*index] && self.needs[*index].iter().all(|need| placed[*need]))?;
            placed[next] = true;
            order.push(next);
        }
        Some(order)
    }

    /// Called only when there is a cycle: walks needs that cannot be placed until one comes again.
    fn cycle(&self) -> Mistake {
        let mut open: Vec<bool> = vec![true; self.needs.len()];
        while let Some(free) = (0..open.len()).find(|index| open[*index] && self.needs[*index].iter().all(|need| !open[*need])) {
            open[free] = false;
        }
        let start = open.iter().position(|open| *open).expect("a graph without an order has a cycle");
        let mut path = vec![start];
        let first = loop {
            let last = path[path.len() - 1];
            let next = *self.needs[last].iter().find(|need| open[**need]).expect("an open step needs an open step");
            if let Some(first) = path.iter().position(|step| *step == next) {
                break first;
            }
            path.push(next);
        };
        let (at, mut circle) = (path[first], path.split_off(first));
        circle.push(at);
        circle.reverse();
        let names: Vec<_> = circle.iter().map(|index| self.name(*index).as_str()).collect();
        Mistake::at(format!("/steps/{at}/needs"), format!("the steps need each other: {}", names.join(" → ")))
            .hint("take one of these needs away")
    }

    /// Written needs that cannot carry what they seem to carry.
    fn check_edges(&self, mistakes: &mut Vec<Mistake>) {
        for edge in &self.edges {
            let (Some(from), Some(to)) = (self.kinds[edge.from], self.kinds[edge.to]) else { continue };
            let (before, after) = (self.name(edge.from), self.name(edge.to));
            let pointer = self.need_pointer(edge);
            if to.takes_records() && from == StepKind::Sink {
                let message = format!("`{after}` takes records, but `{before}` is a sink and gives none");
                mistakes.push(Mistake::at(pointer, message).hint(format!("need the step before `{before}` instead")));
            } else if to == StepKind::Source && from.gives_records() {
                let message = format!("`{after}` is a source and takes no records, but needs `{before}`, which gives some");
                mistakes.push(Mistake::at(pointer, message).hint("write `needs: []`"));
            }
        }
    }

    fn need_pointer(&self, edge: &Edge) -> String {
        let written = self.definition.steps[edge.to].needs.is_some();
        let at = self.needs[edge.to].iter().position(|need| *need == edge.from).unwrap_or_default();
        if written { format!("/steps/{}/needs/{at}", edge.to) } else { format!("/steps/{}", edge.to) }
    }

    fn bridge_disabled(&mut self) {
        for gone in 0..self.definition.steps.len() {
            if self.definition.steps[gone].enabled {
                continue;
            }
            let (touching, mut kept): (BTreeSet<Edge>, BTreeSet<Edge>) =
                std::mem::take(&mut self.edges).into_iter().partition(|edge| edge.from == gone || edge.to == gone);
            for before in touching.iter().filter(|edge| edge.to == gone) {
                for after in touching.iter().filter(|edge| edge.from == gone) {
                    let kind = self.kind_between(before.from, after.to);
                    kept.insert(Edge { from: before.from, to: after.to, kind });
                }
            }
            self.edges = kept;
        }
    }

    fn check_flow(&self, mistakes: &mut Vec<Mistake>) {
        for (index, step) in self.definition.steps.iter().enumerate() {
            let Some(kind) = self.kinds[index].filter(|_| step.enabled) else { continue };
            let pointer = format!("/steps/{index}");
            let data = |end: fn(&Edge) -> usize| self.edges.iter().any(|e| e.kind == EdgeKind::Data && end(e) == index);
            if kind.takes_records() && !data(|edge| edge.to) && !self.needs_a_sink(index) {
                let message = format!("no records come to `{}`", step.name);
                mistakes.push(Mistake::at(pointer, message).hint("put a source before it, or name one in `needs`"));
            } else if kind.gives_records() && !data(|edge| edge.from) {
                mistakes.push(self.goes_nowhere(index));
            }
        }
        let enabled =
            |kind| (0..self.kinds.len()).any(|at| self.kinds[at].is_none_or(|k| k == kind) && self.definition.steps[at].enabled);
        if self.definition.mode == Mode::Continuous && !self.kinds.is_empty() && !enabled(StepKind::Source) {
            let message = "a continuous pipeline needs a source: tasks alone end by themselves";
            mistakes.push(Mistake::at("/mode", message).hint("write `mode: batch`, or add a source"));
        }
        if !self.kinds.is_empty() && self.definition.steps.iter().all(|step| !step.enabled) {
            mistakes.push(Mistake::at("/steps", "every step is disabled").hint("enable at least one"));
        }
    }

    /// That is said already, at the need.
    fn needs_a_sink(&self, index: usize) -> bool {
        self.needs[index].iter().any(|need| self.kinds[*need] == Some(StepKind::Sink))
    }

    fn goes_nowhere(&self, index: usize) -> Mistake {
        let name = self.name(index);
        let disabled =
            self.needs.iter().enumerate().find(|(at, needs)| needs.contains(&index) && !self.definition.steps[*at].enabled);
        let mistake = Mistake::at(format!("/steps/{index}"), format!("the records of `{name}` go nowhere"));
        match disabled {
            Some((at, _)) => {
                mistake.hint(format!("`{}` after it is disabled: put a `drop` there to lose them on purpose", self.name(at)))
            }
            None => mistake.hint("put a sink after it; `drop` is one that keeps nothing"),
        }
    }

    fn check_targets(&self, mistakes: &mut Vec<Mistake>) {
        for (from, targets) in self.targets.iter().enumerate().filter(|(from, _)| self.definition.steps[*from].enabled) {
            for target in targets {
                if let Some(mistake) = self.target_mistake(from, target) {
                    mistakes.push(mistake);
                }
            }
        }
    }

    fn target_mistake(&self, from: usize, target: &StepName) -> Option<Mistake> {
        let name = self.name(from);
        let mistake = |message: String| Some(Mistake::at(format!("/steps/{from}/with"), message));
        let Some(to) = self.by_name.get(target.as_str()).copied() else {
            let message = format!("`{name}` sends records to `{target}`, but there is no such step");
            return mistake(message).map(|mistake| mistake.did_you_mean(target.as_str(), self.by_name.keys().copied()));
        };
        if !self.kinds[to].is_none_or(StepKind::takes_records) {
            return mistake(format!("`{name}` sends records to `{target}`, which takes none"));
        }
        if !self.definition.steps[to].enabled {
            let message = format!("`{name}` sends records to `{target}`, which is disabled");
            return mistake(message).map(|mistake| mistake.hint("enable it, or put a `drop` in its place"));
        }
        if !self.needs[to].contains(&from) {
            let message = format!("`{name}` sends records to `{target}`, but `{target}` does not need `{name}`");
            return mistake(message)
                .map(|mistake| mistake.hint(format!("add `{name}` to its `needs`, or leave its `needs` out")));
        }
        None
    }

    /// A step that takes records and waits for the end of another must not hold up that other's own records.
    fn check_waits(&self, mistakes: &mut Vec<Mistake>) {
        for edge in self.edges.iter().filter(|edge| edge.kind == EdgeKind::Order) {
            if !self.kinds[edge.to].is_some_and(StepKind::takes_records) || self.kinds[edge.from] == Some(StepKind::Sink) {
                continue;
            }
            let feeding = self.ancestors(edge.to, |edge| edge.kind == EdgeKind::Data);
            let awaited = self.ancestors(edge.from, |_| true);
            if let Some(shared) = feeding.intersection(&awaited).next() {
                let (after, before, shared) = (self.name(edge.to), self.name(edge.from), self.name(*shared));
                let message = format!(
                    "`{after}` would wait for itself: it begins after `{before}`, which ends after `{shared}`, \
                                       whose records `{after}` must take"
                );
                mistakes.push(Mistake::at(self.need_pointer(edge), message).hint(format!("take `{before}` out of its `needs`")));
            }
        }
    }

    fn ancestors(&self, of: usize, follow: impl Fn(&Edge) -> bool) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![of];
        while let Some(step) = open.pop() {
            for edge in self.edges.iter().filter(|edge| edge.to == step && follow(edge)) {
                if found.insert(edge.from) {
                    open.push(edge.from);
                }
            }
        }
        found
    }

    fn into_plan(self, order: Vec<usize>) -> Plan {
        let steps = &self.definition.steps;
        Plan {
            steps: steps.iter().map(|step| step.name.clone()).collect(),
            kinds: self.kinds.iter().map(|kind| kind.unwrap_or(StepKind::Task)).collect(),
            enabled: steps.iter().map(|step| step.enabled).collect(),
            order: order.into_iter().filter(|index| steps[*index].enabled).collect(),
            edges: self.edges.into_iter().collect(),
        }
    }
}
