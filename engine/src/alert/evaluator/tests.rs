//! Each kind of rule, second by second.

use super::*;
use crate::{
    alert::{Figure, default_rules, rule::Bound},
    event::{EventType, NewEvent, pipeline::TickSkipped},
    id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
    port::clock::after,
};

fn second(second: u64) -> Timestamp {
    after("2026-01-31T12:00:00Z".parse().unwrap(), std::time::Duration::from_secs(second))
}

fn rule(condition: Condition) -> Rule {
    let (name, hold) = ("r".to_owned(), Duration::default());
    Rule { name, condition, of: None, hold, severity: Severity::Warning, summary: String::new() }
}

fn reading(figure: Figure, subject: &str, value: f64) -> Reading {
    Reading { figure, subject: subject.into(), about: About::Engine, value }
}

/// The seconds at which a rule fires, given the value of its figure at each second.
fn fires(rule: &Rule, figure: Figure, values: &[f64]) -> Vec<usize> {
    let mut evaluator = Evaluator::new(vec![rule.clone()], second(0));
    let step = |(at, value): (usize, &f64)| {
        let wanted = evaluator.evaluate(&[reading(figure, "", *value)], second(at as u64));
        (!wanted.is_empty()).then_some(at)
    };
    values.iter().enumerate().filter_map(step).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_threshold_fires_beyond_it_and_not_at_it() {
    let above = rule(Condition::Threshold(Figure::EventLoopLag, Bound::Above(1.0)));
    assert_eq!(fires(&above, Figure::EventLoopLag, &[0.0, 1.0, 1.1, 5.0, 1.0]), [2, 3]);
    let below = rule(Condition::Threshold(Figure::DiskFreeBytes, Bound::Below(10.0)));
    assert_eq!(fires(&below, Figure::DiskFreeBytes, &[11.0, 10.0, 9.0, 11.0]), [2]);
    assert!(fires(&below, Figure::EventLoopLag, &[0.0, 0.0]).is_empty(), "another figure");
}

#[test]
fn with_for_it_must_have_been_so_without_a_break() {
    let rule = Rule { hold: seconds(3), ..rule(Condition::Threshold(Figure::EventLoopLag, Bound::Above(0.0))) };
    assert_eq!(fires(&rule, Figure::EventLoopLag, &[1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]), [3, 4, 9]);
}

#[test]
fn a_rate_is_what_grew_within_the_time() {
    let grows = rule(Condition::Rate(Figure::AppendFailures, seconds(4), Bound::Above(0.5)));
    // What was there when it was first seen has not grown.
    assert!(fires(&grows, Figure::AppendFailures, &[100.0; 8]).is_empty());
    assert_eq!(fires(&grows, Figure::AppendFailures, &[0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]), [3, 4, 5]);
    // Half a second is not above a half.
    assert!(fires(&grows, Figure::AppendFailures, &[0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]).is_empty());
}

#[test]
fn a_figure_that_does_not_change_is_still() {
    let still = rule(Condition::Still(Figure::QueueReady, seconds(3)));
    assert_eq!(fires(&still, Figure::QueueReady, &[1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]), [3, 7]);
}

/// An event of a stream at a second.
fn event(kind: &str, stream: &str, at: u64, data: &str) -> Envelope {
    let event = NewEvent {
        id: EventId::fresh(),
        kind: EventType(kind.into()),
        data: data.to_owned().into(),
        at: second(at),
        actor: Actor::Engine,
        correlation: CorrelationId::fresh(),
        cause: None,
    };
    Envelope { position: Position(at + 1), stream: StreamName(stream.into()), version: Version(1), event }
}

/// The seconds of some at which a rule about events fires.
fn fires_on(rule: &Rule, events: &[Envelope], upto: u64) -> Vec<u64> {
    let mut evaluator = Evaluator::new(vec![rule.clone()], second(0));
    let models = ReadModels::default();
    let step = |at: &u64| {
        events.iter().filter(|event| event.event.at == second(*at)).for_each(|event| evaluator.observe(event, &models));
        !evaluator.evaluate(&[], second(*at)).is_empty()
    };
    (0..upto).filter(step).collect()
}

#[test]
fn events_are_counted_within_the_time() {
    let two = rule(Condition::Count(vec!["order.lost".into()], seconds(3), Bound::Above(1.0)));
    let lost = |at| event("order.lost", "order/7", at, "{}");
    let other = event("order.found", "order/7", 2, "{}");
    assert_eq!(fires_on(&two, &[lost(1), other, lost(4), lost(9)], 12), [4]);
    assert_eq!(fires_on(&two, &[lost(1), lost(3), lost(5)], 12), [3, 4, 5, 6]);
}

#[test]
fn only_ticks_that_were_missed_are_missed() {
    let missed = default_rules().into_iter().find(|rule| rule.name == "schedule-missed").unwrap();
    let skip = |reason, at| {
        let data = Event::from(TickSkipped { tick: second(at), reason, count: 1 }).data();
        event("pipeline.tick_skipped", "pipeline/quakes", at, std::str::from_utf8(&data).unwrap())
    };
    assert!(fires_on(&missed, &[skip(SkipReason::Overlap, 1)], 5).is_empty());
    assert_eq!(fires_on(&missed, &[skip(SkipReason::Missed, 1)], 3), [1, 2]);
}

#[test]
fn what_never_came_is_absent_from_the_beginning_on() {
    let beats = Rule { of: Some("quakes".into()), ..rule(Condition::Absent(vec!["pipeline.run_ended".into()], seconds(4))) };
    let ended = |at| event("pipeline.run_ended", "pipeline/quakes", at, "{}");
    let others = event("pipeline.run_ended", "pipeline/other", 3, "{}");
    assert_eq!(fires_on(&beats, &[others, ended(6), ended(9)], 15), [4, 5, 13, 14]);
}

#[test]
fn each_thing_has_an_alert_of_its_own_and_a_pattern_chooses() {
    let rule = Rule { of: Some("orders*".into()), ..rule(Condition::Threshold(Figure::QueueReady, Bound::Above(5.0))) };
    let mut evaluator = Evaluator::new(vec![rule], second(0));
    let readings = |depths: &[(&str, f64)]| -> Vec<Reading> {
        depths.iter().map(|(name, depth)| reading(Figure::QueueReady, name, *depth)).collect()
    };
    let wanted = evaluator.evaluate(&readings(&[("orders", 6.0), ("orders-eu", 9.0), ("mail", 50.0)]), second(1));
    let names: Vec<&str> = wanted.keys().map(AlertId::as_str).collect();
    assert_eq!(names, ["r/orders", "r/orders-eu"]);
    let firing = &wanted[&AlertId::new("r", "orders-eu")];
    assert_eq!((firing.summary.as_str(), firing.value, firing.limit), ("r: 9", 9.0, 5.0));
    assert!(evaluator.evaluate(&readings(&[("orders", 5.0)]), second(2)).is_empty(), "what is gone is over");
}

#[test]
fn what_is_watched_has_a_maximum() {
    let mut evaluator = Evaluator::new(vec![rule(Condition::Threshold(Figure::QueueReady, Bound::Above(0.0)))], second(0));
    let readings: Vec<_> = (0..SUBJECTS_MAX + 10).map(|at| reading(Figure::QueueReady, &format!("q{at}"), 1.0)).collect();
    assert_eq!(evaluator.evaluate(&readings, second(1)).len(), SUBJECTS_MAX);
}

#[test]
fn the_rules_by_default_are_named_and_quiet_where_nothing_is_wrong() {
    let rules = default_rules();
    assert_eq!(rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), crate::alert::DEFAULTS);
    let mut evaluator = Evaluator::new(rules, second(0));
    let vitals = crate::vitals::Vitals { at: second(100), ..crate::vitals::Vitals::default() };
    let readings = crate::alert::figures(&vitals, &ReadModels::default());
    assert!(readings.len() >= 3, "{readings:?}");
    assert!(evaluator.evaluate(&readings, second(100)).is_empty());
}

