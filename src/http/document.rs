//! The document of the API (OpenAPI 3.1): what the handlers say of themselves, and what is true of all of them.

use std::sync::OnceLock;

use axum::{
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, Info, KnownFormat, License, OpenApi, Ref, RefOr, ResponseBuilder, Schema, SchemaFormat,
        path::{HttpMethod, Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

use super::{
    routes,
    wire::problem::{Flaw, ProblemBody},
};

const DESCRIPTION: &str = "The API of a FlexCore engine. Errors are problem documents (RFC 9457) with a correlation id; lists \
are paged by `cursor`; writes take an `Idempotency-Key`, remembered for a day in memory. By TCP a token is sent as \
`Authorization: Bearer`, unless the engine has none and listens on loopback; by the Unix socket the file's permissions are \
the login. The calls tagged legacy keep paths and shapes of the first FlexCore.";

const TAGS: [(&str, &str); 8] = [
    ("node", "Who this is and how it is"),
    ("pipelines", "Definitions, their revisions and states"),
    ("runs", "Executions of pipelines"),
    ("events", "The log"),
    ("queues", "Queues and their messages"),
    ("alerts", "What an operator is told without asking"),
    ("console", "What a console elsewhere needs; of this very version of the program"),
    ("legacy", "Calls of the first FlexCore"),
];

/// The document, whole.
pub fn document() -> OpenApi {
    let mut document = routes::described();
    let mut info = Info::new("FlexCore", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.into());
    info.license = Some(License::new("MIT"));
    document.info = info;
    document.tags =
        Some(TAGS.iter().map(|(name, told)| TagBuilder::new().name(*name).description(Some(*told)).build()).collect());
    let components = document.components.get_or_insert_with(Components::new);
    for (name, schema) in [(ProblemBody::name(), ProblemBody::schema()), (Flaw::name(), Flaw::schema())] {
        components.schemas.insert(name.into_owned(), schema);
    }
    components.schemas.values_mut().for_each(widen);
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of `flexcore token create`")).build();
    components.security_schemes.insert("token".into(), SecurityScheme::Http(bearer));
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", []), SecurityRequirement::default()]);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            finish(path, &method, operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let PathItem { get, put, post, delete, .. } = item;
    let all = [(HttpMethod::Get, get), (HttpMethod::Put, put), (HttpMethod::Post, post), (HttpMethod::Delete, delete)];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Numbers without a sign have 64 bits here; the format that is written for them has 63.
fn widen(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            if object.format == Some(SchemaFormat::KnownFormat(KnownFormat::Int64)) && object.minimum.is_some() {
                object.format = None;
            }
            object.properties.values_mut().for_each(widen);
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(widen),
        RefOr::T(Schema::OneOf(one)) => one.items.iter_mut().for_each(widen),
        _ => {}
    }
}

/// Names of functions repeat from resource to resource; names of operations must not.
fn finish(path: &str, method: &HttpMethod, operation: &mut Operation) {
    let word = match method {
        HttpMethod::Get => "get",
        HttpMethod::Put => "put",
        HttpMethod::Delete => "delete",
        _ => "post",
    };
    let name: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    operation.operation_id = Some(format!("{word}{name}").replace("__", "_").trim_end_matches('_').to_owned());
    for parameter in operation.parameters.iter_mut().flatten() {
        parameter.schema.iter_mut().for_each(widen);
    }
    let has_body = operation.request_body.is_some();
    for (status, told, applies) in [
        ("400", "The request is malformed", true),
        ("401", "A token is missing or not valid", true),
        ("403", "The caller may not do this", true),
        ("404", "There is no such thing", path.contains('{')),
        ("408", "The body did not arrive in time", has_body),
        ("409", "The request with this Idempotency-Key is still being answered", *method != HttpMethod::Get),
        ("413", "The body is too large", has_body),
        ("415", "The body's media type is not understood here", has_body),
        ("421", "Without tokens, only this machine's own names are answered", true),
        ("422", "The request is understood and does not fit", *method != HttpMethod::Get),
        ("429", "Too many requests, or a full queue: try again later", true),
        ("500", "A mistake in the program", true),
        ("503", "The log or a queue cannot be reached, or there was no answer in time", true),
    ] {
        if applies && !operation.responses.responses.contains_key(status) {
            let response = ResponseBuilder::new().description(told).build();
            operation.responses.responses.insert(status.into(), RefOr::T(response));
        }
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            // Beside an answer of the operation's own: the same status may come from what every request goes through.
            let problem = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
            response.content.entry("application/problem+json".into()).or_insert(problem);
        }
    }
}

/// `GET /openapi.json`: it describes everything else, and itself not.
pub(super) async fn served() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_json().unwrap_or_default().into());
    ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response()
}
