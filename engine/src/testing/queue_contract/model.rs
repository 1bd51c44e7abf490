//! A queue as simple as it can be said, and any sequence of calls against it: a list of messages that is searched from end
//! to end.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{Arc, Duration, MessageId, NewMessage, Peek, QueueLimits, Queues, Receipt, Subject, clock, is_stale, message};

const ATTEMPTS_MAX: u32 = 3;

/// One call; choices are taken modulo what there is.
#[derive(Debug, Clone)]
enum Call {
    Send { priority: u8, delay: u64, ttl: Option<u64> },
    Receive { max: usize, lease: u64 },
    Ack(usize),
    Nack(usize, Option<u64>),
    Release(usize, u64),
    Extend(usize, u64),
    Redrive,
    Purge { dead: bool },
    Pass(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Ready,
    Delayed(u64),
    Leased(u64),
    Dead,
}

#[derive(Debug, Clone)]
struct Told {
    id: MessageId,
    state: State,
    /// When it came into its state, in calls: the order among equals.
    order: u64,
    priority: u8,
    attempts: u32,
    receipt: Option<Receipt>,
    expires: Option<u64>,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    order: u64,
    messages: Vec<Told>,
    sent: u64,
    acked: u64,
    dropped: u64,
    receipts: Vec<Receipt>,
}

impl Model {
    fn enter(&mut self, at: usize, state: State) {
        self.order += 1;
        let order = self.order;
        let told = &mut self.messages[at];
        (told.state, told.order) = (state, order);
    }

    fn first(&self, key: impl Fn(&Told) -> Option<u64>) -> Option<usize> {
        let all = self.messages.iter().enumerate();
        let due = all.filter_map(|(at, told)| key(told).filter(|due| *due <= self.now).map(|due| (due, told.order, at)));
        due.min().map(|(_, _, at)| at)
    }

    fn settle(&mut self) {
        let lease_end = |told: &Told| if let State::Leased(until) = told.state { Some(until) } else { None };
        while let Some(at) = self.first(lease_end) {
            let State::Leased(until) = self.messages[at].state else { unreachable!("it is leased") };
            self.fail(at, until, None);
        }
        let due = |told: &Told| if let State::Delayed(due) = told.state { Some(due) } else { None };
        while let Some(at) = self.first(due) {
            self.enter(at, State::Ready);
        }
        let (now, before) = (self.now, self.messages.len());
        let waits = |told: &Told| matches!(told.state, State::Ready | State::Delayed(_));
        self.messages.retain(|told| !(waits(told) && told.expires.is_some_and(|expires| expires <= now)));
        self.dropped += (before - self.messages.len()) as u64;
    }

    fn fail(&mut self, at: usize, when: u64, delay: Option<u64>) {
        let told = &mut self.messages[at];
        (told.receipt, told.expires) = (None, None);
        if told.attempts >= ATTEMPTS_MAX {
            return self.enter(at, State::Dead);
        }
        let wait = delay.unwrap_or_else(|| 1 << (told.attempts - 1));
        self.enter(at, State::Delayed(when + wait));
    }

    /// The place of a lease, if it lives.
    fn leased(&self, receipt: Receipt) -> Option<usize> {
        self.messages.iter().position(|told| told.receipt == Some(receipt))
    }

    fn count(&self, is: impl Fn(State) -> bool) -> u64 {
        self.messages.iter().filter(|told| is(told.state)).count() as u64
    }
}

struct Run {
    it: Subject,
    model: Model,
}

impl Run {
    async fn call(&mut self, call: Call) {
        self.model.settle();
        match call {
            Call::Send { priority, delay, ttl } => self.send(priority, delay, ttl).await,
            Call::Receive { max, lease } => self.receive(max, lease).await,
            Call::Ack(at) => self.ack(at).await,
            Call::Nack(at, delay) => self.nack(at, delay).await,
            Call::Release(at, delay) => self.release(at, delay).await,
            Call::Extend(at, lease) => self.extend(at, lease).await,
            Call::Redrive => self.redrive().await,
            Call::Purge { dead } => self.purge(dead).await,
            Call::Pass(seconds) => {
                self.it.pass(seconds);
                self.model.now += seconds;
            }
        }
    }

