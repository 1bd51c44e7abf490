//! Texts to begin a new pipeline with. They are files, so that they read as what they are; a test checks each.

use flexcore_ui::link::Template;

const TEXTS: [(&str, &str, &str); 5] = [
    (
        "csv to ndjson",
        "Read CSV, clean rows, write one JSON record a line",
        include_str!("templates/csv-to-ndjson.pipeline.yaml"),
    ),
    (
        "json by interval",
        "Read a JSON document every 30 s and sort its records into files",
        include_str!("templates/json-by-interval.pipeline.yaml"),
    ),
    ("queue worker", "Work off a queue for as long as it is active", include_str!("templates/queue-worker.pipeline.yaml")),
    ("program", "Records from a program of yours, and a task after them", include_str!("templates/process.pipeline.yaml")),
    ("http push", "Send records to a web service", include_str!("templates/http-push.pipeline.yaml")),
];

/// All of them, the plainest first.
pub fn templates() -> Vec<Template> {
    let template = |(name, summary, text): (&str, &str, &str)| Template {
        name: name.to_owned(),
        summary: summary.to_owned(),
        text: text.to_owned(),
    };
    TEXTS.into_iter().map(template).collect()
}
