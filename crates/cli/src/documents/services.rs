//! Of services: what they were told, and what they say.

use provision::tools::journal::Entry;
use serde::Serialize;

use super::Document;

/// What services were told.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Told<'a> {
    /// `start` or `stop`.
    pub verb: &'a str,
    /// Which units, in the order in which they were told.
    pub units: &'a [String],
}

impl Document for Told<'_> {
    const NAME: &'static str = "services";
}

/// One message of a journal.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogLine<'a> {
    /// When, microseconds since the epoch.
    at_us: i64,
    /// Whose it is, or whom it is about; null where the journal does not say.
    unit: Option<&'a str>,
    /// How urgent, as in syslog: 0 is an emergency, 7 for debugging; null where the journal does not say.
    priority: Option<u8>,
    /// What was said.
    message: &'a str,
}

impl<'a> From<&'a Entry> for LogLine<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            at_us: entry.at_us,
            unit: entry.unit.as_deref(),
            priority: entry.priority,
            message: &entry.message,
        }
    }
}

impl Document for LogLine<'_> {
    const NAME: &'static str = "log-line";
}