    async fn send(&mut self, priority: u8, delay: u64, ttl: Option<u64>) {
        let new = NewMessage { priority, delay: Duration::from_secs(delay), ttl: ttl.map(Duration::from_secs), ..message("1") };
        let id = self.it.send(vec![new]).await.unwrap()[0].id();
        let expires = ttl.map(|ttl| self.model.now + ttl);
        self.model.messages.push(Told { id, state: State::Ready, order: 0, priority, attempts: 0, receipt: None, expires });
        self.wait(self.model.messages.len() - 1, delay);
        self.model.sent += 1;
    }

    fn wait(&mut self, at: usize, delay: u64) {
        let due = self.model.now + delay;
        self.model.enter(at, if delay == 0 { State::Ready } else { State::Delayed(due) });
    }

    async fn receive(&mut self, max: usize, lease: u64) {
        let leased = self.it.queues.receive(&self.it.queue, max, Duration::from_secs(lease), "model").await.unwrap();
        let mut ready: Vec<usize> =
            (0..self.model.messages.len()).filter(|at| self.model.messages[*at].state == State::Ready).collect();
        ready.sort_by_key(|at| (self.model.messages[*at].priority, self.model.messages[*at].order));
        ready.truncate(max);
        let expected: Vec<MessageId> = ready.iter().map(|at| self.model.messages[*at].id).collect();
        assert_eq!(leased.iter().map(|leased| leased.receipt.message).collect::<Vec<_>>(), expected);
        for (at, leased) in ready.into_iter().zip(leased) {
            assert!(!self.model.receipts.contains(&leased.receipt), "no two leases have the same receipt");
            self.model.receipts.push(leased.receipt);
            let told = &mut self.model.messages[at];
            told.attempts += 1;
            told.receipt = Some(leased.receipt);
            let until = self.model.now + lease;
            self.model.enter(at, State::Leased(until));
        }
    }

    /// Any receipt that ever was, living or not, and the place of its lease.
    fn choose(&self, at: usize) -> Option<(Receipt, Option<usize>)> {
        let receipt = *self.model.receipts.get(at % self.model.receipts.len().max(1))?;
        Some((receipt, self.model.leased(receipt)))
    }

    async fn ack(&mut self, at: usize) {
        let Some((receipt, place)) = self.choose(at) else { return };
        let answer = self.it.queues.ack(&self.it.queue, &[receipt]).await;
        assert_eq!(is_stale(&answer), place.is_none());
        if let Some(place) = place {
            self.model.messages.remove(place);
            self.model.acked += 1;
        }
    }

    async fn nack(&mut self, at: usize, delay: Option<u64>) {
        let Some((receipt, place)) = self.choose(at) else { return };
        let answer = self.it.queues.nack(&self.it.queue, receipt, delay.map(Duration::from_secs), "no").await;
        assert_eq!(is_stale(&answer), place.is_none());
        if let Some(place) = place {
            let now = self.model.now;
            self.model.fail(place, now, delay);
            // At once means now, before what the next look may find due.
            if self.model.messages[place].state == State::Delayed(now) {
                self.model.enter(place, State::Ready);
            }
        }
    }

    async fn release(&mut self, at: usize, delay: u64) {
        let Some((receipt, place)) = self.choose(at) else { return };
        let answer = self.it.queues.release(&self.it.queue, receipt, Duration::from_secs(delay)).await;
        assert_eq!(is_stale(&answer), place.is_none());
        if let Some(place) = place {
            self.model.messages[place].receipt = None;
            self.model.messages[place].attempts -= 1;
            self.wait(place, delay);
        }
    }

    async fn extend(&mut self, at: usize, lease: u64) {
        let Some((receipt, place)) = self.choose(at) else { return };
        let answer = self.it.queues.extend(&self.it.queue, receipt, Duration::from_secs(lease)).await;
        assert_eq!(is_stale(&answer), place.is_none());
        if let Some(place) = place {
            let until = self.model.now + lease;
            self.model.enter(place, State::Leased(until));
        }
    }

