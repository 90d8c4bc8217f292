//! Paths with links in them.

use std::path::{Component, Path, PathBuf};

use super::Probe;
use crate::Fault;

/// More links than this lead nowhere: path_resolution(7).
const LINKS: usize = 40;

/// Where an absolute path leads, every link in it followed, also to what is not there.
///
/// # Errors
///
/// When it cannot be looked at, or its links lead round.
pub fn resolved(path: &Path, probe: &dyn Probe) -> Result<PathBuf, Fault> {
    let names = |path: &Path| -> Vec<PathBuf> {
        let names = path.components().rev();
        names
            .filter(|name| matches!(name, Component::Normal(_) | Component::ParentDir))
            .map(|name| PathBuf::from(name.as_os_str()))
            .collect()
    };
    let (mut done, mut left, mut links) = (PathBuf::from("/"), names(path), 0);
    while let Some(name) = left.pop() {
        if name == Path::new("..") {
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
