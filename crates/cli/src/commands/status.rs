//! `aztec-kit status`

use std::fmt::Write;

use aztec::checks::{self, Finding, Sample, Target, UnitRow};
use comfy_table::{Table, presets};
use provision::engine::Plan;
use provision::host::{Probe, RealHost};
use serde_json::json;

use super::confirm;
use super::converge::sampled;
use crate::args::Vouched;
use crate::exit::{self, Failure};
use crate::host::Host;
use crate::printer::{CHANGED, GOOD, Printer, STRONG};
use crate::render;

/// Shows services, chains and what is pending.
pub fn run(printer: &mut Printer) -> Result<u8, Failure> {
    let host = Host::configured(Vouched::default())?;
    let units = checks::unit_rows(&host.runs().all(), &RealHost)?;
    let sample = Target::new(&host.settings, &RealHost)?.sample();
    let plan = host.plan()?;
    let exposure = checks::exposure(&host.settings, &host.facts, &RealHost)?;
    let integrity = checks::integrity(&host.settings, &RealHost)?;
    let disks = checks::disks(&host.receipt, &RealHost)?;
    let databases = checks::databases(&host.settings, &RealHost)?;
    let drop_ins = checks::drop_ins(&host.graph, &host.runs().all(), &RealHost)?;
    let updates = checks::updates(&host.settings, &RealHost)?;
    if printer.json() {
        printer.document(&json!({
            "network": host.settings.network_name,
            "release": host.settings.release.version,
            "runtime": aztec::choose(&host.settings, &host.facts).runtime,
            "sequencer": host.settings.sequencer,
            "fit": host.fit(),
            "data_dir": host.settings.data_dir,
            "databases": databases,
            "disks": disks,
            "services": units,
            "chain": sample,
            "exposure": exposure,
            "integrity": integrity,
            "drop_ins": drop_ins,
            "updates": updates,
            "unconfirmed": host.receipt.unconfirmed.iter().map(|change| &change.id).collect::<Vec<_>>(),
            "taken_back": host.receipt.taken_back,
            "pending": plan.pending().map(|step| &step.id).collect::<Vec<_>>(),
        }));
    } else {
        let mut findings: Vec<_> = host
            .fit()
            .map(|fit| checks::of_fit(&host.settings, fit))
            .into_iter()
            .collect();
        findings.extend(checks::other_databases(
            &host.settings,
            &RealHost,
            host.fit(),
        )?);
        findings.extend(disks);
        findings.push(exposure);
        findings.extend(integrity);
        findings.extend(drop_ins);
        findings.extend(updates);
        printer.text(&text(&host, &units, &sample, &findings, &plan)?);
    }
    Ok(exit::OK)
}

fn text(
    host: &Host,
    units: &[UnitRow],
    sample: &Sample,
    findings: &[Finding],
    plan: &Plan,
) -> Result<String, Failure> {
    let settings = &host.settings;
    let role = if settings.sequencer {
        "sequencer"
    } else {
        "node"
    };
    let runtime = aztec::choose(settings, &host.facts).runtime.word();
    let free = RealHost.space(&settings.data_dir)?.free >> 30;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["service", "state", "up", "restarts"]);
    for row in units {
        table.add_row([
            row.unit.clone(),
            match &row.ended {
                Some(ended) => format!("{} ({ended})", row.state),
                None => row.state.clone(),
            },
            row.up_seconds.map_or("-".into(), render::duration),
            row.restarts.to_string(),
        ]);
    }
    let mut text = format!(
        "{STRONG}Aztec {} {role} on {}{STRONG:#} ({runtime}), data in {} ({free} GiB free)\n\n{table}\n\n{}\n\n",
        settings.release.version,
        settings.network_name,
        settings.layout().data.display(),
        sampled(sample),
    );
    text.push_str(&render::findings(findings));
    text.push('\n');
    text.push_str(&confirm::told(&host.receipt, RealHost.clock().realtime_us));
    let pending = plan.pending().count();
    // Writing to a string cannot fail.
    let _ = if pending == 0 {
        writeln!(text, "{GOOD}in sync{GOOD:#} with /etc/aztec/kit.toml")
    } else {
        writeln!(
            text,
            "{CHANGED}{pending} changes pending{CHANGED:#}: see `aztec-kit plan`"
        )
    };
    Ok(text)
}
