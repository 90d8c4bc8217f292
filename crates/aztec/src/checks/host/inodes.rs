//! Whether the file system of the data can have more files.

use std::path::Path;

use provision::Fault;
use provision::host::{Probe, Space};

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;

/// The least free share that passes, percent.
const LEAST_FREE: u64 = 5;

/// The free inodes; `None` on a file system that has no limit, such as btrfs.
pub(super) fn inodes(data_dir: &Path, probe: &dyn Probe) -> Result<Option<Finding>, Fault> {
    Ok(judged(
        &data_dir.display().to_string(),
        &probe.space(data_dir)?,
    ))
}

/// By the figures; pure.
fn judged(shown: &str, space: &Space) -> Option<Finding> {
    let percent = space
        .free_files
        .saturating_mul(100)
        .checked_div(space.files)?;
    let seen = format!(
        "the file system of {shown} has {percent} % of its inodes free ({})",
        space.free_files
    );
    Some(match percent < LEAST_FREE {
        false => Finding::pass(Topic::Inodes, seen),
        true => Finding::warn(Topic::Inodes, seen)
            .fix("Without an inode no file can be created, whatever space is left. Find the directory with the most files and clear it.")
            .command("du --inodes --one-file-system --max-depth=3 / | sort --numeric-sort | tail"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::severity::Severity;

    #[test]
    fn few_inodes_are_reported() {
        let space = |files, free_files| Space {
            free: 1 << 40,
            files,
            free_files,
            read_only: false,
        };
        let severity = |files, free| judged("/srv", &space(files, free)).map(|it| it.severity);
        assert_eq!(severity(1000, 50), Some(Severity::Pass));
        assert_eq!(severity(1000, 49), Some(Severity::Warn));
        assert_eq!(severity(1000, 0), Some(Severity::Warn));
        assert_eq!(severity(0, 0), None);
    }
}
