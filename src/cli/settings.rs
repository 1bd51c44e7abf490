//! The flags that every command takes, and how they become settings.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    alerts,
    config::{BadSettings, KEYS, Key, Layers, Settings, file},
};

/// Settings by flag. All others: `--set NAME=VALUE`.
#[derive(Debug, Clone, Default, Args)]
pub struct SettingArgs {
    /// A YAML file with settings [variable: `FLEXCORE_CONFIG`]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Keep everything in this directory: log, queues, checkpoints [default: in memory]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Refuse every action that changes something
    #[arg(long, global = true)]
    read_only: bool,
    /// Runs at once
    #[arg(long, value_name = "N", global = true)]
    workers: Option<u32>,
    /// Serve the API on this address, like 127.0.0.1:8080
    #[arg(long, value_name = "ADDR", global = true)]
    http: Option<String>,
    /// Serve consoles and commands by SSH on this address, like 0.0.0.0:2222
    #[arg(long, value_name = "ADDR", global = true)]
    ssh: Option<String>,
    /// Any setting by its name, as in `--set log.level=debug`; `flexcore --help` lists them at its end
    #[arg(long = "set", value_name = "NAME=VALUE", global = true)]
    set: Vec<String>,
}

/// Every setting, for the end of `--help`.
pub(super) fn listed(last: &str) -> String {
    let line = |key: &Key| {
        let default = if key.default.is_empty() { "none" } else { key.default };
        format!("  {:<24} {}\n  {:<24} {} [{default}]\n", key.name, key.variable(), "", key.help)
    };
    let lines: String = KEYS.iter().map(line).collect();
    format!("Settings, by --set, variable or file (flags cover variables, these the file, that the defaults):\n{lines}\n{last}")
}

const CONFIG_VARIABLE: &str = "FLEXCORE_CONFIG";
/// Variables that are no settings: where the settings are, and what commands on a running engine read.
const OTHER_VARIABLES: [&str; 6] =
    [CONFIG_VARIABLE, "FLEXCORE_URL", "FLEXCORE_TOKEN", "FLEXCORE_CA", "FLEXCORE_ENGINE", "FLEXCORE_SSH_COMMAND"];

impl SettingArgs {
    /// Flags over variables over the file over defaults, checked.
    pub fn settings(&self) -> Result<Settings, BadSettings> {
        let env = |name: &str| std::env::var(name).ok();
        let mut layers = Layers::defaults(&env);
        if let Some(path) = self.config.clone().or_else(|| env(CONFIG_VARIABLE).map(PathBuf::from)) {
            file::read(&path, &mut layers);
        }
        layers.variables(std::env::vars().filter(|(name, _)| !OTHER_VARIABLES.contains(&name.as_str())));
        self.flags(&mut layers);
        Settings::of(&layers)
    }

    /// The same for an engine: what alerts there are is read, too.
    pub fn of_engine(&self) -> Result<Settings, String> {
        let mut settings = self.settings().map_err(|wrong| wrong.to_string())?;
        if let Some(path) = &settings.alerts_file {
            settings.alerts = alerts::read(path).map_err(|bad| bad.to_string())?;
        }
        Ok(settings)
    }

    /// The data directory that a command works on: its argument, or the setting.
    pub fn data_dir(&self, argument: Option<&Path>) -> Result<PathBuf, String> {
        let settings = self.settings().map_err(|wrong| wrong.to_string())?;
        let folder = argument.map(Path::to_owned).or(settings.data);
        folder.ok_or_else(|| "which data directory? Name it, or set `data`".to_owned())
    }

    fn flags(&self, layers: &mut Layers) {
        if let Some(data) = &self.data {
            layers.set("data", data.to_string_lossy().into_owned(), "--data".into());
        }
        if self.read_only {
            layers.set("read_only", "true".into(), "--read-only".into());
        }
        if let Some(workers) = self.workers {
            layers.set("workers", workers.to_string(), "--workers".into());
        }
        if let Some(address) = &self.http {
            layers.set("http", address.clone(), "--http".into());
        }
        if let Some(address) = &self.ssh {
            layers.set("ssh", address.clone(), "--ssh".into());
        }
        for pair in &self.set {
            match pair.split_once('=') {
                Some((name, value)) => layers.set(name.trim(), value.into(), format!("--set {pair}")),
                None => layers.wrong(format!("--set {pair}: write it as NAME=VALUE")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_is_hidden_by_a_variable_that_is_none() {
        for key in KEYS {
            assert!(!OTHER_VARIABLES.contains(&key.variable().as_str()), "{} is a setting", key.variable());
        }
    }
}
