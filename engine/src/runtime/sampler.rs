//! Takes the vital figures twice a second, less often where nothing happens, and looks whether things are as they should be.
//! Every check says what it saw: nothing is called healthy that was not looked at.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    Probes, REST_SAMPLE_EVERY, RESTS_AFTER, SAMPLE_EVERY, SLEEP_SAMPLE_EVERY, SLEEPS_AFTER, Shared,
    health::{Sight, TICK_FAIL, Troubles, findings},
};
use crate::{
    id::Position,
    port::{
        clock::{after, between},
        queue::QueueStats,
    },
    unit::Duration,
    vitals::{Bearing, Check, CheckState, Finding, ReaderVitals, Vitals},
};

/// How far back the worst lag is told.
const LAG_KEPT: Duration = Duration::from_secs(60);

/// The task.
pub(super) struct Sampler {
    shared: Arc<Shared>,
    probes: Probes,
    out: watch::Sender<Arc<Vitals>>,
    started_at: Timestamp,
    /// Lags of the last minute.
    lags: VecDeque<(Timestamp, Duration)>,
    /// Since when each check is in its state.
    states: HashMap<String, (CheckState, Timestamp)>,
    /// Where each reader was seen, and since when.
    readers: HashMap<String, (Position, Timestamp)>,
    /// When figures last told something new.
    stirred_at: Timestamp,
    /// When the passing of time alone may raise an alert, or end one.
    looked: watch::Receiver<Timestamp>,
}

impl Sampler {
    pub(super) fn new(
        shared: Arc<Shared>,
        probes: Probes,
        looked: watch::Receiver<Timestamp>,
    ) -> (Self, watch::Receiver<Arc<Vitals>>) {
        let started_at = shared.engine.clock().now();
        let (out, vitals) = watch::channel(Arc::default());
        let (lags, states, readers) = (VecDeque::new(), HashMap::new(), HashMap::new());
        let mut sampler = Self { shared, probes, out, started_at, lags, states, readers, stirred_at: started_at, looked };
        let first = sampler.figures(started_at);
        sampler.out.send_replace(Arc::new(first));
        (sampler, vitals)
    }

