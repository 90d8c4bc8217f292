//! Whether the disks with the data of this host are mounted.

use provision::Fault;
use provision::engine::Receipt;
use provision::host::Probe;
use provision::kinds;

use crate::checks::finding::{Finding, failed};
use crate::checks::topic::Topic;

/// A finding for each missing disk.
///
/// # Errors
///
/// When a directory cannot be read.
pub fn disks(receipt: &Receipt, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let gone = kinds::gone(receipt, probe)?.into_iter();
    let findings = gone.map(|gone| {
        let disk = Topic::DataDisk.of(gone.path.display());
        failed(disk, &gone.into())
    });
    Ok(findings.collect())
}
