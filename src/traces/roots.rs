//! Which spans a trace began with here, so that what comes of them is shown below them. Kept for a while and bounded: what is
//! forgotten begins at the trace itself.

use std::{collections::HashMap, mem};

use flexcore_engine::id::CorrelationId;

use super::span::SpanId;

/// Traces of one generation; two are kept.
const GENERATION_MAX: usize = 10_000;

/// How a trace began.
#[derive(Debug, Clone, Copy, Default)]
struct Root {
    /// The caller says that it is not recorded, or it is not in the share.
    is_muted: bool,
    request: Option<SpanId>,
    command: Option<SpanId>,
}

/// What is known of traces.
#[derive(Default)]
pub(super) struct Roots {
    young: HashMap<CorrelationId, Root>,
    old: HashMap<CorrelationId, Root>,
}

impl Roots {
    /// A request begins. `None`: it is not recorded.
    pub(super) fn begin(&mut self, trace: CorrelationId, is_wanted: bool) -> Option<SpanId> {
        let id = SpanId::fresh();
        self.keep(trace, Root { is_muted: !is_wanted, request: Some(id), command: None });
        is_wanted.then_some(id)
    }

    /// A command begins: its span, and the one above it.
    pub(super) fn command(&mut self, trace: CorrelationId, is_wanted: bool) -> Option<(SpanId, Option<SpanId>)> {
        let root = self.of(trace).unwrap_or(Root { is_muted: !is_wanted, ..Root::default() });
        let id = SpanId::fresh();
        self.keep(trace, Root { command: Some(id), ..root });
        (!root.is_muted).then_some((id, root.request))
    }

    /// What a run of this trace is below. `Err`: it is not recorded; `Ok(None)`: nothing is known of it.
    pub(super) fn above_run(&self, trace: CorrelationId) -> Result<Option<SpanId>, Muted> {
        match self.of(trace) {
            Some(Root { is_muted: true, .. }) => Err(Muted),
            root => Ok(root.and_then(|root| root.command.or(root.request))),
        }
    }

    /// Whether anything is known of a trace.
    pub(super) fn knows(&self, trace: CorrelationId) -> bool {
        self.of(trace).is_some()
    }

    fn of(&self, trace: CorrelationId) -> Option<Root> {
        self.young.get(&trace).or_else(|| self.old.get(&trace)).copied()
    }

    fn keep(&mut self, trace: CorrelationId, root: Root) {
        if self.young.len() >= GENERATION_MAX && !self.young.contains_key(&trace) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(trace, root);
    }
}

/// It is not recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Muted;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_below_the_command_that_asked_for_it() {
        let (mut roots, trace) = (Roots::default(), CorrelationId::fresh());
        assert_eq!(roots.above_run(trace), Ok(None));
        let request = roots.begin(trace, true).unwrap();
        assert_eq!(roots.above_run(trace), Ok(Some(request)));
        let (command, above) = roots.command(trace, false).unwrap();
        assert_eq!((above, roots.above_run(trace)), (Some(request), Ok(Some(command))));
    }

    #[test]
    fn what_the_caller_does_not_record_is_not_recorded_here() {
        let (mut roots, trace) = (Roots::default(), CorrelationId::fresh());
        assert_eq!(roots.begin(trace, false), None);
        assert!(roots.command(trace, true).is_none());
        assert_eq!(roots.above_run(trace), Err(Muted));
    }

    #[test]
    fn what_is_known_does_not_grow_beyond_its_maximum() {
        let mut roots = Roots::default();
        for _ in 0..3 * GENERATION_MAX {
            roots.begin(CorrelationId::fresh(), true);
        }
        assert!(roots.young.len() + roots.old.len() <= 2 * GENERATION_MAX);
    }
}
