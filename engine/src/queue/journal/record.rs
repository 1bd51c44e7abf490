//! The bodies of records. Each begins with the number of its queue. Fields are as `segment::field` has them; a yes or no is a
//! byte, what may be missing is one byte 0 or 1 and then itself, and ids in a row take the rest.
//!
//! ```text
//! made       name                                     limited    limits as JSON
//! sent       message, due, key or none, body          kept       message, due, none, body
//! leased     by text | ids                            acked, dropped, dropped dead, taken dead: ids
//! returned   id | due | by lease end                  released   id | due
//! died       id | at | by lease end | error           redriven   due | ids
//! buried, kept letter: message as of then | at | error text | origin or none | body
//! edited     id | body                                kept key   at | key 16 | id
//! totals     sent, acked, returned, ended leases, dropped, dead: u64 each         removed, end: nothing
//! message    id | priority u8 | deliveries u32 | attempts u32 | sent at | expires at or none
//! ```

use jiff::Timestamp;

use crate::{
    id::{MessageId, QueueName},
    port::queue::{Origin, QueueStats},
    queue::state::{dead::Letter, dedup::KeyHash, effect::Effect, message::Message},
    segment::{
        field::{Body, put_moment, put_text},
        frame::{Batch, COMMIT},
    },
};

pub(super) const MADE: u8 = 1;
const LIMITED: u8 = 2;
const SENT: u8 = 3;
// 4 is COMMIT.
const LEASED: u8 = 5;
const ACKED: u8 = 6;
const RETURNED: u8 = 7;
const DIED: u8 = 8;
const RELEASED: u8 = 9;
const DROPPED: u8 = 10;
const BURIED: u8 = 11;
const REDRIVEN: u8 = 12;
const EDITED: u8 = 13;
const DROPPED_DEAD: u8 = 14;
const TAKEN_DEAD: u8 = 15;
const REMOVED: u8 = 16;
const KEPT: u8 = 17;
const KEPT_LETTER: u8 = 18;
const KEPT_KEY: u8 = 19;
const TOTALS: u8 = 20;
/// The last record of a base.
pub(super) const END: u8 = 21;

/// Adds a record of what happened to a queue.
pub(super) fn push(batch: &mut Batch, queue: u32, effect: &Effect) {
    batch.push(kind_of(effect), |out| {
        out.extend_from_slice(&queue.to_le_bytes());
        put(out, effect);
    });
}

pub(super) fn push_end(batch: &mut Batch) {
    batch.push(END, |out| out.extend_from_slice(&0_u32.to_le_bytes()));
}

/// The number of the queue that a record is about, if it is about one.
pub(super) fn queue_of(kind: u8, body: &[u8]) -> Option<u32> {
    let number = body.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    number.filter(|_| kind != END)
}

fn kind_of(effect: &Effect) -> u8 {
    match effect {
        Effect::Made(_) => MADE,
        Effect::Limited(_) => LIMITED,
        Effect::Sent { .. } => SENT,
        Effect::Leased { .. } => LEASED,
        Effect::Acked(_) => ACKED,
        Effect::Returned { .. } => RETURNED,
        Effect::Died { .. } => DIED,
        Effect::Released { .. } => RELEASED,
        Effect::Dropped(_) => DROPPED,
        Effect::Buried(_) => BURIED,
        Effect::Redriven { .. } => REDRIVEN,
        Effect::Edited { .. } => EDITED,
        Effect::DroppedDead(_) => DROPPED_DEAD,
        Effect::TakenDead(_) => TAKEN_DEAD,
        Effect::Removed => REMOVED,
        Effect::Kept { .. } => KEPT,
        Effect::KeptLetter(_) => KEPT_LETTER,
        Effect::KeptKey { .. } => KEPT_KEY,
        Effect::Totals(_) => TOTALS,
    }
}

