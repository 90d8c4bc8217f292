//! Whether the disks that this host had its data on are there.

use provision::Fault;
use provision::engine::Receipt;
use provision::host::Probe;
use provision::kinds;

use super::finding::Finding;
use super::finding::failed;
use super::topic::Topic;

/// What is missing, as findings; nothing where all is there.
///
/// # Errors
///
/// When a directory cannot be looked at.
pub fn disks(receipt: &Receipt, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let gone = kinds::gone(receipt, probe)?.into_iter();
    let findings = gone.map(|gone| {
        let disk = Topic::DataDisk.of(gone.path.display());
        failed(disk, &gone.into())
    });
    Ok(findings.collect())
}
