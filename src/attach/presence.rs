//! Being on record at the engine: a stream that says nothing stands for a console as long as it is read.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::line::Line;

/// What did not begin, or has ended although the connection stands, is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Is on record whenever there is a connection, until it is dropped. A console that cannot be works all the same.
pub(super) async fn stay(line: Arc<Line>) {
    while let Ok(way) = line.patient().await {
        match line.stream(&way, "/console/session".into()).await {
            Ok(mut stream) => while stream.next().await.is_ok() {},
            Err(error) => tracing::debug!(%error, "this console is not on record at the engine"),
        }
        sleep(AGAIN_AFTER).await;
    }
}
