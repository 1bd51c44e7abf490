//! json: one document, with the records somewhere in it. As long as they are at the end of a path, or made of the values
//! there one by one, the document is walked, never held: a file of any size takes the memory of its largest record.

mod whole;

use std::{fmt, io::BufReader};

use flexcore_engine::port::step::{RECORD_BYTES_MAX, StepError};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    emit::{Emit, Stopped},
    input::Opened,
};
use crate::step::{
    jq::{Given, Program, Running},
    json,
};

/// Where the records are in a document.
pub(super) enum Records {
    /// What is at the end of a path: walked to, never held.
    At(Vec<String>),
    /// Of each value of the list at a path, what jq makes of it: a file of any size, too.
    OfEach(Vec<String>, Program),
    /// What jq makes of the whole document, which must fit in memory for that.
    Of(Program),
}

impl Records {
    /// Reads `.features`, `.features[] | .properties`, or any jq. `Err`: what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(path) = parse_path(text) {
            return Ok(Self::At(path));
        }
        let each = text.split_once('|').filter(|(path, _)| path.trim_end().ends_with("[]"));
        if let Some((path, then)) = each.and_then(|(path, then)| Some((parse_path(path).ok()?, then))) {
            return Ok(Self::OfEach(path, Program::compile(then)?));
        }
        Program::compile(text).map(Self::Of)
    }
}

pub(super) fn read(opened: Opened, emit: Emit<'_>, records: &str, given: &Given) -> Result<(), Stopped> {
    let (path, program) = match Records::parse(records).map_err(|why| Stopped::Failed(StepError::permanent(why)))? {
        Records::At(path) => (path, None),
        Records::OfEach(path, program) => (path, Some(program)),
        Records::Of(program) => return whole::read(opened, emit, &program, given),
    };
    let made = program.as_ref().map(|program| (program, given.begin()));
    let (done, file) = (opened.number, opened.path.clone());
    let content = BufReader::with_capacity(256 << 10, opened.into_content());
    let mut walk = Walk { emit, number: 0, done, made, stopped: None };
    let mut document = serde_json::Deserializer::from_reader(content);
    let seed = Seek { path: &path, walk: &mut walk };
    let outcome = seed.deserialize(&mut document).and_then(|()| document.end());
    let number = walk.number;
    match (outcome, walk.stopped.take()) {
        (_, Some(stopped)) => return Err(stopped),
        (Ok(()), None) => {}
        (Err(error), None) => {
            walk.emit.flush(number, number)?;
            return Err(unreadable(&file, error, records).into());
        }
    }
    walk.emit.flush(number, number)
}

fn unreadable(file: &std::path::Path, error: serde_json::Error, records: &str) -> StepError {
    let shown = file.display();
    match error.classify() {
        serde_json::error::Category::Io => Opened::failed(file, &error.into()),
        serde_json::error::Category::Eof => StepError::permanent(format!("{shown} ends before its JSON does: {error}")),
        serde_json::error::Category::Data => StepError::permanent(format!("{shown}: `records: {records}`: {error}")),
        serde_json::error::Category::Syntax => StepError::permanent(format!("{shown} is not JSON: {error}")),
    }
}

/// The keys of a path such as `.data.items[]`.
pub(super) fn parse_path(text: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("`{text}` is not a path to the records: write `.`, `.features` or `.data.\"some key\"`");
    let trimmed = text.trim();
    let trimmed = trimmed.strip_suffix("[]").unwrap_or(trimmed);
    let mut rest = if trimmed == "." { "" } else { trimmed };
    let mut keys = Vec::new();
    if trimmed.is_empty() && text.trim() != "[]" {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let key = rest.strip_prefix('.').ok_or_else(wrong)?;
        let end = match key.strip_prefix('"') {
            Some(quoted) => quoted.find('"').map(|end| end + 2).ok_or_else(wrong)?,
            None => key.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(key.len()),
        };
        if end == 0 {
            return Err(wrong());
        }
        keys.push(key[..end].trim_matches('"').to_owned());
        rest = &key[end..];
    }
    Ok(keys)
}

