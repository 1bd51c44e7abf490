//! `http.send`: records to an HTTP server. What the server refuses (4xx) is the record's fault and is rejected; what it
//! cannot do now (429, 5xx, no connection) is tried again.

use std::{collections::BTreeMap, sync::Once};

use bytes::Bytes;
use flexcore_engine::{
    pipeline::Mistake,
    port::{
        BoxFuture,
        step::{BuiltStep, Record, RecordError, Sink, StepContext, StepError, StepKind, Written},
    },
    unit::Duration,
};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    redirect::Policy,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::traces::{
    parent::{self, Parent},
    step_span,
};

use super::{
    jq::{self, Given, Program},
    spec::Spec,
    thread::Thread,
};

/// So much of an answer is shown with an error.
const EXCERPT_BYTES_MAX: usize = 300;

/// Settings of `http.send`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    /// Where to; http or https.
    url: String,
    /// jq: added to the end of the URL's path for each record, such as `"/\(.id)"`.
    #[serde(default)]
    path: Option<String>,
    /// How.
    #[serde(default)]
    method: Method,
    /// Headers. Default: `content-type: application/json`.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// One request with a JSON array of all records of a call, instead of one request a record.
    #[serde(default)]
    batch: bool,
    /// How long one request may take.
    #[serde(default = "half_a_minute")]
    timeout: Duration,
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

/// The methods that carry a record.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    /// POST.
    #[default]
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
    }
}

/// `http.send`.
pub(super) struct HttpSend;

impl Spec for HttpSend {
    type With = With;
    const NAME: &'static str = "http.send";
    const KIND: StepKind = StepKind::Sink;
    const SUMMARY: &'static str = "Send records to an HTTP server, one by one or as arrays";
    const PARALLEL: bool = true;

    fn mistakes(with: &With) -> Vec<Mistake> {
        let mut found: Vec<_> = with.path.as_ref().and_then(|text| jq::mistake("/path", text)).into_iter().collect();
        if !with.url.contains("${secret:") {
            found.extend(parse_url(&with.url).err().map(|why| Mistake::at("/url", why)));
        }
        if with.batch && with.path.is_some() {
            found.push(Mistake::at("/path", "a batch has one URL: `path` and `batch` exclude each other"));
        }
        for (name, value) in &with.headers {
            if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
                found.push(Mistake::at(format!("/headers/{name}"), format!("`{name}` is not a header that can be sent")));
            }
        }
        found
    }

    fn build(with: With, context: StepContext) -> BoxFuture<'static, Result<BuiltStep, StepError>> {
        Box::pin(async move {
            let url = parse_url(&with.url).map_err(StepError::permanent)?;
            let client = client(&with, &context)?;
            let paths = with.path.as_ref().map(|text| paths(text, &context)).transpose()?;
            Ok(BuiltStep::Sink(Box::new(Sender { client, url, with, paths })))
        })
    }
}

