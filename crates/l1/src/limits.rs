//! The time that calls may take.

use std::time::Duration;

use tokio::time::Instant;

use crate::{cause::Cause, failure::Failure};

/// The time of each call, and of all calls together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    each: Duration,
    end: Option<Instant>,
}

impl Limits {
    /// Each call may take this long.
    pub(crate) fn each(each: Duration) -> Self {
        Self { each, end: None }
    }

    /// Each call may take this long, and all end at this time.
    pub(crate) fn until(each: Duration, end: Instant) -> Self {
        Self {
            each,
            end: Some(end),
        }
    }

    /// The time that is left for all calls.
    pub(crate) fn left(&self) -> Duration {
        let now = Instant::now();
        self.end
            .map_or(Duration::MAX, |end| end.saturating_duration_since(now))
    }

    /// The time of the next call.
    ///
    /// # Errors
    ///
    /// If there is none left.
    pub(crate) fn next(&self) -> Result<Duration, Failure> {
        match self.each.min(self.left()) {
            Duration::ZERO => Err(Failure::Transport(
                Cause::NoAnswer,
                "the time for all questions was over before this one".to_owned(),
            )),
            limit => Ok(limit),
        }
    }
}
