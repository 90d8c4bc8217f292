//! `aztec-kit status`

use aztec::Role;
use aztec::checks::{self, About, Finding, Sample, Topic, UnitRow, Verb};
use comfy_table::{Table, presets};
use provision::Fault;

use super::confirm;
use super::verify::sampled;
use crate::args::Assertions;
use crate::context::View;
use crate::documents::Status;
use crate::exit::{self, Failure};
use crate::host::Host;
use crate::printer::Printer;
use crate::render;
use crate::styles::{CHANGED, GOOD, STRONG};

/// Shows services, chains, findings and pending changes.
pub fn run(view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let host = Host::configured(Assertions::default(), view)?;
    let mut unanswered = Vec::new();
    let units = checks::unit_rows(&host.runs().all(), view.probe());
    let units = answer(Topic::Services, units, &mut unanswered);
    let sample = view.network.sample(&host.settings, view.probe());
    let sample = answer(Topic::Chain, sample, &mut unanswered).unwrap_or_default();
    let survey = answer(Topic::Plan, host.survey(), &mut unanswered);
    let is_complete = matches!(&survey, Some((_, unseen)) if unseen.is_empty());
    let plan = survey.map(|(plan, unseen)| {
        let unseen = unseen.iter();
        unanswered
            .extend(unseen.map(|it| Finding::unanswered(Topic::Resource.of(&it.id), &it.fault)));
        plan
    });
    let databases = aztec::databases::databases(&host.settings, view.probe());
    // The check of the databases reports that they cannot be read.
    let databases = databases.ok();
    let cx = host.looked_at(Verb::Status).knowing(host.fit().cloned());
    let mut findings = checks::run(&cx);
    findings.append(&mut unanswered);
    let pending = plan
        .as_ref()
        .map(|plan| plan.pending().map(|step| &step.id).collect::<Vec<_>>());
    if printer.json() {
        let unconfirmed = host.receipt.unconfirmed.iter();
        printer.document(&Status {
            network: &host.settings.network_name,
            release: &host.settings.release.version,
            runtime: aztec::choose(&host.settings, &host.facts).runtime,
            sequencer: host.settings.has(Role::Sequencer),
            fit: host.fit(),
            data_dir: &host.settings.data_dir,
            databases: databases.as_deref(),
            services: units.as_deref(),
            chain: &sample,
            unconfirmed: unconfirmed.map(|change| &change.id).collect(),
            rolled_back: &host.receipt.rolled_back,
            pending: pending.as_deref(),
            findings: &findings,
        });
    } else {
        let units = units.unwrap_or_default();
        let mut text = text(&host, &units, &sample, &findings);
        text.push_str(&in_sync(
            pending.map_or(0, |pending| pending.len()),
            is_complete,
        ));
        printer.text(&text);
    }
    Ok(exit::OK)
}

/// The answer of a query. A failed query becomes a finding and does not end the status.
fn answer<T>(
    about: impl Into<About>,
    result: Result<T, Fault>,
    unanswered: &mut Vec<Finding>,
) -> Option<T> {
    result
        .map_err(|fault| unanswered.push(Finding::unanswered(about, &fault)))
        .ok()
}

/// The number of pending changes, as far as it is known. `is_complete` means that nothing of the plan is unknown.
fn in_sync(pending: usize, is_complete: bool) -> String {
    match (pending, is_complete) {
        (0, true) => format!("{GOOD}in sync{GOOD:#} with /etc/aztec/kit.toml\n"),
        (0, false) => {
            format!(
                "{CHANGED}cannot tell{CHANGED:#} whether this host is in sync with /etc/aztec/kit.toml\n"
            )
        }
        _ => format!("{CHANGED}{pending} changes pending{CHANGED:#}: see `aztec-kit plan`\n"),
    }
}

/// The heading: release, roles, network, runtime and data directory.
fn head(host: &Host<'_>) -> String {
    let settings = &host.settings;
    let Some(roles) = settings.roles_shown() else {
        return format!("{STRONG}no Aztec role{STRONG:#}");
    };
    let runtime = aztec::choose(settings, &host.facts).runtime.word();
    let space = host.view.host.space(&settings.data_dir);
    let free = space.map_or("?".into(), |space| (space.free >> 30).to_string());
    format!(
        "{STRONG}Aztec {} {roles} on {}{STRONG:#} ({runtime}), data in {} ({free} GiB free)",
        settings.release.version,
        settings.network_name,
        settings.layout().data.display(),
    )
}

fn text(host: &Host<'_>, units: &[UnitRow], sample: &Sample, findings: &[Finding]) -> String {
    let settings = &host.settings;
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
    let mut text = format!("{}\n\n{table}\n\n", head(host));
    if settings.has_role() {
        text.push_str(&format!("{}\n\n", sampled(sample)));
    }
    text.push_str(&render::findings(findings));
    text.push('\n');
    text.push_str(&confirm::summary(&host.receipt, host.view.probe()));
    text
}
