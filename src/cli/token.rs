//! `flexcore token …`: the file of the API's tokens. A running engine sees a change within a second.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use flexcore_engine::unit::Duration;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{DONE, complain, settings::SettingArgs, told};
use crate::http::token::{BookError, Role, TokenBook, change};

/// Tokens of the API.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    what: What,
    /// Answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a token; it is shown this once
    Create {
        /// Names it, in the log too
        name: String,
        /// viewer (looks), operator (operates what is there) or admin (changes definitions, too)
        #[arg(long)]
        role: Role,
        /// Worth nothing after this, like 90d
        #[arg(long, value_name = "DURATION")]
        expires: Option<Duration>,
    },
    /// All tokens, without what is secret of them
    List,
    /// Give a token up
    Revoke { name: String },
}

/// Changes the file that the setting `api.tokens` names.
pub fn run(args: &TokenArgs, settings: &SettingArgs) -> color_eyre::Result<i32> {
    let settings = match settings.settings() {
        Ok(settings) => settings,
        Err(wrong) => return Ok(complain(&wrong.to_string())),
    };
    let Some(path) = &settings.api.tokens else {
        return Ok(complain("it is not said where the tokens are kept: --set api.tokens=FILE, or in the settings of the engine"));
    };
    let now = Timestamp::now();
    let said = match &args.what {
        What::Create { name, role, expires } => {
            let end = expires.and_then(|after| now.checked_add(SignedDuration::try_from(after.0).ok()?).ok());
            let token = change(path, |book| book.create(name, *role, now, end));
            token.map(|token| (json!({"name": name, "role": role, "expires_at": end, "token": token}), token))
        }
        What::Revoke { name } => {
            let revoked = change(path, |book| book.revoke(name));
            revoked.map(|()| (json!({"name": name}), format!("{name} is revoked")))
        }
        What::List => TokenBook::read(path).map(|book| listed(&book, now)),
    };
    Ok(print(args, said))
}

fn listed(book: &TokenBook, now: Timestamp) -> (serde_json::Value, String) {
    let row = |row: &crate::http::token::TokenRow| {
        let end = row.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string());
        let over = if row.is_expired(now) { " (over)" } else { "" };
        format!("{:<24} {:<9} made {}, expires {end}{over}", row.name, row.role.word(), row.created_at)
    };
    let rows: Vec<String> = book.tokens.iter().map(row).collect();
    let item = |row: &crate::http::token::TokenRow| json!({"name": row.name, "role": row.role, "created_at": row.created_at, "expires_at": row.expires_at});
    let items: Vec<_> = book.tokens.iter().map(item).collect();
    let text = if rows.is_empty() { "there is none".to_owned() } else { rows.join("\n") };
    (json!({"items": items}), text)
}

fn print(args: &TokenArgs, said: Result<(serde_json::Value, String), BookError>) -> i32 {
    let (json, text) = match said {
        Ok(said) => said,
        Err(error) => return complain(&told(&error)),
    };
    // Whoever reads it may have seen enough.
    let _ = writeln!(io::stdout(), "{}", if args.json { json.to_string() } else { text });
    DONE
}