fn parse_url(text: &str) -> Result<Url, String> {
    // The text itself stays out of the message: it may hold a password.
    let url: Url = text.parse().map_err(|error| format!("the URL is not one: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        scheme => Err(format!("the URL begins with `{scheme}:`, not with http:// or https:// and a host")),
    }
}

fn client(with: &With, context: &StepContext) -> Result<Client, StepError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error means that there is a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    if let Some(trace) = context.trace {
        let span = step_span(context.run, context.attempt, &context.step);
        let parent = Parent { trace, span, sampled: true }.to_string();
        headers.extend(HeaderValue::try_from(parent).ok().map(|value| (HeaderName::from_static(parent::HEADER), value)));
    }
    for (name, value) in &with.headers {
        let unfit = || StepError::permanent(format!("`{name}` is not a header that can be sent"));
        let mut header = HeaderValue::try_from(value).map_err(|_| unfit())?;
        header.set_sensitive(true);
        headers.insert(HeaderName::try_from(name).map_err(|_| unfit())?, header);
    }
    let builder = Client::builder().default_headers(headers).timeout(with.timeout.0).redirect(Policy::none());
    let builder = builder.user_agent(concat!("flexcore/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| StepError::permanent("cannot make an HTTP client").because(&error))
}

/// A record's path, or why it has none.
type Paths = Thread<Vec<Record>, Result<Vec<Result<String, RecordError>>, StepError>>;

fn paths(text: &str, context: &StepContext) -> Result<Paths, StepError> {
    let (program, given) = (Program::build(text)?, Given::of(context));
    Thread::start("http-path", move |records: Vec<Record>| {
        let running = given.begin();
        records.iter().map(|record| program.text_of(record, &running, "path")).collect()
    })
}

struct Sender {
    client: Client,
    url: Url,
    with: With,
    paths: Option<Paths>,
}

/// What the server says.
enum Answer {
    Taken,
    Refused(RecordError),
}

impl Sender {
    async fn request(&self, url: Url, body: Bytes) -> Result<Answer, StepError> {
        let request = self.client.request(self.with.method.into(), url).body(body);
        match request.send().await {
            Ok(response) => self.judge(response).await,
            Err(error) => Err(self.lost(error)),
        }
    }

    fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    fn lost(&self, error: reqwest::Error) -> StepError {
        let (place, timeout) = (self.place(), self.with.timeout);
        // The error would quote the URL, which may hold a password or a token.
        let error = error.without_url();
        let what = match () {
            () if error.is_timeout() => format!("{place} did not answer within {timeout}"),
            () if error.is_connect() => format!("cannot connect to {place}"),
            () => format!("the exchange with {place} broke off"),
        };
        StepError::transient(what).because(&error)
    }

    async fn judge(&self, response: Response) -> Result<Answer, StepError> {
        let (status, place) = (response.status(), self.place());
        let said = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (retry_after, location) = (said(RETRY_AFTER), said(LOCATION));
        if status.is_success() {
            return Ok(Answer::Taken);
        }
        if status.is_redirection() {
            let to = location.unwrap_or_else(|| "nowhere".into());
            return Err(StepError::permanent(format!("{place} answered {status} and points to {to}: set `url` to that")));
        }
        let body = excerpt(response).await;
        if is_for_now(status) {
            let later = retry_after.map(|after| format!(" (Retry-After: {after})")).unwrap_or_default();
            return Err(StepError::transient(format!("{place} answered {status}{later}{body}")));
        }
        Ok(Answer::Refused(RecordError { message: format!("{place} answered {status}{body}"), retryable: false }))
    }

    fn url_with(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let joined = format!("{}/{}", url.path().trim_end_matches('/'), path.trim_start_matches('/'));
        url.set_path(&joined);
        url
    }

    async fn write_batch(&self, records: &[Record]) -> Result<Written, StepError> {
        let mut body = Vec::from(*b"[");
        for (index, record) in records.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&record.json);
        }
        body.push(b']');
        let rejected = match self.request(self.url.clone(), body.into()).await? {
            Answer::Taken => Vec::new(),
            Answer::Refused(error) => (0..records.len()).map(|index| (index, error.clone())).collect(),
        };
        Ok(Written { durable: true, rejected, ..Written::default() })
    }

    async fn write_each(&self, records: &[Record]) -> Result<Written, StepError> {
        let paths = match &self.paths {
            Some(thread) => Some(thread.ask(records.to_vec()).await??),
            None => None,
        };
        let mut rejected = Vec::new();
        for (index, record) in records.iter().enumerate() {
            let url = match paths.as_ref().map(|paths| &paths[index]) {
                None => self.url.clone(),
                Some(Ok(path)) => self.url_with(path),
                Some(Err(error)) => {
                    rejected.push((index, error.clone()));
                    continue;
                }
            };
            if let Answer::Refused(error) = self.request(url, record.json.clone()).await? {
                rejected.push((index, error));
            }
        }
        Ok(Written { durable: true, rejected, ..Written::default() })
    }
}

/// Whether the server may think otherwise later.
fn is_for_now(status: StatusCode) -> bool {
    let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_server_error() || later.contains(&status)
}

/// The beginning of the answer's body, as the end of a sentence. The rest is not read.
async fn excerpt(mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < EXCERPT_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(EXCERPT_BYTES_MAX)]),
            Ok(None) | Err(_) => break,
        }
    }
    body.truncate(EXCERPT_BYTES_MAX);
    let text = String::from_utf8_lossy(&body).trim().replace(['\n', '\r'], " ");
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl Sink for Sender {
    fn write<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<Written, StepError>> {
        Box::pin(async { if self.with.batch { self.write_batch(records).await } else { self.write_each(records).await } })
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<bool, StepError>> {
        Box::pin(async { Ok(true) })
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }
}
