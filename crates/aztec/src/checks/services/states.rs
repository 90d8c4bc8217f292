//! Whether every unit that should run does.

use provision::Fault;
use provision::host::Probe;

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::severity::Severity;
use crate::units::Units;

/// A finding for each unit that should run.
pub(super) fn services(units: &Units, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let names = units.all();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let states = probe.units(&names.iter().cloned().collect())?;
    let found = names.into_iter().map(|name| {
        let state = states.get(&name).cloned().unwrap_or_default();
        let severity = match state.active.as_str() {
            "active" => Severity::Pass,
            // It starts, and is not in a crash loop.
            "activating" if state.restarts == 0 => Severity::Warn,
            // A host works without its monitoring.
            _ if units.care.contains(&name) => Severity::Warn,
            _ => Severity::Fail,
        };
        let more = state.not_started().unwrap_or(&state.sub);
        let seen = match state.restarts {
            0 => format!("{} ({more})", state.active),
            restarts => format!(
                "{} ({}), restarted {restarts} times",
                state.active, state.sub
            ),
        };
        Finding::new(Topic::Service.of(name), severity, seen)
    });
    Ok(found.collect())
}
