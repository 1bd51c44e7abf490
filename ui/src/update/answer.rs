//! Answers, to the console itself or to the screen that asked. A screen that is gone gets none.

use super::{navigate::tell, overview, past};
use crate::{
    effect::{Answer, Effect, Tag, Tone},
    model::Model,
    screen::Input,
};

pub(super) fn take(model: &mut Model, tag: Tag, answer: Answer) -> Vec<Effect> {
    if let Answer::Submitted(results) = &answer {
        say_results(model, results);
    }
    if tag != Tag::CONSOLE {
        let answer = if model.past.is_some() { past::censored(answer) } else { answer };
        return tell(model, tag, Input::Answer(answer));
    }
    match answer {
        Answer::Ticks(name, result) => {
            let due = &mut model.live_mut().due;
            match result {
                Ok(ticks) => due.answered(name, ticks.first().copied()),
                Err(_) => due.unanswered(name),
            }
        }
        Answer::Plan(revision, result) => {
            let plan = result.ok();
            if let Some(past) = model.past.as_mut().filter(|past| past.live.plans.awaits(&revision)) {
                past.live.plans.answered(revision, plan.clone());
            }
            model.facts.plans.answered(revision, plan);
        }
        Answer::Past(number, glimpse) => return past::take(model, number, glimpse),
        Answer::Ahead(number, page) => return past::take_ahead(model, number, page),
        Answer::Predicate(jq, result) => overview::predicate(model, &jq, result),
        // The console asks none of these for itself.
        Answer::Peek(_)
        | Answer::RunLog(_)
        | Answer::Taps(_)
        | Answer::Check(_)
        | Answer::DryRun(_)
        | Answer::ReadBack(_)
        | Answer::Why(..)
        | Answer::Edited(_)
        | Answer::Templates(_)
        | Answer::Submitted(_) => {}
    }
    Vec::new()
}

fn say_results(model: &mut Model, results: &[Result<String, String>]) {
    model.submitting = model.submitting.saturating_sub(1);
    let now = model.now;
    let done = results.iter().filter(|result| result.is_ok()).count();
    for why in results.iter().filter_map(|result| result.as_ref().err()) {
        model.messages.say(now, Tone::Bad, why.clone());
    }
    match results {
        [Ok(what)] => model.messages.say(now, Tone::Good, what.clone()),
        [_] | [] => {}
        _ if done == results.len() => model.messages.say(now, Tone::Good, format!("{done} done")),
        _ => model.messages.say(now, Tone::Bad, format!("{done} done, {} refused: ! shows why", results.len() - done)),
    }
}
