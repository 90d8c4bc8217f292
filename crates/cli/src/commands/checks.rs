//! `aztec-kit checks`

use aztec::checks::{Topic, table};
use comfy_table::{ContentArrangement, Table, presets};

use crate::args::ChecksCommand;
use crate::documents::{CheckRow, ChecksList};
use crate::exit::{self, Failure};
use crate::printer::Printer;

/// Shows the table of checks.
pub fn run(command: &ChecksCommand, printer: &mut Printer) -> Result<u8, Failure> {
    let ChecksCommand::List = command;
    let rows: Vec<_> = Topic::ALL.iter().map(|topic| row(*topic)).collect();
    if printer.json() {
        printer.document(&ChecksList { checks: &rows });
    } else {
        printer.text(&format!("{}\n", text(&rows)));
    }
    Ok(exit::OK)
}

fn row(topic: Topic) -> CheckRow {
    let check = table::of(topic);
    CheckRow {
        id: topic,
        phase: check.map(|check| check.phase),
        verbs: check.map_or_else(Vec::new, |check| check.verbs.to_vec()),
        needs: check.map_or_else(Vec::new, |check| check.needs.to_vec()),
        looks_at: check.map(|check| check.looks_at),
        reason: topic.reason(),
    }
}

fn text(rows: &[CheckRow]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["id", "phase", "looks at", "passes if"]);
    for row in rows {
        table.add_row([
            row.id.name().as_str(),
            row.phase.map_or("", |phase| phase.word()),
            row.looks_at.unwrap_or("the plan"),
            row.reason,
        ]);
    }
    table
}
