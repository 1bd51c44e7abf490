//! Keeping checkpoints: where the sources of a flow stand, and where the sinks stand with just those records in them, in
//! one append. One at a time per flow, so that what is kept later is never older.

use serde_json::Value;

use crate::{
    command::Mark,
    pipeline::definition::Mode,
    port::{step::Resume, store::APPEND_EVENTS_MAX},
};

use super::{
    call::{Caller, Halt},
    ledger::Progress,
    trail::Trail,
};

/// Keeps where a source stands. A source that cannot resume has no mark of its own. In a continuous pipeline the sinks go on
/// all the same; in a batch its records come again, so that nothing they left is kept. The queue of a replay remembers by
/// itself.
pub(super) async fn progress(caller: &Caller, ready: &[Progress]) -> Result<(), Halt> {
    let continuous = caller.shared.definition.mode == Mode::Continuous;
    let counts = |progress: &&Progress| !progress.cursor.is_null() || continuous;
    let ready: Vec<&Progress> = ready.iter().filter(counts).collect();
    if ready.is_empty() || caller.is_feeder() {
        return Ok(());
    }
    let _turn = caller.shared.trails.keeping.lock().await;
    set_kept(&ready, true);
    let resumable = ready.iter().filter(|progress| !progress.cursor.is_null());
    let own = resumable.map(|progress| Mark {
        step: caller.step().name.clone(),
        stream: progress.stream.to_string(),
        cursor: progress.cursor.clone(),
        records: progress.records,
    });
    let told = tell(caller, own.collect()).await;
    if told.is_err() {
        set_kept(&ready, false);
    }
    told
}

/// A sink begins: what it finds must not be taken for its own later.
pub(super) async fn begin(caller: &Caller) -> Result<(), Halt> {
    end(caller).await
}

/// A sink has ended, with everything that it wrote in checkpoints.
pub(super) async fn end(caller: &Caller) -> Result<(), Halt> {
    if caller.shared.is_replay() {
        return Ok(());
    }
    let _turn = caller.shared.trails.keeping.lock().await;
    tell(caller, Vec::new()).await
}

fn set_kept(ready: &[&Progress], kept: bool) {
    ready.iter().flat_map(|progress| &progress.fates).for_each(|fate| fate.set_kept(kept));
}

/// Tells marks of a source together with those of all sinks that have moved. Sinks first: should there be more marks than fit
/// one append, and the last of them be lost, records come twice, but all of them come.
async fn tell(caller: &Caller, own: Vec<Mark>) -> Result<(), Halt> {
    let (mut marks, mut moved) = (Vec::new(), Vec::new());
    for trail in caller.shared.trails.all() {
        let (mark, records) = mark(caller, &trail).await?;
        if !trail.is_news(&mark) {
            continue;
        }
        let (step, stream) = (caller.shared.step(trail.index).name.clone(), trail.resume.stream().to_string());
        marks.push(Mark { step, stream, cursor: mark.clone(), records });
        moved.push((trail, mark));
    }
    marks.extend(own);
    for together in marks.chunks(APPEND_EVENTS_MAX) {
        caller.shared.tell(|report| report.checkpoint(together.to_vec())).await?;
    }
    for (trail, mark) in moved {
        trail.kept(mark);
    }
    Ok(())
}

async fn mark(caller: &Caller, trail: &Trail) -> Result<(Value, u64), Halt> {
    let (end, records) = trail.reach();
    let resume: &dyn Resume = &*trail.resume;
    match resume.mark(end).await {
        Ok(mark) => Ok((mark, records)),
        Err(error) => Err(Caller::new(caller.shared.clone(), trail.index).fail(&error, 1, None)),
    }
}
