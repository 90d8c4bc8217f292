//! Documents about services: commands to them, and their logs.

use provision::tools::journal::Entry;
use serde::Serialize;

use super::Document;

/// The services that were started or stopped.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServiceCommand<'a> {
    /// `start` or `stop`.
    pub verb: &'a str,
    /// The units, in the order of the commands.
    pub units: &'a [String],
}

impl Document for ServiceCommand<'_> {
    const NAME: &'static str = "services";
}

/// One message of a journal.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogLine<'a> {
    /// The time, in microseconds since the epoch.
    at_us: i64,
    /// The unit that logged the message or that it is about; null if the journal does not say.
    unit: Option<&'a str>,
    /// The priority, as in syslog: 0 is an emergency, 7 is debugging; null if the journal does not say.
    priority: Option<u8>,
    /// The message.
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
