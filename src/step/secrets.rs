//! `${secret:path}` in settings, resolved where a step is built and nowhere else; and the place where secrets come from.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use flexcore_engine::port::step::{Secret, Secrets, StepError};
use serde_json::{Map, Value};

const OPEN: &str = "${secret:";
/// The largest secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Secrets from the environment, else from files of a folder, else from a command that prints them.
#[derive(Debug, Clone, Default)]
pub struct EnvFileSecrets {
    /// One file a secret.
    pub folder: Option<PathBuf>,
    /// Program and arguments; the secret's path is added as the last one.
    pub command: Vec<String>,
}

impl Secrets for EnvFileSecrets {
    fn resolve(&self, path: &str) -> Result<Secret, String> {
        let found = Self::in_environment(path).or_else(|| self.in_folder(path)).or_else(|| self.in_command(path));
        found.unwrap_or_else(|| Err(format!("there is no secret `{path}`: {}", self.looked(path))))
    }
}

impl EnvFileSecrets {
    fn in_environment(path: &str) -> Option<Result<Secret, String>> {
        match std::env::var(path) {
            Ok(text) => Some(Ok(Secret::new(text))),
            Err(std::env::VarError::NotPresent) => None,
            Err(std::env::VarError::NotUnicode(_)) => Some(Err(format!("secret `{path}`: the variable is not UTF-8"))),
        }
    }

    fn in_folder(&self, path: &str) -> Option<Result<Secret, String>> {
        let file = self.folder.as_ref()?.join(path);
        if !is_plain(path) || !file.exists() {
            return None;
        }
        let failed = |error| format!("secret `{path}`: cannot read {}: {error}", file.display());
        Some(read(&file).map(Secret::new).map_err(failed))
    }

    fn in_command(&self, path: &str) -> Option<Result<Secret, String>> {
        let (program, arguments) = self.command.split_first()?;
        let output = Command::new(program).args(arguments).arg(path).output();
        Some(match output {
            Err(error) => Err(format!("secret `{path}`: cannot start `{program}`: {error}")),
            Ok(output) if !output.status.success() => Err(format!("secret `{path}`: `{program}` ended with {}", output.status)),
            Ok(output) => {
                let not_text = |_| format!("secret `{path}`: `{program}` printed something that is not UTF-8");
                String::from_utf8(output.stdout).map(|text| Secret::new(text.trim_end().into())).map_err(not_text)
            }
        })
    }

    fn looked(&self, path: &str) -> String {
        let folder = match &self.folder {
            Some(folder) => format!("no file {}", folder.join(path).display()),
            None => "no secrets folder is set".into(),
        };
        format!("no environment variable of that name, {folder}, no secrets command is set")
    }
}

/// Whether the path stays in the folder.
fn is_plain(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

fn read(file: &Path) -> std::io::Result<String> {
    use std::io::{Error, Read};
    let mut text = String::new();
    std::fs::File::open(file)?.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(Error::other(format!("it is larger than {SECRET_BYTES_MAX} bytes")));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Settings with their secrets filled in, and the secrets, to be kept out of what is said.
pub(super) fn fill(settings: &Map<String, Value>, from: &dyn Secrets) -> Result<(Value, Vec<Secret>), StepError> {
    let (mut filled, mut used) = (Value::Object(settings.clone()), Vec::new());
    fill_value(&mut filled, from, &mut used).map_err(StepError::permanent)?;
    Ok((filled, used))
}

fn fill_value(value: &mut Value, from: &dyn Secrets, used: &mut Vec<Secret>) -> Result<(), String> {
    match value {
        Value::String(text) if text.contains(OPEN) => *text = fill_text(text, from, used)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill_value(item, from, used))?,
        Value::Object(map) => map.values_mut().try_for_each(|item| fill_value(item, from, used))?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// A text with its secrets filled in: what webhooks are told with.
#[cfg(feature = "http")]
pub(crate) fn filled(text: &str, from: &dyn Secrets) -> Result<String, String> {
    fill_text(text, from, &mut Vec::new())
}

fn fill_text(text: &str, from: &dyn Secrets, used: &mut Vec<Secret>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (path, after) = after.split_once('}').ok_or("a `${secret:` has no closing brace")?;
        let secret = from.resolve(path)?;
        out.push_str(before);
        out.push_str(secret.expose());
        used.push(secret);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Text without the secrets in it.
pub(super) fn redact(text: String, secrets: &[Secret]) -> String {
    let long_enough = secrets.iter().filter(|secret| secret.expose().len() >= 4);
    long_enough.fold(
        text,
        |text, secret| {
            if text.contains(secret.expose()) { text.replace(secret.expose(), "***") } else { text }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct One;

    impl Secrets for One {
        fn resolve(&self, path: &str) -> Result<Secret, String> {
            if path == "a/b" { Ok(Secret::new("hunter22".into())) } else { Err(format!("there is no secret `{path}`")) }
        }
    }

    #[test]
    fn secrets_are_filled_in_at_every_depth_of_the_settings() {
        let settings = json!({"url": "http://u:${secret:a/b}@h/${secret:a/b}", "list": [{"x": "${secret:a/b}"}], "n": 1});
        let (filled, used) = fill(settings.as_object().unwrap(), &One).unwrap();
        assert_eq!(filled, json!({"url": "http://u:hunter22@h/hunter22", "list": [{"x": "hunter22"}], "n": 1}));
        assert_eq!(redact("got hunter22!".into(), &used), "got ***!");
    }

    #[test]
    fn a_secret_that_is_nowhere_says_where_was_looked() {
        let error = fill(json!({"a": "${secret:none}"}).as_object().unwrap(), &One).unwrap_err();
        assert_eq!(error.message, "there is no secret `none`");
        let places = EnvFileSecrets { folder: Some("/run/secrets".into()), command: Vec::new() };
        assert_eq!(
            places.resolve("FLEXCORE_NO_SUCH").unwrap_err(),
            "there is no secret `FLEXCORE_NO_SUCH`: no environment variable of that name, no file \
             /run/secrets/FLEXCORE_NO_SUCH, no secrets command is set"
        );
    }

    #[test]
    fn a_secret_of_a_file_stays_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("outside"), "no\n").unwrap();
        std::fs::write(folder.path().join("in/token"), "yes\n").unwrap();
        let places = EnvFileSecrets { folder: Some(folder.path().join("in")), command: Vec::new() };
        assert_eq!(places.resolve("token").unwrap().expose(), "yes");
        assert!(places.resolve("../outside").is_err());
    }
}
