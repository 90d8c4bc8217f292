//! The machine that the sequencer may start on: the UUID of its firmware, and the record of it.

use std::path::Path;

use provision::Fault;
use provision::host::{HostMut, NewFile, Probe};

use crate::layout;
use crate::signer::Place;

/// The product UUID of the firmware. Only root may read it, and containers have none.
pub(super) fn read(probe: &dyn Probe) -> Option<String> {
    let text = probe.text(Path::new(layout::PRODUCT_UUID)).ok().flatten()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Records the machine that the unit may start on.
pub(super) fn record(here: &Place, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
    let path = layout::hardware(&here.host);
    let Some(hardware) = &here.hardware else {
        return host_mut.remove(&path);
    };
    if let Some(dir) = path
        .parent()
        .filter(|dir| !matches!(host_mut.meta(dir), Ok(Some(_))))
    {
        host_mut.mkdir(dir, 0, 0, 0o700)?;
    }
    host_mut.put(&NewFile {
        path: &path,
        bytes: format!("{hardware}\n").as_bytes(),
        uid: 0,
        gid: 0,
        mode: 0o600,
    })
}
