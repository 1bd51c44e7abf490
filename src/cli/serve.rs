//! `flexcore serve`: the engine without a console. Logs go to standard error, where systemd and containers look.

use std::path::PathBuf;

use clap::Args;

use super::{DONE, FAILED, complain, paths, settings::SettingArgs};
use crate::{compose::App, shutdown::StopSignals, telemetry};

/// What to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Pipeline files, or folders of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs until a signal asks it to stop.
pub fn run(args: &ServeArgs, settings: &SettingArgs) -> color_eyre::Result<i32> {
    let settings = match settings.settings() {
        Ok(settings) => settings,
        Err(wrong) => return Ok(complain(&wrong.to_string())),
    };
    telemetry::to_stderr(&settings);
    super::block_on(async {
        let mut signals = StopSignals::listen()?;
        let app = App::start(settings).await?;
        let pipelines = match paths::load(&args.paths, app.types.as_ref()) {
            Ok(pipelines) => pipelines,
            Err(mistakes) => return Ok(complain(&mistakes)),
        };
        app.adopt(pipelines).await?;
        tracing::info!("serving; SIGTERM stops");
        let signal = signals.next().await;
        tracing::info!(signal, "stopping: runs in flight drain");
        let left = app.stop(app.settings.shutdown_grace).await;
        Ok(if left == 0 { DONE } else { FAILED })
    })
}