    async fn redrive(&mut self) {
        let count = self.it.redrive(&[]).await.unwrap();
        assert_eq!(count, self.model.count(|state| state == State::Dead));
        let shown = |told: &Told| told.state == State::Dead;
        let mut dead: Vec<usize> = (0..self.model.messages.len()).filter(|at| shown(&self.model.messages[*at])).collect();
        dead.sort_by_key(|at| self.model.messages[*at].order);
        for at in dead {
            self.model.messages[at].attempts = 0;
            self.wait(at, 0);
        }
    }

    async fn purge(&mut self, dead: bool) {
        let count = self.it.queues.purge(&self.it.queue, dead).await.unwrap();
        let goes = |state: State| if dead { state == State::Dead } else { matches!(state, State::Ready | State::Delayed(_)) };
        assert_eq!(count, self.model.count(goes));
        self.model.messages.retain(|told| !goes(told.state));
        self.model.dropped += count;
    }

    /// Every message is in exactly one place, the same as in the model, and the figures say so.
    async fn compare(&mut self) {
        self.model.settle();
        let stats = self.it.stats().await;
        let own = [
            self.model.count(|state| state == State::Ready),
            self.model.count(|state| matches!(state, State::Delayed(_))),
            self.model.count(|state| matches!(state, State::Leased(_))),
            self.model.count(|state| state == State::Dead),
        ];
        assert_eq!([stats.ready, stats.delayed, stats.leased, stats.dead], own);
        let totals = (stats.sent_total, stats.acked_total, stats.dropped_total, stats.bytes);
        assert_eq!(totals, (self.model.sent, self.model.acked, self.model.dropped, own[..3].iter().sum::<u64>()));
        assert_eq!(stats.sent_total, own.iter().sum::<u64>() + stats.acked_total + stats.dropped_total);
        let mut seen = BTreeSet::new();
        for which in [Peek::Waiting, Peek::Leased, Peek::Dead] {
            let fresh = self.it.peek(which).await.into_iter().all(|peeked| seen.insert(peeked.id));
            assert!(fresh, "nothing is in two places");
        }
        assert_eq!(seen, self.model.messages.iter().map(|told| told.id).collect());
    }
}

fn any_call() -> impl Strategy<Value = Call> {
    let some = |max: u64| prop::option::of(0..max);
    prop_oneof![
        4 => (0_u8..4, prop_oneof![3 => Just(0), 1 => 0_u64..10], some(20)).prop_map(|(priority, delay, ttl)| Call::Send { priority, delay, ttl }),
        4 => (0_usize..4, 1_u64..10).prop_map(|(max, lease)| Call::Receive { max, lease }),
        2 => any::<usize>().prop_map(Call::Ack),
        2 => (any::<usize>(), some(5)).prop_map(|(at, delay)| Call::Nack(at, delay)),
        1 => (any::<usize>(), 0_u64..5).prop_map(|(at, delay)| Call::Release(at, delay)),
        1 => (any::<usize>(), 1_u64..20).prop_map(|(at, lease)| Call::Extend(at, lease)),
        1 => Just(Call::Redrive),
        1 => prop_oneof![9 => Just(true), 1 => Just(false)].prop_map(|dead| Call::Purge { dead }),
        4 => (0_u64..8).prop_map(Call::Pass),
    ]
}

/// Any sequence of calls gives what the model gives.
pub fn it_agrees_with_the_model<F, A, G>(fresh: F)
where
    F: Fn(Arc<dyn crate::port::clock::Clock>) -> A,
    A: Future<Output = (Arc<dyn Queues>, G)>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&prop::collection::vec(any_call(), 0..80), |calls| {
        runtime.block_on(async {
            let clock = clock();
            let (queues, _guard) = fresh(clock.shared()).await;
            let mut run = Run { it: Subject::new(queues, clock), model: Model::default() };
            run.it.declare(QueueLimits { attempts_max: ATTEMPTS_MAX, ..QueueLimits::default() }).await;
            for call in calls {
                run.call(call).await;
                run.compare().await;
            }
        });
        Ok(())
    });
    outcome.unwrap();
}