fn put(out: &mut Vec<u8>, effect: &Effect) {
    match effect {
        Effect::Made(name) => out.extend_from_slice(name.as_str().as_bytes()),
        Effect::Limited(limits) => serde_json::to_writer(out, limits).expect("numbers are JSON, and memory takes all"),
        Effect::Sent { message, due, key } => put_message(out, message, *due, *key),
        Effect::Kept { message, due } => put_message(out, message, *due, None),
        Effect::Leased { ids, by } => {
            put_text(out, by);
            put_ids(out, ids);
        }
        Effect::Acked(ids) | Effect::Dropped(ids) | Effect::DroppedDead(ids) | Effect::TakenDead(ids) => put_ids(out, ids),
        Effect::Returned { id, due, by_lease_end } => {
            put_ids(out, &[*id]);
            put_moment(out, *due);
            out.push(u8::from(*by_lease_end));
        }
        Effect::Died { id, at, error, by_lease_end } => {
            put_ids(out, &[*id]);
            put_moment(out, *at);
            out.push(u8::from(*by_lease_end));
            out.extend_from_slice(error.as_bytes());
        }
        Effect::Released { id, due } => {
            put_ids(out, &[*id]);
            put_moment(out, *due);
        }
        Effect::Buried(letter) | Effect::KeptLetter(letter) => put_letter(out, letter),
        Effect::Redriven { ids, due } => {
            put_moment(out, *due);
            put_ids(out, ids);
        }
        Effect::Edited { id, body } => {
            put_ids(out, &[*id]);
            out.extend_from_slice(body);
        }
        Effect::KeptKey { at, key, message } => {
            put_moment(out, *at);
            out.extend_from_slice(&key.0);
            put_ids(out, &[*message]);
        }
        Effect::Totals(totals) => totals_of(totals).iter().for_each(|total| out.extend_from_slice(&total.to_le_bytes())),
        Effect::Removed => {}
    }
}

fn put_ids(out: &mut Vec<u8>, ids: &[MessageId]) {
    for id in ids {
        out.extend_from_slice(id.0.as_bytes());
    }
}

fn put_some<T>(out: &mut Vec<u8>, some: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(some.is_some()));
    if let Some(it) = some {
        put(out, it);
    }
}

fn put_message(out: &mut Vec<u8>, message: &Message, due: Timestamp, key: Option<KeyHash>) {
    let Message { id, body, priority, deliveries, attempts, sent_at, expires_at } = message;
    put_head(out, (*id, *priority, *deliveries, *attempts, *sent_at));
    put_some(out, *expires_at, put_moment);
    put_moment(out, due);
    put_some(out, key, |out, key| out.extend_from_slice(&key.0));
    out.extend_from_slice(body);
}

/// Id, priority, deliveries, attempts, and when it was sent.
type Head = (MessageId, u8, u32, u32, Timestamp);

fn put_head(out: &mut Vec<u8>, (id, priority, deliveries, attempts, sent_at): Head) {
    put_ids(out, &[id]);
    out.push(priority);
    out.extend_from_slice(&deliveries.to_le_bytes());
    out.extend_from_slice(&attempts.to_le_bytes());
    put_moment(out, sent_at);
}

fn put_letter(out: &mut Vec<u8>, letter: &Letter) {
    let Letter { id, body, priority, deliveries, attempts, sent_at, at, error, origin } = letter;
    put_head(out, (*id, *priority, *deliveries, *attempts, *sent_at));
    put_moment(out, *at);
    put_text(out, error);
    put_some(out, origin.as_deref(), |out, origin| {
        let Origin { pipeline, run, step, revision, source } = origin;
        for text in [pipeline, run, step, revision, source] {
            put_text(out, text);
        }
    });
    out.extend_from_slice(body);
}

fn totals_of(totals: &QueueStats) -> [u64; 6] {
    let QueueStats { sent_total, acked_total, returned_total, expired_leases_total, dropped_total, dead_total, .. } = *totals;
    [sent_total, acked_total, returned_total, expired_leases_total, dropped_total, dead_total]
}

