//! One frame of a living engine, for `--snapshot`, for scripts and for pictures.

use std::{sync::Arc, time::Duration};

use ratatui::buffer::Buffer;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{Console, ConsoleOptions, Ports};
use crate::{link::Link, model::facts::Connection, terminal::output::Output, view::still::render};

/// How long a frame may wait for the engine's first figures.
const PATIENCE: Duration = Duration::from_secs(5);

/// The console's screen at a size, as cells, after it has watched the engine for a while: once the engine has told its read
/// models and, twice, its figures, so that there are rates; or what there is five seconds later. `view::still::text` and
/// `view::svg::svg` make text and a picture of it.
pub async fn snapshot(link: Arc<dyn Link>, options: ConsoleOptions, size: (u16, u16), watched: Duration) -> Buffer {
    // Held until the end: a console whose terminal is gone ends.
    let (_keys, input) = mpsc::channel(1);
    let ports = Ports { input, output: Output::to(std::io::sink()), desk: None, size, silence_max: None };
    let mut console = Console::new(link, options, ports);
    let watched_ends = Instant::now() + watched;
    while Instant::now() < watched_ends || !is_told(&console) {
        match timeout_at(watched_ends + PATIENCE, console.turn()).await {
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => break,
        }
    }
    render(console.model())
}

fn is_told(console: &Console) -> bool {
    let facts = &console.model().facts;
    facts.connection == Connection::Live && facts.models_told && facts.figures.events_history.len() > 1
}
