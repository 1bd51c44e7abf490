//! The document of the API says what is there, and its examples work.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::world::{COPY, Server};

async fn operations(server: &Server) -> Vec<(Method, String, Value)> {
    let document = server.get("/api/v1/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.to_uppercase().parse().unwrap(), path.clone(), operation.clone()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_a_name_a_summary_a_tag_and_problems() {
    let server = Server::new().await;
    let operations = operations(&server).await;
    assert!(operations.len() > 50, "{}", operations.len());
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{method} {path} {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_there_and_other_methods_are_not() {
    let server = Server::new().await;
    let operations = operations(&server).await;
    for (_, path, _) in &operations {
        let at =
            path.replace("{id}", "0192d5a0-0000-7000-8000-000000000000").replace("{run}", "0192d5a0-0000-7000-8000-000000000000");
        let at = at.replace("{name}", "none").replace("{queue}", "none").replace("{pipeline}", "none");
        let there: BTreeSet<&str> =
            operations.iter().filter(|(_, other, _)| other == path).map(|(method, ..)| method.as_str()).collect();
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            if path.ends_with("/stream") || path.ends_with("/follow") || path.ends_with("/console/session") {
                continue;
            }
            let status = server.ask(method.clone(), &at).send().await.unwrap().status();
            let absent = status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(absent, !there.contains(method.as_str()), "{method} {path}: {status}");
        }
    }
}

/// Examples of bodies in the order in which they make sense: what is made first is there for what comes after.
#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_accepted_or_refused_for_want_of_its_object() {
    let server = Server::new().await;
    server.pipeline(COPY).await;
    let document = server.get("/api/v1/openapi.json").await;
    let mut tried = 0;
    for (method, path, operation) in operations(&server).await {
        let Some(content) = operation["requestBody"]["content"]["application/json"].as_object() else { continue };
        let Some(example) = example(&document, &content["schema"]) else { continue };
        let at =
            path.replace("{id}", "0192d5a0-0000-7000-8000-000000000000").replace("{name}", "copy").replace("{queue}", "orders");
        let answered = server.ask(method.clone(), &at).json(&example).send().await.unwrap();
        let (status, text) = (answered.status(), answered.text().await.unwrap());
        let fits = status.is_success() || [StatusCode::NOT_FOUND, StatusCode::CONFLICT].contains(&status);
        assert!(fits, "{method} {path} {example}: {status} {text}");
        tried += 1;
    }
    assert!(tried >= 15, "only {tried} examples");
}

fn example(document: &Value, schema: &Value) -> Option<Value> {
    if let Some(example) = schema.get("example") {
        return Some(example.clone());
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return example(document, document.pointer(reference.trim_start_matches('#'))?);
    }
    if schema["type"] == "array" {
        return example(document, &schema["items"]).map(|item| Value::Array(vec![item]));
    }
    let choices = schema["oneOf"].as_array()?;
    choices.iter().find_map(|choice| example(document, choice))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_lists_what_there_is() {
    let server = Server::new().await;
    let page = server.ask(Method::GET, "/").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let text = page.text().await.unwrap();
    assert!(text.contains("/api/v1/openapi.json") && text.contains("/api/v1/queues/{queue}/receive"), "{text}");
}
