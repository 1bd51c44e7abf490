//! One line of the file of keys: options, kind, key, name.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use russh::keys::PublicKey;

use super::KeyRow;
use crate::role::Role;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Reads a line, or says what is wrong with it.
pub(super) fn parse(line: &str) -> Result<KeyRow, String> {
    let (options, rest) = split(line);
    let key = PublicKey::from_openssh(rest).map_err(|error| unread(rest, &error))?;
    let name = name(key.comment().as_str_lossy())?;
    let mut row = KeyRow { name: name.into(), role: Role::Viewer, key: key.key_data().clone(), expires_at: None };
    for option in options {
        set(&mut row, option)?;
    }
    Ok(row)
}

fn unread(rest: &str, error: &russh::keys::ssh_key::Error) -> String {
    let mut words = rest.split_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), _) if kind.contains("-cert-") => format!("`{kind}` is a certificate; write the key itself"),
        (Some(kind), Some(_)) => format!("`{kind} …` is not a public key ({error})"),
        _ => "this is not OPTIONS KIND KEY NAME, like role=\"operator\" ssh-ed25519 AAAA… ana".into(),
    }
}

/// Options before the first space outside quotes; a line that begins with the kind of a key has none.
fn split(line: &str) -> (Vec<&str>, &str) {
    let first = line.split([' ', '\t']).next().unwrap_or_default();
    if !first.contains(['=', ',', '"']) && ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| first.starts_with(kind)) {
        return (Vec::new(), line);
    }
    let mut quoted = false;
    let outside = |char: char, quoted: &mut bool| {
        *quoted ^= char == '"';
        !*quoted
    };
    let end = line.char_indices().find(|(_, char)| outside(*char, &mut quoted) && [' ', '\t'].contains(char));
    let (options, rest) = line.split_at(end.map_or(line.len(), |(at, _)| at));
    let mut quoted = false;
    (options.split(|char| outside(char, &mut quoted) && char == ',').collect(), rest.trim_start())
}

fn name(comment: &str) -> Result<&str, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@');
    let name = comment.trim();
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(name);
    }
    let said = if name.is_empty() { "the key has no name".to_owned() } else { format!("`{name}` is not a name") };
    Err(format!("{said}: behind the key stands who it is, in 1 to {NAME_BYTES_MAX} letters, digits and . _ - @"))
}

fn set(row: &mut KeyRow, option: &str) -> Result<(), String> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    match name {
        "role" => row.role = value.parse()?,
        "expiry-time" => row.expires_at = Some(moment(value)?),
        // What these take away is never given here.
        "restrict" | "no-port-forwarding" | "no-agent-forwarding" | "no-X11-forwarding" | "no-user-rc" => {}
        other => {
            let known = "role=\"viewer|operator|admin\" and expiry-time=\"YYYYMMDD\" are";
            return Err(format!("the option `{other}` is not known here; {known}"));
        }
    }
    Ok(())
}

/// As OpenSSH writes it: a day or a moment, in the machine's own time, or in UTC with a `Z` behind.
fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("`{text}` is not a moment: write it as YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with a Z for UTC");
    let (digits, zone) = text.strip_suffix('Z').map_or((text, TimeZone::system()), |digits| (digits, TimeZone::UTC));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || ![8, 12, 14].contains(&digits.len()) {
        return Err(wrong());
    }
    let whole = format!("{digits:0<14}");
    let local = DateTime::strptime("%Y%m%d%H%M%S", &whole).map_err(|_| wrong())?;
    local.to_zoned(zone).map(|zoned| zoned.timestamp()).map_err(|_| wrong())
}