    pub(super) async fn run(mut self) {
        let engine = self.shared.engine.clone();
        let (clock, stirs, glances) = (engine.clock(), engine.stirs(), engine.glances());
        let (mut planned, mut seen) = (clock.now(), engine.store().head());
        let mut looked = self.looked.clone();
        loop {
            let every = self.out.borrow().newer_within;
            let (last, rests) = (planned, every > SAMPLE_EVERY);
            planned = self.next(last, every, *looked.borrow_and_update());
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return,
                () = clock.sleep_until(planned) => {}
                () = self.stirred(seen), if rests => {
                    planned = planned.min(clock.now());
                    self.stirred_at = planned;
                }
                // Somebody wants to know how things are, which is no reason to look more often from now on.
                () = glances.given(), if rests => planned = planned.min(clock.now()),
                Ok(()) = looked.changed(), if rests => {
                    planned = last;
                    continue;
                }
            }
            let now = clock.now();
            let lag = Duration(between(planned, now));
            // Marked before anything is looked at: what comes meanwhile ends a rest at once.
            seen = engine.store().head();
            stirs.take_back();
            glances.take_back();
            self.take(now, lag).await;
            planned = planned.max(now);
        }
    }

    /// When figures are taken next. At rest by whole minutes, as consoles at rest draw: so they wake once for both.
    fn next(&self, last: Timestamp, every: Duration, look_at: Timestamp) -> Timestamp {
        let soon = after(last, SAMPLE_EVERY.0);
        if every <= SAMPLE_EVERY {
            return soon;
        }
        let every = i64::try_from(every.0.as_secs()).unwrap_or(i64::MAX);
        let whole = Timestamp::from_second((last.as_second().div_euclid(every) + 1) * every).unwrap_or(Timestamp::MAX);
        // A tick that the scheduler does not get to is told in time, too.
        let late = self.shared.punctuality.read().first().map_or(Timestamp::MAX, |(_, at)| after(at, TICK_FAIL.0));
        let late = Some(late).filter(|at| *at > last).unwrap_or(Timestamp::MAX);
        whole.min(look_at.min(late).max(soon))
    }

    /// Within which time newer figures follow. Where nothing happens, whoever reads these reads the next ones less often.
    fn pace(&self, vitals: &Vitals) -> Duration {
        let still_for = between(self.stirred_at, vitals.at);
        if still_for < RESTS_AFTER.0 || vitals.refuses.is_some() || vitals.workers_busy > 0 {
            return SAMPLE_EVERY;
        }
        let is_sound = |check: &Check| {
            matches!(check.state(), CheckState::Ok | CheckState::Unknown) || check.finding.bearing == Bearing::Advice
        };
        let is_sound = vitals.checks.iter().all(is_sound);
        // What waits for its time, a lease or a drop changes without anybody's doing.
        let is_timed =
            |stats: &QueueStats| stats.delayed > 0 || stats.leased > 0 || (stats.ready > 0 && stats.limits.ttl.is_some());
        let is_timed = vitals.queues.iter().any(|(_, stats)| is_timed(stats));
        let sleeps = still_for >= SLEEPS_AFTER.0 && is_sound && !is_timed && self.probes.disk.is_none();
        if sleeps { SLEEP_SAMPLE_EVERY } else { REST_SAMPLE_EVERY }
    }

    /// Resolves when something may have happened since the last look.
    async fn stirred(&self, seen: Position) {
        let engine = &self.shared.engine;
        tokio::select! {
            () = engine.store().wait_past(seen) => {}
            () = engine.stirs().given() => {}
        }
    }

    async fn take(&mut self, now: Timestamp, lag: Duration) {
        let queues = self.shared.engine.queues().stats().await;
        let troubles = self.shared.engine.view(move |models| Troubles::of(models, now)).await;
        let disk = self.probes.disk.as_ref().map(|probe| probe());
        let mut vitals = self.figures(now);
        vitals.lag_ms = u64::try_from(lag.0.as_millis()).unwrap_or(u64::MAX);
        let lag_worst = self.worst_lag(now, lag);
        let (condition, queues_condition) = (self.shared.engine.store().condition(), self.shared.engine.queues().condition());
        vitals.refuses = condition.refuses().or(queues_condition.refuses()).map(str::to_owned);
        let sight = Sight {
            now,
            settings: &self.shared.settings,
            lag,
            lag_worst,
            parts: &self.shared.parts.all(),
            store: vitals.store,
            condition,
            queues_condition,
            appends: &vitals.appends,
            queues: &queues,
            times: &self.shared.punctuality.read(),
            readers: &vitals.readers,
            runs: &vitals.runs,
            troubles: &troubles,
            disk: disk.as_ref(),
        };
        let mut findings = findings(&sight);
        findings.extend(self.probes.more.iter().flat_map(|probe| probe(now)));
        vitals.checks = self.checks(findings, now);
        vitals.queues = queues.unwrap_or_default();
        vitals.disk = disk.and_then(Result::ok);
        if vitals.tells_more_than(&self.out.borrow()) {
            self.stirred_at = now;
        }
        vitals.newer_within = self.pace(&vitals);
        self.out.send_replace(Arc::new(vitals));
    }

    /// What can be read without waiting for anybody.
    fn figures(&mut self, at: Timestamp) -> Vitals {
        let (engine, live) = (&self.shared.engine, &self.shared.live);
        let (steps, steps_other) = live.totals();
        Vitals {
            at,
            newer_within: SAMPLE_EVERY,
            started_at: self.started_at,
            node: self.shared.settings.node.clone(),
            store: engine.store().stats(),
            store_kind: self.shared.settings.store_kind.clone(),
            appends: engine.append_vitals(),
            syncs: engine.store().syncs(),
            commands: engine.command_vitals(),
            runs: live.vitals(),
            steps,
            steps_other,
            workers_busy: live.count() as u32,
            workers: self.shared.settings.workers,
            process: (self.probes.process)(),
            readers: self.readers(at),
            ..Vitals::default()
        }
    }

    fn worst_lag(&mut self, now: Timestamp, lag: Duration) -> Duration {
        self.lags.push_back((now, lag));
        while self.lags.front().is_some_and(|(at, _)| between(*at, now) > LAG_KEPT.0) {
            self.lags.pop_front();
        }
        self.lags.iter().map(|(_, lag)| *lag).max().unwrap_or_default()
    }

    fn checks(&mut self, findings: Vec<Finding>, at: Timestamp) -> Vec<Check> {
        let check = |finding: Finding| {
            let known = self.states.get(&finding.name).filter(|(state, _)| *state == finding.state);
            let since = known.map_or(at, |(_, since)| *since);
            Check { finding, since, at }
        };
        let checks: Vec<Check> = findings.into_iter().map(check).collect();
        self.states = checks.iter().map(|check| (check.name().to_owned(), (check.state(), check.since))).collect();
        checks
    }

    fn readers(&mut self, now: Timestamp) -> Vec<ReaderVitals> {
        // The positions are read before the head: a reader never seems to be ahead of the log.
        let all = self.shared.engine.readers().all();
        let head = self.shared.engine.store().head();
        let reader = |(name, position): (String, Position)| {
            let lag = head.0.saturating_sub(position.0);
            let before = self.readers.get(&name).filter(|(seen, _)| lag > 0 && *seen == position);
            let since = before.map_or(now, |(_, since)| *since);
            ReaderVitals { name, position, lag, stuck_since: (lag > 0).then_some(since) }
        };
        let readers: Vec<ReaderVitals> = all.into_iter().map(reader).collect();
        let place = |reader: &ReaderVitals| (reader.name.clone(), (reader.position, reader.stuck_since.unwrap_or(now)));
        self.readers = readers.iter().map(place).collect();
        readers
    }
}
