//! The last journal lines of a unit, and the error for one that ended right after its start.

use crate::Fault;
use crate::host::{Probe, Query};
use crate::tools::systemctl::{UnitState, unmet_condition};
use crate::tools::{journal, redact};

/// The number of journal lines that are shown when a unit ends.
const LAST_WORDS: u32 = 12;

/// The newest journal lines of a unit, the oldest first and redacted; none when the journal cannot be read.
pub fn last_words(unit: &str, probe: &dyn Probe) -> Vec<String> {
    let query = Query::Journal {
        unit: unit.to_owned(),
        lines: LAST_WORDS,
    };
    let printed = probe.ask(&query).unwrap_or_default().stdout;
    let lines = journal::parse(&printed).unwrap_or_default().into_iter();
    let lines = lines.map(|line| redact::secrets(line.text.trim()).to_string());
    lines.filter(|line| !line.is_empty()).collect()
}

/// The error for a unit that ended right after its start.
pub(super) fn ended_at_start(unit: &str, state: &UnitState, probe: &dyn Probe) -> Fault {
    let lines = last_words(unit, probe);
    // systemd forgets a unit that nothing else needs as soon as it stops, but the journal has its lines.
    let last = lines.last().and_then(|line| unmet_condition(line));
    if state.not_started().is_some() || state.active == "inactive" && last.is_some() {
        let unmet = lines.iter().rev().find_map(|line| unmet_condition(line));
        let unmet = unmet.unwrap_or("a condition of its unit file");
        return Fault::new(format!("systemd did not start {unit}: {unmet} was not met")).fix(
            format!("`systemctl cat {unit}` shows the file that sets the condition. Fulfil it on this host, or remove the setting that needs the service from kit.toml."),
        );
    }
    let intro = match lines.is_empty() {
        true => "",
        false => "; its last log lines:",
    };
    let shown: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    Fault::new(format!(
        "{unit} ended right after its start ({}){intro}{shown}",
        state.ended()
    ))
    .fix(format!(
        "Run `aztec-kit explain {unit}` for the cause and the fix, then run the same command again."
    ))
}
