//! What can be read of a damaged file, taken in as far as it fits what came before.

use crate::{
    event::Envelope,
    segment::{Contents, salvage::salvage},
};

use super::{
    super::record::Record,
    examine::{Examination, Step},
};

impl Examination<'_> {
    /// Streams and snapshots that can be read; each counts on its own.
    pub(super) fn salvage_base(&mut self, bytes: &[u8]) -> Vec<Step> {
        let records = salvage_uncommitted(bytes);
        let applied = records.into_iter().filter(|(kind, body)| self.loader.apply(*kind, body).is_ok());
        applied.map(|(kind, body)| Step::Take(kind, body)).collect()
    }

    /// Everything from a position to before another one that can be read, and what is lost between. The file may have been
    /// taken in as far as it was sound.
    pub(super) fn salvage_segment(&mut self, bytes: &[u8], next: u64, limit: Option<u64>) -> Vec<Step> {
        let (mut steps, mut at) = (Vec::new(), next);
        for (kind, body) in salvage(bytes).records {
            let Ok(record) = self.loader.decode(kind, body) else { continue };
            let fits = match record {
                Record::Event(envelope) => self.event(envelope, &mut at, limit, &mut steps),
                Record::Skip { next } => self.skip(next, &mut at, limit),
                Record::Gone { stream, first, last } => {
                    steps.extend(self.jump(&stream, first, false));
                    let _ = self.loader.contents.kept.let_go(&stream, first, last);
                    true
                }
                _ => self.loader.apply(kind, body).is_ok(),
            };
            if fits {
                steps.push(Step::Take(kind, body.to_vec()));
            }
        }
        if let Some(limit) = limit {
            self.lose(&mut at, limit, &mut steps);
        }
        steps
    }

    fn event(&mut self, envelope: Envelope, at: &mut u64, limit: Option<u64>, steps: &mut Vec<Step>) -> bool {
        let position = envelope.position.0;
        if position < *at || limit.is_some_and(|limit| position >= limit) {
            return false;
        }
        let is_new = position >= self.loader.contents.next();
        if is_new && envelope.version <= self.loader.contents.kept.version(&envelope.stream) {
            return false;
        }
        self.lose(at, position, steps);
        if is_new {
            steps.extend(self.jump(&envelope.stream, envelope.version, false));
            self.loader.contents.kept.replay(envelope);
        }
        *at = position + 1;
        true
    }

    fn skip(&mut self, next: u64, at: &mut u64, limit: Option<u64>) -> bool {
        let fits = next > *at && limit.is_none_or(|limit| next <= limit);
        if fits {
            *at = next;
            self.loader.contents.kept.leave_out_until(next);
        }
        fits
    }

    /// Events before a position are not there.
    fn lose(&mut self, at: &mut u64, position: u64, steps: &mut Vec<Step>) {
        if position > *at {
            self.report.lost.positions.push((*at, position - 1));
            steps.push(Step::Skip(position));
            self.loader.contents.kept.leave_out_until(position);
            *at = position;
        }
    }
}

/// A base is one batch: its commit record may be what is damaged, and the others are whole all the same.
fn salvage_uncommitted(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    crate::segment::salvage::every_record(bytes).into_iter().map(|(kind, body)| (kind, body.to_vec())).collect()
}
