//! What a report's way to the builds API means for the message. Pure.

use common::{
    builds::{ReportError, Undelivered},
    job::BuildConfig,
    ladder::{LATER, SOON},
    outage::Trouble,
    outcome::{Again, Outcome},
};

use super::Circumstances;

/// What a FAILURE's way to the API means for the message.
pub fn undelivered(
    config: &BuildConfig<'_>,
    report: Result<(), Trouble<ReportError>>,
    again: Again,
    at: &Circumstances,
) -> Outcome {
    let trouble = match report {
        Ok(()) => return Outcome::Failed,
        Err(trouble) => trouble,
    };
    match Undelivered::of(&trouble, config.token_life(at.now)) {
        Undelivered::Finished => Outcome::Finished,
        Undelivered::Park(reason) => Outcome::Parked(reason),
        Undelivered::Later => Outcome::Again(Again {
            delay: LATER,
            cause: trouble.into_cause(),
            ..again
        }),
        Undelivered::Soon => Outcome::Again(Again {
            delay: SOON,
            cause: trouble.into_cause(),
            ..again
        }),
    }
}
