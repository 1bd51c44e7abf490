//! What the engine has acknowledged, and what it may have done besides: requests that were under way when it was killed.

use std::collections::HashSet;

/// Events of one stream, or messages of one sender, counted from 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Series {
    /// Up to here all were acknowledged.
    pub(crate) acked: u64,
    /// Up to here all were asked for.
    pub(crate) tried: u64,
}

/// A message of the queue `box`: sender and number.
pub(crate) type Key = (usize, u64);

#[derive(Default)]
pub(crate) struct Model {
    /// By appender: the stream `load/N`.
    pub(crate) streams: Vec<Series>,
    /// By sender to the queue `box`.
    pub(crate) senders: Vec<Series>,
    /// Messages whose ack was acknowledged.
    pub(crate) done: HashSet<Key>,
    /// Messages whose ack was asked for.
    pub(crate) unsure: HashSet<Key>,
    /// Messages that a killed engine had not taken; their numbers are not used again.
    pub(crate) never: HashSet<Key>,
    /// To the queue `work`, which a pipeline drains into a file.
    pub(crate) work: Series,
    /// Numbers of these that were acknowledged.
    pub(crate) sure: HashSet<u64>,
    /// Everything up to this position of the log was looked at, and what stood there.
    pub(crate) seen: Option<(u64, String)>,
    /// Runs of the pipelines from file to file that succeeded: replacing, appending.
    pub(crate) replaced: u64,
    pub(crate) appended: u64,
    pub(crate) figures: Figures,
}

#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) kills: u64,
    pub(crate) events: u64,
    pub(crate) unacked_events_there: u64,
    pub(crate) messages: u64,
    pub(crate) redelivered: u64,
    pub(crate) twice_in_work: u64,
    pub(crate) torn_made: u64,
    pub(crate) torn_cut: u64,
    pub(crate) counted: u64,
    pub(crate) refused: u64,
}

impl Model {
    pub(crate) fn line(&self) -> String {
        let Figures { events, messages, .. } = self.figures;
        let (acks, work, runs) = (self.done.len(), self.sure.len(), self.replaced + self.appended);
        format!("{events} events, {messages} messages, {acks} acks, {work} through a pipeline, {runs} runs ended: all there")
    }

    /// Nothing can be lost of what there was none of: a run in which something was never taken has shown nothing of it.
    pub(crate) fn is_not_vacuous(&self) -> Result<(), String> {
        let totals = [
            ("event was acknowledged", self.figures.events),
            ("message was acknowledged", self.figures.messages),
            ("ack was acknowledged", self.done.len() as u64),
            ("message went through a pipeline", self.sure.len() as u64),
            ("record was counted from generate to file", self.figures.counted),
            ("run replaced its file", self.replaced),
            ("run added to its file", self.appended),
        ];
        match totals.into_iter().find(|(_, total)| *total == 0) {
            Some((what, _)) => Err(format!("no {what}, so nothing is shown of them; are there enough kills?\n{}", self.report())),
            None => Ok(()),
        }
    }

    pub(crate) fn report(&self) -> String {
        let Figures { kills, events, messages, redelivered, .. } = self.figures;
        let Figures { unacked_events_there, twice_in_work, torn_made, torn_cut, counted, refused, .. } = self.figures;
        let (acks, work) = (self.done.len(), self.sure.len());
        format!(
            "  kills                                {kills}\n\
             \x20 torn writes made / cut off at starts {torn_made} / {torn_cut}\n\
             \x20 events acknowledged and there        {events}, in order ({unacked_events_there} more of a request under way)\n\
             \x20 messages acknowledged and there      {messages}\n\
             \x20 acks acknowledged, none came again   {acks} ({redelivered} deliveries were a second or later one)\n\
             \x20 queue to file: acknowledged, there   {work} ({twice_in_work} twice: at least once)\n\
             \x20 generate to file: no gap, none twice {counted}\n\
             \x20 file to file, runs: replaced, added  {}, {}: byte for byte\n\
             \x20 requests refused                     {refused}\n\
             \x20 lost 0, invented 0",
            self.replaced, self.appended
        )
    }
}
