//! `aztec-kit release`

use std::path::Path;

use aztec::checks::ReleaseRow;
use aztec::fit::Verdict;
use aztec::{HostFacts, Releases};
use comfy_table::{Table, presets};
use provision::Fault;

use crate::args::{ReleaseArgs, ReleaseCheckArgs, ReleaseCommand};
use crate::context::View;
use crate::documents::{ReleaseChecked, ReleaseList};
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;

/// Lists or checks releases.
pub fn run(args: &ReleaseArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    match &args.command {
        ReleaseCommand::List => list(view, printer),
        ReleaseCommand::Check(args) => check(args, view, printer),
    }
}

fn list(view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    view.require_root()?;
    let known = Releases::of_host(view.probe()).map_err(Failure::usage)?;
    let settings = host::settings_if_any(view)?;
    let facts = HostFacts::gather(view.probe())?;
    let network = &view.network;
    let rows = network.releases(&known, settings.as_ref(), &facts, view.probe())?;
    if printer.json() {
        printer.document(&ReleaseList { releases: &rows });
    } else {
        // The release deploys its own local chain, so it always fits.
        let live = settings
            .as_ref()
            .filter(|settings| settings.live().is_some());
        printer.text(&text(&rows, live.map(|it| it.network_name.as_str())));
    }
    if let Some(why) = rows.iter().find_map(|row| row.unanswered.as_ref()) {
        printer.say(&format!(
            "the installed releases could not be checked: {why}"
        ));
    }
    Ok(exit::OK)
}

fn text(rows: &[ReleaseRow], network: Option<&str>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let fits = network.map_or("fits".into(), |network| format!("fits {network}"));
    table.set_header([
        "release",
        "known from",
        "networks",
        "installed",
        "running",
        &fits,
    ]);
    for row in rows {
        let shown = |answer: Option<bool>| match answer {
            Some(true) => "yes",
            Some(false) => "-",
            None => "cannot tell",
        };
        let fits = match row.fits {
            Some(Verdict::Fits) => "yes",
            Some(Verdict::DoesNotFit) => "no",
            Some(Verdict::CannotTell) => "cannot tell",
            None => "-",
        };
        let from = match &row.broken {
            Some(broken) => format!("broken: {broken}"),
            None => row.known_from(),
        };
        let networks = match row.networks.as_slice() {
            [] => "-".to_owned(),
            networks => networks.join(", "),
        };
        table.add_row([
            row.version.as_str(),
            &from,
            &networks,
            shown(row.installed),
            shown(row.running),
            fits,
        ]);
    }
    table.to_string()
}

fn check(args: &ReleaseCheckArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let dir = Path::new(&args.dir);
    let dir = std::path::absolute(dir).map_err(|error| {
        Failure::usage(Fault::new(format!("failed to find {}", dir.display())).because(error))
    })?;
    if view.host.meta(&dir).map_err(Failure::usage)?.is_none() {
        return Err(Failure::usage(
            Fault::new(format!("{} does not exist", dir.display()))
                .fix("Name the directory of a release, such as /etc/aztec/releases/6.9.9."),
        ));
    }
    let known = Releases::of_host(view.probe()).map_err(Failure::usage)?;
    let (known, version) = known.with(&dir, view.probe()).map_err(Failure::usage)?;
    let release = known.release(&version, None).map_err(Failure::usage)?;
    let fingerprint = release.facts.fingerprint.is_some();
    let (count, lock) = (release.variables(), release.lock.is_some());
    if printer.json() {
        printer.document(&ReleaseChecked {
            version: &version,
            variables: count,
            lock,
            fingerprint,
        });
        return Ok(exit::OK);
    }
    let has = |is: bool| if is { "" } else { "no " };
    printer.text(&format!(
        "Aztec {version}: {count} variables, {}lock file, {}fingerprint; no problems found",
        has(lock),
        has(fingerprint)
    ));
    if !fingerprint {
        printer
            .say("without a fingerprint, aztec-kit cannot tell before a start whether the release fits a rollup");
    }
    Ok(exit::OK)
}
