//! Whether two hosts are the same, and have the same history.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::run::State;
use crate::engine::{Origin, ResourceId};
use crate::host::FileType;
use crate::host::fake::FakeHost;

/// Type, content, owner, group and mode.
pub(super) type Node = (FileType, Vec<u8>, u32, u32, u32);

/// No file is missing, and none is left over.
pub(super) fn same_tree(
    is: &BTreeMap<PathBuf, Node>,
    desired: &BTreeMap<PathBuf, Node>,
) -> Result<(), String> {
    let differ = |path: &&PathBuf| is.get(*path) != desired.get(*path);
    if let Some(path) = is.keys().chain(desired.keys()).find(differ) {
        let shown = |node: Option<&Node>| match node {
            None => "nothing".to_owned(),
            Some((kind, bytes, uid, gid, mode)) => format!(
                "{} {uid}:{gid} {mode:o} {:?}",
                kind.word(),
                String::from_utf8_lossy(bytes)
            ),
        };
        return Err(format!(
            "{}: {} instead of {}",
            path.display(),
            shown(is.get(path)),
            shown(desired.get(path))
        ));
    }
    Ok(())
}

/// The same units run, and the same images exist.
pub(super) fn same_units(is: &FakeHost, desired: &FakeHost) -> Result<(), String> {
    let units = |host: &FakeHost| -> BTreeMap<String, (String, bool)> {
        // systemd forgets a unit without a file that does not run.
        let units = host.units.iter().filter(|(name, unit)| {
            let path = Path::new("/etc/systemd/system").join(name);
            host.tree.contains_key(&path) || unit.active == "active"
        });
        units
            .map(|(name, unit)| (name.clone(), (unit.active.clone(), unit.loaded.is_some())))
            .collect()
    };
    let (have, want) = (units(is), units(desired));
    if have != want {
        return Err(format!("units: {have:?} instead of {want:?}"));
    }
    if is.engine != desired.engine {
        return Err(format!("images: {:?}", is.engine));
    }
    Ok(())
}

/// The same history as without a kill: the same record, and no additional start of a service.
pub(super) fn same_history(is: &State, desired: &State) -> Result<(), String> {
    let starts = |state: &State| -> Vec<(String, u32)> {
        let units = state.host.units.iter();
        units
            .map(|(name, unit)| (name.clone(), unit.starts))
            .collect()
    };
    let (have, want) = (starts(is), starts(desired));
    if have != want {
        return Err(format!("started {have:?} instead of {want:?}"));
    }
    same_record(is, desired, None)
}

/// The expected origin of a resource if it differs from that without a kill.
pub(super) type Otherwise<'a> = &'a dyn Fn(&ResourceId) -> Origin;

/// The same resources in the same order with the same prior states. Their memories contain times, so they are not
/// compared.
pub(super) fn same_record(
    is: &State,
    desired: &State,
    otherwise: Option<Otherwise<'_>>,
) -> Result<(), String> {
    let (is, desired) = (is.receipt()?.entries, desired.receipt()?.entries);
    for (is, desired) in is.iter().zip(&desired) {
        let same = is.id == desired.id
            && is.spec == desired.spec
            && (is.origin == desired.origin || otherwise.is_some_and(|of| of(&is.id) == is.origin))
            && is.prior == desired.prior
            && is.open == desired.open
            && is.memory.is_some() == desired.memory.is_some();
        if !same {
            return Err(format!("on record is {is:?} instead of {desired:?}"));
        }
    }
    if is.len() != desired.len() {
        return Err(format!("{} on record, not {}", is.len(), desired.len()));
    }
    Ok(())
}
