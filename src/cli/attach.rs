//! `flexcore attach`: the console of an engine that runs elsewhere, drawn here.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use flexcore_ui::{
    link::{Link, LinkError},
    run::{ConsoleOptions, End, run_console},
    terminal::tty::ConsoleError,
};

use super::{
    DONE, FAILED, complain,
    console::{FrameArgs, console_options},
    remote::TargetArgs,
    say,
    settings::SettingArgs,
    told, unable,
};
use crate::{
    attach::{Carrier, RemoteLink, Ssh, Web, find},
    client::Target,
    config::Settings,
    data_dir, telemetry,
};

/// `ssh` with arguments of one's own, as in `ssh -p 2222`.
const SSH_VARIABLE: &str = "FLEXCORE_SSH_COMMAND";

/// Which engine, and how to get there.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// The engine's data directory, or its Unix socket; without: the only engine of this user
    #[arg(value_name = "DIR|SOCKET", conflicts_with_all = ["url", "socket"])]
    place: Option<PathBuf>,
    /// An engine on another machine, through `ssh` (or what `FLEXCORE_SSH_COMMAND` says); DIR|SOCKET is one there
    #[arg(long, value_name = "USER@BOX", conflicts_with_all = ["url", "socket"])]
    host: Option<String>,
    /// With --host: FlexCore on the other machine
    #[arg(long, value_name = "PATH", requires = "host", default_value = "flexcore")]
    remote_program: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Lines instead of a screen, as with `flexcore --plain`
    #[arg(long, conflicts_with_all = ["snapshot", "host"])]
    plain: bool,
    #[command(flatten)]
    frame: FrameArgs,
}

/// Runs the console until it is left.
pub fn run(args: &AttachArgs, settings: &SettingArgs) -> color_eyre::Result<i32> {
    let settings = match settings.settings() {
        Ok(settings) => settings,
        Err(wrong) => return Ok(complain(&wrong.to_string())),
    };
    let carrier = match args.carrier(&settings) {
        Ok(carrier) => carrier,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    if args.plain {
        return lines(&carrier, &args.target);
    }
    show(carrier, None, &settings, &args.frame)
}

/// The console of lines; it asks as every command does.
fn lines(carrier: &Carrier, target: &TargetArgs) -> color_eyre::Result<i32> {
    let target = match (carrier, target.target()) {
        (Carrier::Socket(place), _) => match find::socket(place.as_deref()) {
            Ok(socket) => Target { socket: Some(socket), ..Target::default() },
            Err(error) => return Ok(complain(&told(&error))),
        },
        (_, Ok(target)) => Target { socket: None, ..target },
        (_, Err(error)) => return Ok(complain(&told(&error))),
    };
    super::block_on(super::plain::converse(&target))
}

/// What the top of the screen says of an engine, and what its operator should know first.
pub(super) struct Told {
    place: String,
    notice: String,
}

/// The engine that has the data directory of the settings open already, if one has and says where to ask it. `paths`:
/// whether pipeline files were named, which only the engine itself could load.
pub(super) fn already(settings: &Settings, paths: bool) -> Option<(Carrier, Told)> {
    let folder = settings.data.as_deref()?;
    let holder = data_dir::holder(folder).ok().flatten().filter(|holder| holder.socket().is_some())?;
    let files = if paths { "; the files that were named are not loaded: `flexcore pipeline create FILE` does that" } else { "" };
    let notice = format!("attached to {}, which has this data directory open: leaving stops nothing{files}", holder.process());
    Some((Carrier::Socket(Some(folder.to_owned())), Told { place: format!("attached to {}", holder.process()), notice }))
}

/// The same engine by lines.
pub(super) fn plain(carrier: &Carrier, told: &Told) -> color_eyre::Result<i32> {
    say(&told.notice);
    lines(carrier, &TargetArgs::default())
}

/// The console of an engine elsewhere.
pub(super) fn show(carrier: Carrier, told: Option<Told>, settings: &Settings, frame: &FrameArgs) -> color_eyre::Result<i32> {
    let options = match console_options(settings) {
        Ok(options) => options,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    if !frame.has_a_place() {
        return Ok(complain(&ConsoleError::NotATerminal.to_string()));
    }
    let _log = match telemetry::to_file(settings) {
        Ok(guard) => guard,
        Err(error) => return Ok(unable(&error)),
    };
    // One thread draws and one reads: more would only wake each other.
    super::block_on_threads(Some(1), async {
        let link = match RemoteLink::connect(carrier, settings.read_only).await {
            Ok(link) => link,
            Err(LinkError::Gone(why)) => return Ok(complain(&why)),
            Err(LinkError::Refused(why)) => {
                say(&why);
                return Ok(FAILED);
            }
        };
        let link = match told {
            Some(Told { place, notice }) => link.called(place, notice),
            None => link,
        };
        let link = if frame.is_wanted() { link } else { link.present() };
        drawn(Arc::new(link), options, frame).await
    })
}

async fn drawn(link: Arc<dyn Link>, options: ConsoleOptions, frame: &FrameArgs) -> color_eyre::Result<i32> {
    if frame.is_wanted() {
        return frame.print(link, options).await.map(|()| DONE);
    }
    match run_console(link, options).await {
        Ok(End::Left) => Ok(DONE),
        Ok(End::Closed(why)) => {
            tracing::info!(why, "the console ends");
            Ok(DONE)
        }
        Err(error) => Ok(complain(&error.to_string())),
    }
}

impl AttachArgs {
    fn carrier(&self, settings: &Settings) -> Result<Carrier, String> {
        if let Some(host) = &self.host {
            return self.by_ssh(host);
        }
        if self.place.is_some() {
            return Ok(Carrier::Socket(self.place.clone()));
        }
        let target = self.target.target().map_err(|error| told(&error))?;
        if let Some(url) = target.url {
            return Web::new(&url, target.token, target.ca).map(Carrier::Web);
        }
        Ok(Carrier::Socket(target.socket.or_else(|| settings.data.clone())))
    }

    fn by_ssh(&self, host: &str) -> Result<Carrier, String> {
        if host.is_empty() || host.starts_with('-') {
            return Err(format!("`{host}` is not a machine: write it like user@box"));
        }
        let said = std::env::var(SSH_VARIABLE).unwrap_or_default();
        let mut command: Vec<_> = said.split_whitespace().map(str::to_owned).collect();
        if command.is_empty() {
            command.push("ssh".to_owned());
        }
        let place = self.place.as_ref().map(|place| place.to_string_lossy().into_owned());
        Ok(Carrier::Ssh(Ssh { host: host.to_owned(), program: self.remote_program.clone(), place, command }))
    }
}
