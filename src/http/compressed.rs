//! Answers for slow lines: compressed when the caller takes that, as whole bodies or as streams that hold nothing back.

use std::io::Write;

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use http_body_util::{BodyExt, Collected};

use super::problem::Problem;

/// Below this an answer costs a packet anyway.
const WORTH_IT_BYTES: u64 = 1_000;
/// What takes longer to compress than a worker thread of the server should be held up, in bytes.
const LARGE_BYTES: usize = 256 << 10;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Whether the caller takes gzip. One that says nothing gets what it always got.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let said = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|part| {
        let mut words = part.split(';').map(str::trim);
        words.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip")) && !words.any(|word| word.replace(' ', "") == "q=0")
    })
}

/// Whether to compress an answer: JSON that is ready made and not short, where the caller takes it.
pub(super) fn is_worth_it(is_taken: bool, response: &Response) -> bool {
    is_taken
        && response.headers().get(header::CONTENT_TYPE).is_some_and(|media| media == "application/json")
        && response.body().size_hint().exact().is_some_and(|bytes| bytes >= WORTH_IT_BYTES)
        && !response.headers().contains_key(header::CONTENT_ENCODING)
}

/// The same answer, compressed.
pub(super) async fn packed(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = body.collect().await.map(Collected::to_bytes) else { return Problem::internal().into_response() };
    let packed = if bytes.len() < LARGE_BYTES {
        gzip(&bytes)
    } else {
        match tokio::task::spawn_blocking(move || gzip(&bytes)).await {
            Ok(packed) => packed,
            Err(_) => return Problem::internal().into_response(),
        }
    };
    parts.headers.insert(header::CONTENT_ENCODING, GZIP);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(packed))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Compresses a stream piece by piece; each piece can be read as soon as it is there, and helps to shorten those after it.
pub(super) struct Pieces(Option<GzEncoder<Vec<u8>>>);

impl Pieces {
    /// For a caller with these headers.
    pub(super) fn new(headers: &HeaderMap) -> Self {
        Self(takes_gzip(headers).then(|| GzEncoder::new(Vec::new(), Compression::default())))
    }

    /// What to say of the stream.
    pub(super) fn encoding(&self) -> Option<(header::HeaderName, HeaderValue)> {
        self.0.is_some().then_some((header::CONTENT_ENCODING, GZIP))
    }

    /// The next piece as it is sent.
    pub(super) fn next(&mut self, piece: Bytes) -> Bytes {
        let Some(encoder) = &mut self.0 else { return piece };
        // Writing to memory does not fail.
        let _ = encoder.write_all(&piece).and_then(|()| encoder.flush());
        std::mem::take(encoder.get_mut()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    fn said(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))])
    }

    #[test]
    fn only_who_says_so_takes_gzip() {
        for yes in ["gzip", "br, GZIP;q=0.5", "deflate,gzip"] {
            assert!(takes_gzip(&said(yes)), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0, br", "xgzip"] {
            assert!(!takes_gzip(&said(no)), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn every_piece_of_a_stream_can_be_read_when_it_has_come() {
        let mut pieces = Pieces::new(&said("gzip"));
        let (mut sent, mut whole) = (Vec::new(), String::new());
        for number in 0..20 {
            let piece = format!("data: {{\"number\":{number},\"text\":\"always the same\"}}\n\n");
            whole.push_str(&piece);
            sent.extend_from_slice(&pieces.next(piece.into()));
            let mut read = vec![0; whole.len()];
            MultiGzDecoder::new(&*sent).read_exact(&mut read).unwrap();
            assert_eq!(read, whole.as_bytes());
        }
        assert!(sent.len() < whole.len() / 2, "{} of {}", sent.len(), whole.len());
    }
}
