//! Log records of about 300 bytes, the same ones every time.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

const RECORDS: u64 = 300_000;
const LEVELS: [&str; 6] = ["info", "info", "warn", "error", "info", "debug"];
const SERVICES: [&str; 5] = ["checkout", "search", "billing", "gateway", "inventory"];
const CITIES: [&str; 5] = ["São Paulo", "Lisboa", "Porto Alegre", "Berlin", "Kyoto"];

/// Writes the file; says how many bytes it has.
pub(crate) fn write(path: &Path) -> io::Result<u64> {
    let (mut out, mut state) = (BufWriter::new(File::create(path)?), 0x2545_f491_4f6c_dd1d_u64);
    for id in 1..=RECORDS {
        // xorshift: good enough to vary, and needs no crate.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        record(&mut out, id, state)?;
    }
    out.flush()?;
    Ok(path.metadata()?.len())
}

fn record(out: &mut impl Write, id: u64, dice: u64) -> io::Result<()> {
    let of = |words: &[&'static str], shift: u32| words[(dice >> shift) as usize % words.len()];
    let (level, service, city) = (of(&LEVELS, 3), of(&SERVICES, 11), of(&CITIES, 19));
    let (cents, user) = ((dice >> 24) % 100_000, (dice >> 40) % 50_000);
    let (seconds, millis) = (id % 86_400, dice % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    writeln!(
        out,
        "{{\"id\":{id},\"ts\":\"2026-03-01T{hour:02}:{minute:02}:{second:02}.{millis:03}Z\",\"level\":\"{level}\",\
         \"service\":\"{service}\",\"user\":{{\"id\":{user},\"name\":\"User {user}\",\"email\":\"User.{user}@Example.ORG\",\
         \"city\":\"{city}\"}},\"amount\":{}.{:02},\"tags\":[\"{service}\",\"t{}\",\"canary\"],\
         \"msg\":\"request {id} of user {user} took {millis} ms in {service}, \\\"{level}\\\" was logged\"}}",
        cents / 100,
        cents % 100,
        dice % 7,
    )
}
