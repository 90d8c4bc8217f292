//! The state of units, for people.

use provision::Fault;
use provision::host::Probe;
use provision::tools::systemctl::UnitState;
use serde::Serialize;

/// One unit of this host, for people.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnitRow {
    /// Name.
    pub unit: String,
    /// `active`, `failed`, …
    pub state: String,
    /// Seconds since its main process started, if it runs.
    pub up_seconds: Option<i64>,
    /// Automatic restarts since it was last started on purpose.
    pub restarts: u32,
    /// For a unit that does not run and ended badly: how its main process ended, `exit-code, status 1`, or why systemd did
    /// not start it.
    pub ended: Option<String>,
}

/// The state of these units.
pub fn unit_rows(units: &[String], probe: &dyn Probe) -> Result<Vec<UnitRow>, Fault> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let states = probe.units(&units.iter().cloned().collect())?;
    let now = probe.clock().monotonic_us;
    Ok(units
        .iter()
        .map(|unit| {
            let state = states.get(unit).cloned().unwrap_or_default();
            UnitRow {
                unit: unit.clone(),
                ended: ended(&state),
                up_seconds: (state.main_pid != 0).then(|| (now - state.started_us) / 1_000_000),
                state: state.active,
                restarts: state.restarts,
            }
        })
        .collect())
}

/// How a unit that does not run and did not succeed ended.
fn ended(state: &UnitState) -> Option<String> {
    let badly = !state.runs() && !matches!(state.result.as_str(), "" | "success");
    match state.not_started() {
        Some(why) => Some(format!("not started: {why}")),
        None => badly.then(|| state.ended()),
    }
}

#[cfg(test)]
mod tests {
    use provision::host::fake::{FakeHost, FakeUnit, Fate};

    use super::*;

    #[test]
    fn a_row_tells_how_a_unit_ended_or_why_it_was_not_started() {
        let row = |fate, active: &str| {
            let mut host = FakeHost::debian();
            let unit = FakeUnit {
                loaded: Some(Vec::new()),
                active: active.into(),
                fate,
                changed_us: 1,
                ..FakeUnit::default()
            };
            host.units.insert("x.service".into(), unit);
            let rows = unit_rows(&["x.service".into()], &host).unwrap();
            rows.into_iter().next().and_then(|row| row.ended)
        };
        assert_eq!(row(Fate::Runs, "active"), None);
        assert_eq!(row(Fate::Runs, "inactive"), None, "stopped on purpose");
        assert_eq!(
            row(Fate::Dies, "failed").as_deref(),
            Some("exit-code, status 1")
        );
        let refused = row(Fate::Refused, "inactive").unwrap();
        assert_eq!(
            refused,
            "not started: an assertion of its unit file was not met"
        );
        assert!(
            row(Fate::Skipped, "inactive")
                .unwrap()
                .contains("a condition")
        );
    }
}
