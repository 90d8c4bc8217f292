//! The errors for paths that are not read, the same for every host.

use std::path::Path;

use crate::Fault;

/// The error for a path that is not a regular file: a pipe without a writer, or an endless device.
pub(super) fn no_file(path: &Path, directory: bool) -> Fault {
    let what = match directory {
        true => "a directory",
        false => "a pipe, socket or device",
    };
    Fault::new(format!(
        "failed to read {}: it is {what}, not a regular file",
        path.display()
    ))
}

/// The error for a file that is larger than the limit of its reader.
pub(super) fn too_large(path: &Path, limit: u64) -> Fault {
    Fault::new(format!(
        "failed to read {}: it is larger than {limit} bytes",
        path.display()
    ))
}
