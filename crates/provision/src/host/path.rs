//! Paths with links in them.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::Probe;
use crate::Fault;

/// The limit for links in a path: path_resolution(7).
const LINKS: usize = 40;

/// The names of a path in reverse order, so that a walk can pop them.
pub(super) fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|name| match name {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect()
}

/// The target of an absolute path with all links followed, even if it does not exist.
///
/// # Errors
///
/// When it cannot be read, or its links form a loop.
pub fn resolved(path: &Path, probe: &dyn Probe) -> Result<PathBuf, Fault> {
    let (mut done, mut left, mut links) = (PathBuf::from("/"), names(path), 0);
    while let Some(name) = left.pop() {
        if name == ".." {
            done.pop();
            continue;
        }
        let next = done.join(name);
        let Some(target) = probe.link(&next)? else {
            done = next;
            continue;
        };
        links += 1;
        if links > LINKS {
            return Err(Fault::new(format!(
                "the links of {} form a loop",
                path.display()
            )));
        }
        if target.is_absolute() {
            done = "/".into();
        }
        left.extend(names(&target));
    }
    Ok(done)
}
