//! The only code that touches the operating system.

mod command;
mod early;
mod engine;
#[cfg(feature = "fake")]
pub mod fake;
mod path;
mod place;
mod probe;
mod program;
mod real;
mod real_hands;
mod snapshot;
mod stamp;

pub use command::{Invocation, Output, Query, Unfinished};
pub use early::Early;
pub use engine::Engine;
pub use path::resolved;
pub use probe::{Clock, FileType, Held, HostMut, Meta, NewFile, Probe, Space};
pub use real::RealHost;
pub(crate) use real_hands::RealHostMut;
pub use snapshot::Snapshot;
pub use stamp::{newest_change, stamp};

/// The suffix of a staged file.
const STAGED: &str = ".aztec-kit-new";

/// The hidden path beside a file where its new content is staged before it is renamed. The name is fixed, so that the next
/// run replaces the staged file of a killed one. `None` for a path without a file name, such as `/`.
pub(crate) fn staged(path: &std::path::Path) -> Option<std::path::PathBuf> {
    Some(path.with_file_name(staged_name(path.file_name()?)))
}

fn staged_name(name: &std::ffi::OsStr) -> std::ffi::OsString {
    let mut staged = std::ffi::OsString::from(".");
    staged.push(name);
    staged.push(STAGED);
    staged
}

/// Whether this is the name of a staged file that a killed run may have left.
pub fn is_staged(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(STAGED)
}

/// Removes the staged file of a killed run.
///
/// # Errors
///
/// When it exists and cannot be removed.
pub(crate) fn clear_staged(
    path: &std::path::Path,
    host_mut: &mut dyn HostMut,
) -> Result<(), crate::Fault> {
    match staged(path) {
        Some(staged) if host_mut.meta(&staged)?.is_some() => host_mut.remove(&staged),
        _ => Ok(()),
    }
}

/// The error for a path that is not a regular file: a pipe without a writer, or an endless device.
fn no_file(path: &std::path::Path, directory: bool) -> crate::Fault {
    let what = match directory {
        true => "a directory",
        false => "a pipe, socket or device",
    };
    crate::Fault::new(format!(
        "failed to read {}: it is {what}, not a regular file",
        path.display()
    ))
}

fn too_large(path: &std::path::Path, limit: u64) -> crate::Fault {
    crate::Fault::new(format!(
        "failed to read {}: it is larger than {limit} bytes",
        path.display()
    ))
}
