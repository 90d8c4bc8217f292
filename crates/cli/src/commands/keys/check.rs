//! `aztec-kit keys check`

use std::path::Path;

use aztec::checks::keystore;
use keys::keystore::Listed;
use provision::Fault;
use provision::host::FileType;

use super::place::{self, Place};
use crate::args::keys::CheckArgs;
use crate::context::View;
use crate::documents::{self, Checked};
use crate::exit::{self, Failure};
use crate::printer::Printer;
use crate::render;

/// Checks a directory of keystores.
pub fn run(args: &CheckArgs, view: &View, printer: &mut Printer) -> Result<u8, Failure> {
    let others = args
        .other
        .iter()
        .map(|path| Ok((path, other(path, view)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let (_, mut survey) = Place::existing(&args.source.dir, view)?;
    for (path, theirs) in others {
        survey.against(&path.display().to_string(), &theirs);
    }
    let findings = keystore::findings(&survey);
    if printer.json() {
        printer.document(&Checked {
            findings: &findings,
        });
    } else {
        printer.text(&render::findings(&findings));
    }
    Ok(if survey.sound() {
        exit::OK
    } else {
        exit::FAILED
    })
}

fn other(path: &Path, view: &View) -> Result<Vec<Listed>, Failure> {
    let path = &place::absolute(path)?;
    let kind = view.host.kind(path).map_err(Failure::usage)?;
    if kind == Some(FileType::Directory) {
        return Ok(Place::sound(path, view)?.1.attesters());
    }
    let bytes = view.host.read(path).map_err(Failure::usage)?;
    bytes
        .and_then(|bytes| documents::attesters(&bytes))
        .ok_or_else(|| {
            Failure::usage(
                Fault::new(format!("{} is not a list of keys", path.display()))
                    .fix("Create it on the other node with `aztec-kit keys list --json`."),
            )
        })
}
