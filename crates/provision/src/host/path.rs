//! Paths with links in them.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::Probe;
use crate::Fault;

/// More links than this lead nowhere: path_resolution(7).
const LINKS: usize = 40;

/// The names of a path, the first one last: as they are taken off on a walk.
pub(super) fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|name| match name {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect()
}

/// Where an absolute path leads, every link in it followed, also to what is not there.
///
/// # Errors
///
/// When it cannot be looked at, or its links lead round.
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
                "the links of {} lead round",
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