struct Walk<'a> {
    emit: Emit<'a>,
    /// Values passed.
    number: u64,
    /// Values of an earlier attempt.
    done: u64,
    /// What is made of each value.
    made: Option<(&'a Program, Running)>,
    /// Why no more is wanted; the document's reader only hears that it should stop.
    stopped: Option<Stopped>,
}

impl Walk<'_> {
    fn value(&mut self, value: &RawValue) -> Result<(), Stopped> {
        self.number += 1;
        if self.number <= self.done {
            return Ok(());
        }
        let text = value.get().as_bytes();
        if text.len() > RECORD_BYTES_MAX {
            self.emit.reject(&text[..64], self.number, "the value is larger than 16 MiB");
        } else if let Some((program, running)) = &self.made {
            whole::make(&mut self.emit, program, running, text, self.number)?;
        } else {
            self.emit.text(json::compact(text).into(), self.number);
        }
        self.emit.passed(self.number, self.number)
    }

    fn take<E: Error>(&mut self, value: &RawValue) -> Result<(), E> {
        self.value(value).map_err(|stopped| {
            self.stopped = Some(stopped);
            E::custom("stopped")
        })
    }
}

/// Goes down a path, then takes what is there.
struct Seek<'p, 'w, 'a> {
    path: &'p [String],
    walk: &'w mut Walk<'a>,
}

impl<'de> DeserializeSeed<'de> for Seek<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.first() {
            Some(key) => write!(f, "an object with the key `{key}`"),
            None => f.write_str("an array of records, or an object that is the record"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if !self.path.is_empty() {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        while let Some(value) = items.next_element::<Box<RawValue>>()? {
            self.walk.take(&value)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else { return self.object(pairs) };
        let mut found = false;
        while let Some(key) = pairs.next_key::<String>()? {
            if !found && key == *first {
                pairs.next_value_seed(Seek { path: rest, walk: &mut *self.walk })?;
                found = true;
            } else {
                pairs.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::custom(format!("there is no key `{first}`"))) }
    }
}

impl Seek<'_, '_, '_> {
    /// The object is the one record: written together again, since its beginning is read already.
    fn object<'de, A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        let mut text = Vec::from(*b"{");
        while let Some(key) = pairs.next_key::<String>()? {
            if text.len() > 1 {
                text.push(b',');
            }
            json::write_str(&mut text, &key);
            text.push(b':');
            text.extend_from_slice(pairs.next_value::<Box<RawValue>>()?.get().as_bytes());
            if text.len() > RECORD_BYTES_MAX {
                return Err(A::Error::custom("the object is larger than 16 MiB: name the array of records in it"));
            }
        }
        text.push(b'}');
        let text = String::from_utf8(text).map_err(A::Error::custom)?;
        let value = RawValue::from_string(text).map_err(A::Error::custom)?;
        self.walk.take(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_walked_to_is_not_held() {
        assert!(matches!(Records::parse(".features[]"), Ok(Records::At(path)) if path == ["features"]));
        assert!(matches!(Records::parse(".a.b[] | .c | select(.d)"), Ok(Records::OfEach(path, _)) if path == ["a", "b"]));
        for whole in [".a | .b", ".a[0]", "to_entries[]", ".a[], .b[]", ".a[] as $x | $x"] {
            assert!(matches!(Records::parse(whole), Ok(Records::Of(_))), "{whole}");
        }
        assert!(Records::parse(".a | ").is_err());
    }

    #[test]
    fn a_path_to_records_is_keys_and_nothing_else() {
        let keys = |text| parse_path(text).unwrap();
        assert!(keys(".").is_empty() && keys(".[]").is_empty());
        assert_eq!(keys(".features"), ["features"]);
        assert_eq!(keys(".data.\"some key\".items[]"), ["data", "some key", "items"]);
        for bad in ["", "features", "..", ".a | .b", ".a[0]", ".\"a"] {
            assert!(parse_path(bad).is_err(), "{bad}");
        }
    }
}
