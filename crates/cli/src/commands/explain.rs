//! `aztec-kit explain`

use aztec::Severity;
use aztec::checks;

use super::services;
use crate::args::ExplainArgs;
use crate::context::View;
use crate::documents::Explained;
use crate::exit::{self, Failure};
use crate::host;
use crate::printer::Printer;
use crate::render;

/// Explains the errors in the journal, in the words of the error dictionary.
pub fn run(args: &ExplainArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    // Other users see an empty journal, which would look like good news.
    view.require_root()?;
    let units = match &args.unit {
        // journalctl accepts a pattern, but systemctl reports nothing for one.
        Some(pattern) if pattern.contains(['*', '?']) => services::units(view)?
            .like(pattern)
            .map_err(Failure::usage)?,
        unit => services::chosen(unit.as_ref(), view)?,
    };
    // This explains the log of a standby node.
    if let Some(settings) = host::settings_if_any(view)? {
        host::warn_unfit(&settings, view, printer);
    }
    let findings = checks::complaints(&units, view.probe(), args.lines);
    if printer.json() {
        printer.document(&Explained {
            findings: &findings,
        });
    } else if findings.is_empty() {
        printer.text(&format!(
            "no known errors in the last {} lines of {}; `aztec-kit logs` shows the lines",
            args.lines,
            units.join(", ")
        ));
        // For a unit that does not run, the end of its journal is the best explanation.
        for fallen in checks::fallen(&units, 0, view.probe())? {
            printer.text(&fallen.told());
        }
    } else {
        let now = view.now_us() / 1_000_000;
        printer.text(&render::complaints(&findings, now));
    }
    let answered = findings.iter().all(|it| it.severity != Severity::Unknown);
    Ok(if answered { exit::OK } else { exit::FAILED })
}
