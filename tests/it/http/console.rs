//! What a console elsewhere gets is what one in the same process has.

use std::io::{Read, Write};

use flexcore::http::wire::{
    command::OutsideCommand,
    console::{CheckedBody, DryRunBody},
    events::EventBody,
};
use flexcore_engine::{
    command::{Command, PipelineCommand},
    event::Envelope,
    flow::dry_run::DryRun,
    id::Position,
    pipeline::Plan,
    port::store::Filter,
    projection::ReadModels,
    vitals::Vitals,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{COPY, LIVE, Server, answer, problem};

async fn read<T: serde::de::DeserializeOwned>(server: &Server, path: &str) -> T {
    let response = server.ask(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

fn envelopes(slice: &Value) -> Vec<Envelope> {
    let items: Vec<EventBody> = serde_json::from_value(slice["items"].clone()).unwrap();
    items.into_iter().map(|item| item.try_into().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn models_and_events_add_up_to_what_the_engine_has() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    let mut models: ReadModels = read(&server, "/api/v1/console/models").await;
    let begun = models.position;
    server.ended_run("copy").await;
    while models.position < server.app.engine.store().head() {
        let slice: Value = read(&server, &format!("/api/v1/console/follow?after={}&max=3", models.position)).await;
        for envelope in &envelopes(&slice) {
            models.apply(envelope);
        }
    }
    assert_eq!(models, server.app.engine.models().await);
    let past: ReadModels = read(&server, &format!("/api/v1/console/models?at={begun}")).await;
    assert_eq!(past, server.app.engine.models_at(begun).await.unwrap());

    let now = jiff::Timestamp::now();
    let then: ReadModels = read(&server, &format!("/api/v1/console/models?moment={now}")).await;
    assert_eq!(then, models);

    let all = server.app.engine.store().read(Position(0), &Filter::default(), 1_000).await.unwrap();
    let back: Value = read(&server, "/api/v1/console/read_back?before=1000000&max=1000").await;
    assert_eq!(envelopes(&back), *all.events);
    let some: Value = read(&server, "/api/v1/console/read_back?before=1000000&max=2&stream=run/&type=run.queued").await;
    assert_eq!(some["items"].as_array().unwrap().len(), 1);
    let one: Value = read(&server, "/api/v1/console/events_of?stream=engine&type=engine.started&before=1000000&max=5").await;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    for bad in [
        "follow",
        "events_of?before=1",
        "events_of?before=1&stream=engine&max=0",
        "follow?after=0&max=0",
        "read_back?before=1&max=5000",
        "models?at=x",
        "models?moment=soon",
        "models?at=1&moment=2026-01-31T00:00:00Z",
    ] {
        server.fails(Method::GET, &format!("/api/v1/console/{bad}"), 400).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_come_as_they_are_taken() {
    let server = Server::new().await;
    let first: Vitals = read(&server, "/api/v1/console/vitals").await;
    let second: Vitals = read(&server, &format!("/api/v1/console/vitals?newer_than={}", first.at)).await;
    assert!(second.at > first.at && second.node == "here");
    let mut stream = server.ask(Method::GET, "/api/v1/console/vitals/stream").send().await.unwrap();
    let mut text = String::new();
    while text.matches("\n\n").count() < 2 {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    let figures: Vec<Vitals> =
        text.split("\n\n").take(2).map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect();
    assert!(figures[0].at < figures[1].at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_is_checked_planned_tried_made_and_revised_from_afar() {
    let server = Server::new().await;
    let ask = |path: &str, body: Value| {
        let path = format!("/api/v1/console/{path}");
        server.ask(Method::POST, &path).json(&body).send()
    };
    let checked = answer(ask("check", json!({"text": COPY})).await.unwrap(), StatusCode::OK).await;
    let checked: CheckedBody = serde_json::from_value(checked["checked"].clone()).unwrap();
    let wrong =
        answer(ask("check", json!({"text": "name: x\n", "path": "/somewhere/x.yaml"})).await.unwrap(), StatusCode::OK).await;
    assert_eq!(wrong["mistakes"][0]["line"], 1);

    let definition = serde_json::to_value(&*checked.definition).unwrap();
    let plan = answer(ask("plan", definition.clone()).await.unwrap(), StatusCode::OK).await;
    let plan: Plan = serde_json::from_value(plan).unwrap();
    assert_eq!(plan, Plan::of(&checked.definition, server.app.types.as_ref()).unwrap());
    let mut odd = definition.clone();
    odd["steps"][0]["uses"] = json!("nothing");
    problem(ask("plan", odd.clone()).await.unwrap(), 422).await;

    let tried = ask("dry_run", json!({"definition": definition, "params": {"n": 5}})).await.unwrap();
    let tried: DryRunBody = serde_json::from_value(answer(tried, StatusCode::OK).await).unwrap();
    let tried = DryRun::from(tried);
    assert_eq!(tried.steps[1].output[0].value(), json!({"n": 5}));
    problem(ask("dry_run", json!({"definition": definition, "params": {"n": "five"}})).await.unwrap(), 422).await;

    let source = flexcore_engine::event::pipeline::Source { text: COPY.into(), path: None, folder: "/tmp".into() };
    let name = checked.definition.name.clone();
    let create = PipelineCommand::Create { revision: checked.revision, definition: checked.definition.clone(), source };
    let create = OutsideCommand::of(Command::Pipeline(name.clone(), create)).unwrap();
    answer(ask("commands", serde_json::to_value(create).unwrap()).await.unwrap(), StatusCode::OK).await;
    assert_eq!(server.get("/api/v1/pipelines/copy").await["revision"], checked.revision.to_string());
    let forged =
        json!({"pipeline": ["copy", {"revise": {"definition": odd, "source": {"text": "", "folder": "/"}, "expected": null}}]});
    problem(ask("commands", forged).await.unwrap(), 422).await;
    let inner = json!({"run": [uuid::Uuid::now_v7(), {"confirm_cancelled": {"epoch": 1}}]});
    problem(ask("commands", inner).await.unwrap(), 422).await;
    let stale = json!({"pipeline": ["copy", "resume"]});
    problem(ask("commands", stale).await.unwrap(), 409).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_a_person_has_a_form_on_the_wire() {
    let ticks = PipelineCommand::SkipTick {
        tick: jiff::Timestamp::UNIX_EPOCH,
        reason: flexcore_engine::event::pipeline::SkipReason::Paused,
        count: 1,
    };
    assert!(OutsideCommand::of(Command::Pipeline("a".parse().unwrap(), ticks)).is_none());
    for text in [
        r#"{"pipeline":["a","activate"]}"#,
        r#"{"pipeline":["a",{"pause":{"reason":"x"}}]}"#,
        r#"{"pipeline":["a",{"rollback":{"number":2}}]}"#,
        r#"{"pipeline":["a","delete"]}"#,
        r#"{"run":["0192d5a0-0000-7000-8000-000000000000",{"cancel":{"reason":"x","grace":"5s"}}]}"#,
        r#"{"queue":["q",{"send":{"body":{"a":1.50},"priority":5,"delay":"0ms"}}]}"#,
        r#"{"queue":["q",{"purge":{"scope":"messages"}}]}"#,
        r#"{"queue":["q",{"redrive":{"messages":[]}}]}"#,
    ] {
        let command: OutsideCommand = serde_json::from_str(text).unwrap();
        let there_and_back = OutsideCommand::of(command.into_command()).unwrap();
        assert_eq!(serde_json::to_string(&there_and_back).unwrap(), text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_ticks_are_told() {
    let server = Server::new().await;
    server
        .pipeline(&LIVE.replace("mode: continuous\n", "triggers: [{interval: 1h}]\n").replace("interval: 50ms", "count: 1"))
        .await;
    let ticks = server.get("/api/v1/console/ticks/live?count=3").await;
    assert_eq!(ticks.as_array().unwrap().len(), 3);
    server.fails(Method::GET, "/api/v1/console/ticks/none", 404).await;
    server.fails(Method::GET, "/api/v1/console/ticks/live?count=0", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_for_one_start_of_the_engine_and_is_carried_out_once() {
    let server = Server::new().await;
    let info = server.get("/api/v1/info").await;
    assert_eq!(info["console"], flexcore::http::wire::info::CONSOLE_PROTOCOL);
    let send = json!({"queue": ["orders", {"send": {"body": 1, "priority": 5, "delay": "0ms"}}]});
    let ask = |engine: &str| {
        let path = format!("/api/v1/console/commands?engine={engine}");
        server.ask(Method::POST, &path).header("idempotency-key", "one").json(&send).send()
    };
    let other = problem(ask("0192d5a0-0000-7000-8000-000000000000").await.unwrap(), 421).await;
    assert_eq!(other["type"], "urn:flexcore:problem:another-engine");
    let ours = info["instance"].as_str().unwrap();
    let first = answer(ask(ours).await.unwrap(), StatusCode::OK).await;
    assert_eq!(answer(ask(ours).await.unwrap(), StatusCode::OK).await, first);
    assert_eq!(server.get("/api/v1/queues/orders").await["ready"], 1);
    server.post_fails("/api/v1/console/commands?engine=x", &send, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_come_with_as_many_ended_runs_as_are_wanted() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    let first = server.ended_run("copy").await;
    let second = server.ended_run("copy").await;
    for (ended, wanted) in [(0, vec![]), (1, vec![&second["id"]]), (9, vec![&first["id"], &second["id"]])] {
        let models: ReadModels = read(&server, &format!("/api/v1/console/models?ended={ended}")).await;
        let ids: Vec<_> = models.runs.ended.iter().map(|run| json!(run)).collect();
        assert_eq!(ids.iter().collect::<Vec<_>>(), wanted);
        assert_eq!(models.runs.runs.len(), wanted.len());
    }
    server.fails(Method::GET, "/api/v1/console/models?ended=-1", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_streams_are_compressed_for_whoever_takes_it() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    server.ended_run("copy").await;
    for path in ["console/models?ended=5", "console/read_back?before=1000000&max=1000", "pipelines/copy"] {
        let ask = || server.ask(Method::GET, &format!("/api/v1/{path}"));
        let plain = ask().send().await.unwrap();
        assert!(plain.headers().get("content-encoding").is_none(), "{path}");
        let packed = ask().header("accept-encoding", "gzip").send().await.unwrap();
        assert_eq!(packed.headers()["content-encoding"], "gzip", "{path}");
        let packed = packed.bytes().await.unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.bytes().await.unwrap(), "{path}");
        assert!(packed.len() < unpacked.len(), "{path}");
    }
    let small = server.ask(Method::GET, "/api/v1/runs?limit=1&state=failed").header("accept-encoding", "gzip");
    assert!(small.send().await.unwrap().headers().get("content-encoding").is_none());
    let stream = server.ask(Method::GET, "/api/v1/events/stream?after=0").header("accept-encoding", "gzip");
    let mut stream = stream.send().await.unwrap();
    assert_eq!(stream.headers()["content-encoding"], "gzip");
    let (mut decoder, mut begun) = (flate2::write::GzDecoder::new(Vec::new()), String::new());
    while !begun.contains("run.succeeded") {
        decoder.write_all(&stream.chunk().await.unwrap().unwrap()).unwrap();
        decoder.flush().unwrap();
        begun = String::from_utf8(decoder.get_ref().clone()).unwrap();
    }
    assert!(begun.starts_with(": events\n\nid: 1\ndata: "));
}
