//! Settings of traces.

use reqwest::Url;

use super::layer::Reader;

/// Where traces go, and how many of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceSettings {
    /// The collector; `None`: there are no traces.
    pub url: Option<String>,
    /// What is sent along, such as a login; values may hold secrets.
    pub headers: Vec<(String, String)>,
    /// The share of traces that is recorded, 0 to 1.
    pub share: f64,
}

/// The most headers.
const HEADERS_MAX: usize = 16;

pub(super) fn read(read: &mut Reader<'_>) -> TraceSettings {
    TraceSettings {
        url: read.parsed("traces.url", url),
        headers: read.parsed("traces.headers", headers),
        share: read.parsed("traces.share", share),
    }
}

fn url(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    // It is not told: it may hold a password.
    let url: Url = text.parse().map_err(|error| format!("the URL is not one: {error}"))?;
    // Without a host the first part of the path would be taken for one.
    let is_whole = url.has_host() && url.path() != "/" && !text.contains(":///");
    let fits = matches!(url.scheme(), "http" | "https") && is_whole;
    let wrong = || "the URL is not of a collector: write it in full, like http://127.0.0.1:4318/v1/traces".to_owned();
    fits.then(|| Some(text.to_owned())).ok_or_else(wrong)
}

/// `NAME=VALUE, NAME=VALUE`.
fn headers(text: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs: Result<Vec<_>, String> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or("a header is written NAME=VALUE, with commas between them")?;
            let (name, value) = (name.trim(), value.trim());
            let named: Result<reqwest::header::HeaderName, _> = name.parse();
            named.map_err(|_| format!("`{name}` is not the name of a header"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect();
    pairs.and_then(|pairs| if pairs.len() > HEADERS_MAX { Err(format!("more than {HEADERS_MAX} headers")) } else { Ok(pairs) })
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("`{text}` is not a share: 0 to 1, like 0.1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_in_full() {
        assert_eq!(url(""), Ok(None));
        assert!(url("http://127.0.0.1:4318/v1/traces").unwrap().is_some());
        for bad in ["127.0.0.1:4318", "ftp://box/v1/traces", "http://127.0.0.1:4318", "http:///v1/traces"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_and_shares_are_checked() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(headers("a=1, b = x=y"), Ok(vec![pair("a", "1"), pair("b", "x=y")]));
        assert_eq!(headers(""), Ok(vec![]));
        assert!(headers("a").is_err() && headers("a b=1").is_err());
        assert_eq!(share("0.25"), Ok(0.25));
        assert!(share("2").is_err() && share("all").is_err() && share("NaN").is_err());
    }
}
