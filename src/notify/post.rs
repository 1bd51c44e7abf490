//! One try of one delivery: a POST of JSON, signed.
//!
//! The signature is `v1=` and the hex of HMAC-SHA256 over `TIMESTAMP.BODY`, where the timestamp is that of the header
//! (seconds since 1970): whoever checks it refuses old ones, so that nobody can send a delivery again later.

use std::{fmt::Write as _, sync::OnceLock, time::Duration};

use flexcore_engine::port::clock::between;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use reqwest::{Client, StatusCode, header, redirect::Policy};
use sha2::Sha256;

use super::{
    Office,
    courier::{Address, Letter},
};
use crate::step::filled;

/// The header that names the event: the same in every try of it.
pub const DELIVERY: &str = "x-flexcore-delivery";
/// The header with the moment of the try, in seconds since 1970.
pub const TIMESTAMP: &str = "x-flexcore-timestamp";
/// The header with the signature.
pub const SIGNATURE: &str = "x-flexcore-signature";

/// Why a try did not succeed.
pub(super) struct Failure {
    pub(super) why: String,
    /// Whether another try may help.
    pub(super) again: bool,
    /// How long the other side asks to wait.
    pub(super) wait: Option<Duration>,
}

impl Failure {
    fn for_good(why: String) -> Self {
        Self { why, again: false, wait: None }
    }
}

/// The client of all deliveries, made with the first one.
fn client(made: &OnceLock<Client>) -> Result<Client, reqwest::Error> {
    if let Some(client) = made.get() {
        return Ok(client.clone());
    }
    // Another part of the program may have chosen already; it chooses the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(5));
    let client = builder.user_agent(concat!("flexcore/", env!("CARGO_PKG_VERSION"))).build()?;
    Ok(made.get_or_init(|| client).clone())
}

/// What a delivery of a body at a moment is signed with.
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of HMAC may have any length");
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("v1=".to_owned(), |mut text, byte| {
        // Writing to text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Office {
    pub(super) async fn post(&self, letter: &Letter, address: &Address) -> Result<(), Failure> {
        let (secrets, made, Address { url, secret, .. }) = (self.secrets.clone(), self.client.clone(), address.clone());
        // Secrets may come from a file or a command. They are looked up for each try: one that was exchanged counts at once.
        let resolved = tokio::task::spawn_blocking(move || {
            let secret = secret.map(|secret| filled(&secret, &*secrets)).transpose()?;
            let url = filled(&url, &*secrets)?;
            Ok((url, secret, client(&made).map_err(|error| format!("no HTTP client can be made: {error}"))?))
        });
        let (url, secret, client) = match resolved.await {
            Ok(Ok(resolved)) => resolved,
            Ok(Err(why)) => return Err(Failure { why, again: true, wait: None }),
            Err(_) => return Err(Failure::for_good("its secrets could not be looked up".into())),
        };
        if secret.as_ref().is_some_and(String::is_empty) {
            // Anybody could make its signature. Who fills it in meanwhile is heard.
            return Err(Failure { why: "its secret is empty".into(), again: true, wait: None });
        }
        let now = self.engine.clock().now();
        let mut request = client.post(url).timeout(address.timeout.0).body(letter.body.clone());
        request = request.header(header::CONTENT_TYPE, "application/json").header(DELIVERY, letter.id.to_string());
        if let Some(secret) = secret {
            let at = now.as_second();
            request = request.header(TIMESTAMP, at).header(SIGNATURE, signature(&secret, at, &letter.body));
        }
        // The error would quote the URL, which may hold a password.
        let response = request.send().await.map_err(|error| lost(&error.without_url(), address))?;
        judge(&response, now)
    }
}

fn lost(error: &reqwest::Error, address: &Address) -> Failure {
    let why = match () {
        () if error.is_builder() => return Failure::for_good("the URL is not one".into()),
        () if error.is_timeout() => format!("no answer within {}", address.timeout),
        () if error.is_connect() => "cannot connect".to_owned(),
        () => format!("the exchange broke off: {error}"),
    };
    Failure { why, again: true, wait: None }
}

fn judge(response: &reqwest::Response, now: Timestamp) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let wait = response.headers().get(header::RETRY_AFTER).and_then(|wait| asked(wait.to_str().ok()?, now));
    let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    let again = status.is_server_error() || busy.contains(&status);
    Err(Failure { why: format!("it answered {status}"), again, wait })
}

/// How long `Retry-After` asks to wait: seconds, or until a moment.
fn asked(text: &str, now: Timestamp) -> Option<Duration> {
    let until = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|moment| between(now, moment.timestamp()));
    text.parse().ok().map(Duration::from_secs).or_else(|| until(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_may_ask_for_a_time_or_a_moment() {
        let now = "2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!(asked("120", now), Some(Duration::from_secs(120)));
        assert_eq!(asked("Sat, 31 Jan 2026 12:00:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sat, 31 Jan 2026 11:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(asked("soon", now), None);
    }

    #[test]
    fn a_signature_is_what_any_other_library_makes_of_it() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        let expected = "v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
        assert_eq!(signature("key", 1_700_000_000, b"{\"a\":1}"), expected);
    }
}