#[test]
fn rules_are_exchanged_and_what_is_known_of_those_that_stay_is_kept() {
    let grows = rule(Condition::Rate(Figure::AppendFailures, seconds(2), Bound::Above(0.0)));
    let mut evaluator = Evaluator::new(vec![grows.clone()], second(0));
    let reading = |value| [Reading { figure: Figure::AppendFailures, subject: String::new(), about: About::Engine, value }];
    assert!(evaluator.evaluate(&reading(0.0), second(0)).is_empty());
    assert_eq!(evaluator.evaluate(&reading(3.0), second(1)).len(), 1);
    let more = Rule { name: "more".into(), ..rule(Condition::Threshold(Figure::AppendFailures, Bound::Above(1.0))) };
    evaluator.exchange(vec![more, grows]);
    assert_eq!(evaluator.evaluate(&reading(3.0), second(2)).len(), 2);
    evaluator.exchange(Vec::new());
    assert!(evaluator.evaluate(&reading(3.0), second(3)).is_empty());
}

/// The seconds at which an alert of a rule is raised that was raised before, given what is read of its figure at each second.
fn stays(rule: &Rule, figure: Figure, values: &[Option<f64>]) -> Vec<usize> {
    let (mut evaluator, id) = (Evaluator::new(vec![rule.clone()], second(100)), AlertId::new("r", ""));
    evaluator.resume([(&id, second(10)), (&AlertId::new("other", ""), second(10))].into_iter());
    let mut is_raised = true;
    let step = |(at, value): (usize, &Option<f64>)| {
        let readings: Vec<_> = value.iter().map(|value| reading(figure, "", *value)).collect();
        let wanted = evaluator.evaluate(&readings, second(100 + at as u64));
        if let Some(firing) = wanted.get(&id).filter(|_| is_raised) {
            assert_eq!(firing.since, second(10), "it is the same one");
        }
        is_raised = wanted.contains_key(&id) || (is_raised && evaluator.keeps(&id));
        assert!(!evaluator.keeps(&AlertId::new("other", "")), "no rule has it");
        is_raised.then_some(at)
    };
    values.iter().enumerate().filter_map(step).collect()
}