/// The queue's number, and what happened to it; nothing for the end of a base.
pub(super) fn decode(kind: u8, body: &[u8]) -> Result<Option<(u32, Effect)>, String> {
    let mut body = Body(body);
    let queue = body.u32()?;
    let effect = match kind {
        END => return Ok(None),
        MADE | LIMITED | TOTALS | REMOVED => of_queue(kind, &mut body)?,
        SENT | KEPT | BURIED | KEPT_LETTER | EDITED | KEPT_KEY => with_body(kind, &mut body)?,
        LEASED => Effect::Leased { by: body.text()?.into(), ids: ids(&mut body)? },
        ACKED => Effect::Acked(ids(&mut body)?),
        DROPPED => Effect::Dropped(ids(&mut body)?),
        DROPPED_DEAD => Effect::DroppedDead(ids(&mut body)?),
        TAKEN_DEAD => Effect::TakenDead(ids(&mut body)?),
        RETURNED => Effect::Returned { id: id(&mut body)?, due: body.moment()?, by_lease_end: body.u8()? != 0 },
        RELEASED => Effect::Released { id: id(&mut body)?, due: body.moment()? },
        REDRIVEN => Effect::Redriven { due: body.moment()?, ids: ids(&mut body)? },
        DIED => {
            let (id, at, by_lease_end) = (id(&mut body)?, body.moment()?, body.u8()? != 0);
            Effect::Died { id, at, by_lease_end, error: rest_text(&mut body)?.into() }
        }
        COMMIT => return Err("a commit record within a batch".into()),
        other => return Err(format!("a record of the unknown kind {other}")),
    };
    Ok(Some((queue, effect)))
}

fn of_queue(kind: u8, body: &mut Body<'_>) -> Result<Effect, String> {
    Ok(match kind {
        MADE => Effect::Made(QueueName::new(rest_text(body)?).map_err(|error| error.to_string())?),
        LIMITED => Effect::Limited(serde_json::from_slice(body.rest_here()).map_err(|error| error.to_string())?),
        TOTALS => Effect::Totals(Box::new(QueueStats {
            sent_total: body.u64()?,
            acked_total: body.u64()?,
            returned_total: body.u64()?,
            expired_leases_total: body.u64()?,
            dropped_total: body.u64()?,
            dead_total: body.u64()?,
            ..QueueStats::default()
        })),
        _ => Effect::Removed,
    })
}

fn with_body(kind: u8, body: &mut Body<'_>) -> Result<Effect, String> {
    Ok(match kind {
        SENT | KEPT => {
            let (id, priority, deliveries, attempts, sent_at) = head(body)?;
            let expires_at = some(body, Body::moment)?;
            let (due, key) = (body.moment()?, some(body, Body::array)?.map(KeyHash));
            let message = Message { id, body: body.rest(), priority, deliveries, attempts, sent_at, expires_at };
            if kind == SENT { Effect::Sent { message, due, key } } else { Effect::Kept { message, due } }
        }
        BURIED => Effect::Buried(letter(body)?),
        KEPT_LETTER => Effect::KeptLetter(letter(body)?),
        EDITED => Effect::Edited { id: id(body)?, body: body.rest() },
        _ => Effect::KeptKey { at: body.moment()?, key: KeyHash(body.array()?), message: id(body)? },
    })
}

fn head(body: &mut Body<'_>) -> Result<Head, String> {
    Ok((id(body)?, body.u8()?, body.u32()?, body.u32()?, body.moment()?))
}

fn letter(body: &mut Body<'_>) -> Result<Letter, String> {
    let (id, priority, deliveries, attempts, sent_at) = head(body)?;
    let (at, error) = (body.moment()?, body.text()?.into());
    let origin = some(body, |body| {
        let mut text = || body.text().map(str::to_owned);
        Ok(Box::new(Origin { pipeline: text()?, run: text()?, step: text()?, revision: text()?, source: text()? }))
    })?;
    Ok(Letter { id, body: body.rest(), priority, deliveries, attempts, sent_at, at, error, origin })
}

fn some<'b, T>(body: &mut Body<'b>, read: impl FnOnce(&mut Body<'b>) -> Result<T, String>) -> Result<Option<T>, String> {
    if body.u8()? == 0 { Ok(None) } else { read(body).map(Some) }
}

fn id(body: &mut Body<'_>) -> Result<MessageId, String> {
    body.uuid().map(MessageId)
}

fn ids(body: &mut Body<'_>) -> Result<Vec<MessageId>, String> {
    let mut ids = Vec::with_capacity(body.0.len() / 16);
    while !body.is_empty() {
        ids.push(id(body)?);
    }
    Ok(ids)
}

fn rest_text<'b>(body: &mut Body<'b>) -> Result<&'b str, String> {
    std::str::from_utf8(body.rest_here()).map_err(|_| "a text is not UTF-8".into())
}
