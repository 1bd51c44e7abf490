//! The page at `/`: what there is, for somebody who comes with a browser. Plain HTML, no scripts, nothing loaded.

use std::{fmt::Write as _, sync::OnceLock};

use axum::{
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{BASE, document::document};

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<title>FlexCore</title>\n\
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
code{font-family:ui-monospace,monospace}td{padding:.1rem 1rem .1rem 0;vertical-align:top}</style>\n";

/// It has styles of its own.
const SHOWS: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

pub(super) async fn page() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| html().into());
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, SHOWS)];
    (headers, text.clone()).into_response()
}

fn html() -> String {
    let document = serde_json::to_value(document()).unwrap_or_default();
    let mut out = String::from(HEAD);
    let version = escaped(&document["info"]["version"]);
    // Writing to text does not fail.
    let _ = writeln!(out, "<h1>FlexCore {version}</h1>\n<p>{}</p>", escaped(&document["info"]["description"]));
    let _ = writeln!(out, "<p>All of it, for programs: <a href=\"{BASE}/openapi.json\"><code>{BASE}/openapi.json</code></a></p>");
    for tag in document["tags"].as_array().into_iter().flatten() {
        let rows = rows(&document, &tag["name"]);
        if !rows.is_empty() {
            let _ = writeln!(out, "<h2>{}</h2>\n<p>{}</p>", escaped(&tag["name"]), escaped(&tag["description"]));
            let _ = writeln!(out, "<table>\n{rows}</table>");
        }
    }
    out.push_str("</html>\n");
    out
}

fn rows(document: &Value, tag: &Value) -> String {
    let mut rows = String::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation["tags"].as_array().is_some_and(|tags| tags.contains(tag)) {
                let (method, path) = (method.to_uppercase(), escaped(&Value::from(path.as_str())));
                let linked = method == "GET" && !path.contains('{');
                let path = if linked { format!("<a href=\"{path}\">{path}</a>") } else { path };
                let _ =
                    writeln!(rows, "<tr><td><code>{method}</code><td><code>{path}</code><td>{}", escaped(&operation["summary"]));
            }
        }
    }
    rows
}

fn escaped(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_every_operation_and_has_no_script() {
        let page = html();
        let document = serde_json::to_value(document()).unwrap();
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(page.contains(&escaped(&Value::from(path.as_str()))), "{path}");
        }
        assert!(!page.contains("<script") && page.contains("<h2>legacy</h2>"));
    }
}