fn all(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

#[test]
fn a_raised_alert_need_not_wait_again_and_stays_until_it_was_not_so_for_as_long() {
    let rule = Rule { hold: seconds(3), ..rule(Condition::Threshold(Figure::EventLoopLag, Bound::Above(1.0))) };
    let figure = Figure::EventLoopLag;
    assert_eq!(stays(&rule, figure, &all(&[2.0, 2.0, 0.0, 0.0])), [0, 1], "what it knows, it knows as ever");
    assert_eq!(stays(&rule, figure, &all(&[0.0, 0.0, 0.0, 0.0, 0.0])), [0, 1, 2]);
    assert_eq!(stays(&rule, figure, &[None, None, Some(2.0), None, Some(0.0)]), [0, 1, 2]);
    let unread = [vec![None; 70], all(&[0.0])].concat();
    assert_eq!(stays(&rule, figure, &unread), (0..60).collect::<Vec<_>>(), "what is gone is over");
    let at_once = Rule { hold: seconds(0), ..rule };
    assert_eq!(stays(&at_once, figure, &[None, Some(0.0), Some(0.0)]), [0]);
}

#[test]
fn a_raised_rate_is_over_when_its_time_has_passed_and_not_before_it_knows() {
    let grows = rule(Condition::Rate(Figure::AppendFailures, seconds(4), Bound::Above(0.5)));
    assert_eq!(stays(&grows, Figure::AppendFailures, &all(&[0.0; 8])), [0, 1, 2, 3]);
    assert_eq!(
        stays(&grows, Figure::AppendFailures, &all(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 5.0])),
        [0, 1, 2, 3, 4, 5, 6]
    );
}

#[test]
fn a_raised_alert_of_a_figure_that_is_still_is_over_when_it_changes() {
    let still = rule(Condition::Still(Figure::QueueReady, seconds(3)));
    assert_eq!(stays(&still, Figure::QueueReady, &all(&[1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0])), [0, 1, 2, 3, 4]);
    assert_eq!(stays(&still, Figure::QueueReady, &all(&[1.0, 2.0, 2.0])), [0]);
}

/// The seconds at which an alert about `quakes` is raised that was raised before.
fn stays_on(condition: Condition, events: &[Envelope], upto: u64) -> Vec<u64> {
    let rule = Rule { of: Some("quakes".into()), ..rule(condition) };
    let (mut evaluator, id) = (Evaluator::new(vec![rule], second(0)), AlertId::new("r", "quakes"));
    evaluator.resume(std::iter::once((&id, second(0))));
    let models = ReadModels::default();
    let step = |at: &u64| {
        events.iter().filter(|event| event.event.at == second(*at)).for_each(|event| evaluator.observe(event, &models));
        evaluator.evaluate(&[], second(*at)).contains_key(&id) || evaluator.keeps(&id)
    };
    (0..upto).take_while(step).collect()
}

