//! What a stream of server-sent events says, cut out of its bytes however they come.

/// What a stream says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// A message.
    Data(Vec<u8>),
    /// What comes next is not what comes next in the log; with the server's words.
    Gap(Vec<u8>),
    /// Everything up to here was said.
    Id(u64),
}

/// What of a message has come.
#[derive(Default)]
pub(crate) struct Begun {
    is_gap: bool,
    id: Option<u64>,
}

impl Begun {
    /// Takes whole lines off. The server writes a message's data as one line.
    pub(crate) fn take(&mut self, bytes: &mut Vec<u8>) -> Vec<Said> {
        let (mut said, mut from) = (Vec::new(), 0);
        while let Some(length) = memchr::memchr(b'\n', &bytes[from..]) {
            let line = &bytes[from..from + length];
            from += length + 1;
            if let Some(id) = line.strip_prefix(b"id: ") {
                self.id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
            } else if line == b"event: gap" {
                self.is_gap = true;
            } else if let Some(data) = line.strip_prefix(b"data: ") {
                said.push(if self.is_gap { Said::Gap(data.to_vec()) } else { Said::Data(data.to_vec()) });
            } else if line.is_empty() {
                self.is_gap = false;
                said.extend(self.id.take().map(Said::Id));
            }
        }
        bytes.drain(..from);
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_understood_however_it_is_cut() {
        let text =
            b": events\n\nid: 7\ndata: {\"a\":1}\n\nid: 9\n: alive\n\nid: 12\nevent: gap\ndata: {}\n\nid: 13\ndata: {}\n\n";
        let data = |text: &str| Said::Data(text.as_bytes().to_vec());
        let whole =
            [data("{\"a\":1}"), Said::Id(7), Said::Id(9), Said::Gap(b"{}".to_vec()), Said::Id(12), data("{}"), Said::Id(13)];
        for size in 1..text.len() {
            let (mut begun, mut bytes, mut said) = (Begun::default(), Vec::new(), Vec::new());
            for piece in text.chunks(size) {
                bytes.extend_from_slice(piece);
                said.extend(begun.take(&mut bytes));
            }
            assert_eq!(said, whole, "in pieces of {size}");
            assert!(bytes.is_empty());
        }
    }
}
