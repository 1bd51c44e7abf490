//! Fields in the bodies of records. Numbers are little-endian; a text is its length as u32 and its bytes; a moment is its
//! second as i64 and its nanosecond as i32; what comes last takes the rest.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn put_moment(out: &mut Vec<u8>, at: Timestamp) {
    out.extend_from_slice(&at.as_second().to_le_bytes());
    out.extend_from_slice(&at.subsec_nanosecond().to_le_bytes());
}

/// What is left of a body.
pub(crate) struct Body<'b>(pub(crate) &'b [u8]);

impl<'b> Body<'b> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("a record ends within a field")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.take(N)?.try_into().expect("as many were taken"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, String> {
        self.array().map(Uuid::from_bytes)
    }

    pub(crate) fn moment(&mut self) -> Result<Timestamp, String> {
        let (seconds, nanoseconds) = (i64::from_le_bytes(self.array()?), i32::from_le_bytes(self.array()?));
        Timestamp::new(seconds, nanoseconds).map_err(|error| error.to_string())
    }

    pub(crate) fn text(&mut self) -> Result<&'b str, String> {
        let length = self.u32()?;
        std::str::from_utf8(self.take(length as usize)?).map_err(|_| "a text is not UTF-8".into())
    }

    /// A copy: a slice of the file would hold on to all of it.
    pub(crate) fn rest(&mut self) -> Bytes {
        Bytes::copy_from_slice(self.rest_here())
    }

    pub(crate) fn rest_here(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.0)
    }
}
