//! What operators are told, from a failing run to the end of it.

use serde_json::json;

use super::*;
use crate::{
    alert::AlertId,
    command::AlertCommand,
    event::{Event, alert::AlertRaised},
    port::clock::between,
    projection::{ReadModels, alerts::AlertRow},
};

fn raised(envelope: &Envelope) -> AlertRaised {
    match envelope.decode() {
        Some(Ok(Event::AlertRaised(raised))) => raised,
        other => panic!("{other:?}"),
    }
}

async fn row(world: &World, id: &str) -> AlertRow {
    let id: AlertId = id.parse().unwrap();
    world.engine.view(move |models| models.alerts.rows.get(&id).cloned()).await.unwrap()
}

fn failing() -> Value {
    with(json!({"fails": 99}), &json!({}))
}

#[tokio::test]
async fn a_run_that_fails_is_raised_once_and_resolved_by_one_that_succeeds() {
    let world = World::new().await;
    world.active(failing()).await;
    for ended in 1..=2 {
        world.run().await;
        world.pass_until("pipeline.run_ended", ended).await;
    }
    let alerts = world.pass_until("alert.raised", 1).await;
    assert_eq!(alerts[0].stream.as_str(), "alert/run-failed/p");
    let alert = raised(&alerts[0]);
    assert_eq!(alert.about, crate::alert::About::Pipeline(name()));
    assert!(alert.summary.starts_with("its last run failed: "), "{alert:?}");
    let (definition, source) = World::revised(plain());
    let revise = PipelineCommand::Revise { revision: revision::of(&definition), definition, source, expected: None };
    world.pipeline(revise).await.unwrap();
    world.run().await;
    let resolved = world.pass_until("alert.resolved", 1).await;
    assert_eq!(resolved[0].stream.as_str(), "alert/run-failed/p");
    assert_eq!(
        world.events("alert.raised").await.iter().filter(|event| event.stream.as_str() == "alert/run-failed/p").count(),
        1
    );
    let row = row(&world, "run-failed/p").await;
    assert_eq!((row.raised, row.raised_total), (false, 1));
}

#[tokio::test]
async fn an_operator_silences_for_a_time_and_it_is_on_record() {
    let world = World::new().await;
    let id: AlertId = "run-failed/p".parse().unwrap();
    let silence = |length| AlertCommand::Silence { length: unit::Duration::from_secs(length), reason: "known".into() };
    world.submit(Command::Alert(id.clone(), silence(3_600))).await.unwrap();
    let now = world.clock.shared().now();
    let silenced = row(&world, id.as_str()).await;
    assert!(silenced.is_silenced(now) && !silenced.is_silenced(now + jiff::SignedDuration::from_hours(1)));
    assert_eq!(silenced.silence.unwrap().by, Actor::Operator("ada".into()));
    world.submit(Command::Alert(id.clone(), silence(0))).await.unwrap();
    assert_eq!(row(&world, id.as_str()).await.silence, None);
    let too_long = world.submit(Command::Alert(id, silence(31 * 86_400))).await.unwrap_err();
    assert_eq!(too_long.to_string(), "a silence lasts at most 30d, not 31d");
}

#[tokio::test]
async fn what_is_known_of_alerts_can_be_rebuilt_from_the_log() {
    let world = World::new().await;
    world.active(failing()).await;
    world.run().await;
    world.pass_until("alert.raised", 1).await;
    world.engine.record_notified("ops", Position(3), "delivered").await.unwrap();
    let known = world.engine.view(|models| models.alerts.clone()).await;
    assert_eq!((known.raised().count(), known.told.get("ops")), (1, Some(&Position(3))));
    let page = world.engine.store().read(Position(0), &Filter::default(), READ_EVENTS_MAX).await.unwrap();
    let mut rebuilt = ReadModels::default();
    page.events.iter().for_each(|envelope| rebuilt.apply(envelope));
    assert_eq!(rebuilt.alerts, known);
}

#[tokio::test]
async fn an_alert_outlives_the_events_that_told_of_it() {
    let world = World::new().await;
    world.active(failing()).await;
    world.run().await;
    world.pass_until("alert.raised", 1).await;
    world.engine.retain(1).await.unwrap();
    for _ in 0..20 {
        world.pass(Duration::from_millis(500)).await;
    }
    assert!(row(&world, "run-failed/p").await.raised);
    let again: AlertId = "run-failed/p".parse().unwrap();
    let resolve = AlertCommand::Resolve { reason: "by hand".into() };
    world.engine.submit(Request::new(Command::Alert(again, resolve), Actor::Engine, world.clock.shared().now())).await.unwrap();
}

#[tokio::test]
async fn a_restart_resolves_nothing_that_it_does_not_know_and_raises_nothing_twice() {
    let world = World::new().await;
    // Each of its runs gives up records: the dead letters grow, and after that they do not.
    let mut definition = with(json!({"poison": 2}), &json!({}));
    definition["steps"][1]["on_error"] = json!("dead_letter");
    world.active(definition).await;
    world.run().await;
    world.pass_until("pipeline.run_ended", 1).await;
    world.run().await;
    let alerts = world.pass_until("alert.raised", 1).await;
    assert_eq!(alerts[0].stream.as_str(), "alert/dead-letters/p");
    let (store, queues, clock) = world.stopped().await;
    let world = World::on(store, queues, clock, 1_000_000).await;
    let began = world.clock.shared().now();
    for _ in 0..60 {
        world.pass(Duration::from_secs(1)).await;
    }
    assert!(row(&world, "dead-letters/p").await.raised, "within its five minutes nobody knows whether they still grow");
    let resolved = world.pass_until("alert.resolved", 1).await;
    assert_eq!((resolved.len(), world.events("alert.raised").await.len()), (1, 1));
    assert!(between(began, resolved[0].event.at) >= Duration::from_secs(300), "{began} {}", resolved[0].event.at);
}