#[test]
fn a_raised_alert_about_events_is_over_as_they_tell() {
    let kind = || vec!["pipeline.run_ended".to_owned()];
    let ended = |at| event("pipeline.run_ended", "pipeline/quakes", at, "{}");
    // That nothing came since it began says nothing yet; that something came says all.
    assert_eq!(stays_on(Condition::Absent(kind(), seconds(4)), &[], 9), (0..9).collect::<Vec<_>>());
    assert_eq!(stays_on(Condition::Absent(kind(), seconds(4)), &[ended(2)], 9), [0, 1]);
    // They are all in the log.
    assert!(stays_on(Condition::Count(kind(), seconds(4), Bound::Above(0.0)), &[], 9).is_empty());
    assert_eq!(stays_on(Condition::Count(kind(), seconds(1), Bound::Above(0.0)), &[ended(0), ended(1)], 9), [0, 1, 2]);
}

/// At which seconds there is an alert, looked for every second, and, once nothing more happens, only when it says so.
fn often_and_seldom(rule: &Rule, read: impl Fn(u64) -> Vec<Reading>, events: &[Envelope], quiet_from: u64) -> [Vec<u64>; 2] {
    [false, true].map(|seldom| {
        let mut evaluator = Evaluator::new(vec![rule.clone()], second(0));
        let (mut look_at, mut is_raised, mut raised) = (second(0), false, Vec::new());
        for at in 0..200 {
            events.iter().filter(|event| event.event.at == second(at)).for_each(|event| {
                evaluator.observe(event, &ReadModels::default());
            });
            if !seldom || at <= quiet_from || second(at) >= look_at {
                let readings = read(at);
                is_raised = !evaluator.evaluate(&readings, second(at)).is_empty();
                look_at = evaluator.moves_at(&readings, second(at));
            }
            if is_raised {
                raised.push(at);
            }
        }
        raised
    })
}

type Read<'a> = &'a dyn Fn(u64) -> Vec<Reading>;

#[test]
fn where_nothing_happens_it_need_only_look_when_it_says_so() {
    let growing = |at: u64| vec![reading(Figure::DeadLetters, "p", at.min(20) as f64)];
    let steady = |_: u64| vec![reading(Figure::DeadLetters, "p", 3.0)];
    let ageing = |at: u64| vec![reading(Figure::QueueOldestAge, "q", (at + 1) as f64)];
    let came: Vec<Envelope> = [3, 5, 9].map(|at| event("order.paid", "orders", at, "{}")).into();
    let kinds = || vec!["order.paid".to_owned()];
    let held = |hold, condition| Rule { hold: seconds(hold), ..rule(condition) };
    let cases: [(&str, Rule, Read<'_>); 7] = [
        ("held", held(50, Condition::Threshold(Figure::DeadLetters, Bound::Above(2.0))), &steady),
        ("aged", held(30, Condition::Threshold(Figure::QueueOldestAge, Bound::Above(90.0))), &ageing),
        ("grew", held(0, Condition::Rate(Figure::DeadLetters, seconds(60), Bound::Above(0.1))), &growing),
        ("grows too little", held(10, Condition::Rate(Figure::DeadLetters, seconds(60), Bound::Below(0.1))), &growing),
        ("still", held(5, Condition::Still(Figure::DeadLetters, seconds(70))), &growing),
        ("counted", held(0, Condition::Count(kinds(), seconds(60), Bound::Above(1.0))), &steady),
        ("absent", held(15, Condition::Absent(kinds(), seconds(80))), &steady),
    ];
    for (name, rule, read) in cases {
        let [often, seldom] = often_and_seldom(&rule, read, &came, 25);
        assert!(!often.is_empty(), "{name} is never raised");
        assert_eq!(often, seldom, "{name}");
    }
}

#[test]
fn what_was_raised_before_is_over_in_its_time() {
    let rule = Rule { hold: seconds(40), ..rule(Condition::Threshold(Figure::EventLoopLag, Bound::Above(1.0))) };
    let mut evaluator = Evaluator::new(vec![rule], second(0));
    let id: AlertId = "r".parse().unwrap();
    evaluator.resume([(&id, second(0))].into_iter());
    let calm = [reading(Figure::EventLoopLag, "", 0.0)];
    evaluator.evaluate(&calm, second(7));
    assert_eq!(evaluator.moves_at(&calm, second(7)), second(47));
    evaluator.evaluate(&calm, second(47));
    assert!(!evaluator.keeps(&id) && evaluator.moves_at(&calm, second(47)) == Timestamp::MAX);
}
