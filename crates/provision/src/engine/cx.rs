//! What a kind of resource gets to observe a host, and to change it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::Fault;
use crate::host::{HostMut, Invocation, Probe};
use crate::tools::systemctl::UnitState;

/// The input of an observation: the host, and the memory of the last successful apply.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The host, read-only.
    pub probe: &'a dyn Probe,
    /// The result of [`super::Kind::memory`] after the last successful apply.
    pub memory: Option<&'a Value>,
    /// Unit states from one query. `None` asks systemd now.
    pub units: Option<&'a BTreeMap<String, UnitState>>,
}

impl fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cx")
    }
}

impl<'a> Cx<'a> {
    /// A context without memory.
    pub fn of(probe: &'a dyn Probe) -> Self {
        Self {
            probe,
            memory: None,
            units: None,
        }
    }

    /// The state of one unit, from the query that was made for all if there was one.
    pub fn unit(&self, name: &str) -> Result<UnitState, Fault> {
        if let Some(state) = self.units.and_then(|units| units.get(name)) {
            return Ok(state.clone());
        }
        self.probe.unit(name)
    }
}

/// The means to change a host.
pub struct ApplyCx<'a> {
    /// The host.
    pub host_mut: &'a mut dyn HostMut,
    /// As in [`Cx`].
    pub memory: Option<&'a Value>,
    /// As in [`Cx`]: the unit states just before the change.
    pub units: Option<&'a BTreeMap<String, UnitState>>,
    /// Reports a step that takes long.
    pub note: &'a mut dyn FnMut(&str),
    /// Replaces [`ApplyCx::memory`] in the next observation. It holds facts that only the maker of a change knows, such
    /// as the files that a process was started with. A clock cannot tell, because it may jump.
    pub made: Option<Value>,
    /// As in [`Cx`], for the next observation: the unit states after the change, if systemd was asked then.
    pub seen: Option<BTreeMap<String, UnitState>>,
    /// Whether systemd must reload its units by the end of the run. A reload takes a tenth of a second, and one serves
    /// all changes.
    pub unread: bool,
}

impl<'a> ApplyCx<'a> {
    /// A context without memory.
    pub fn new(host_mut: &'a mut dyn HostMut, note: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            host_mut,
            memory: None,
            units: None,
            note,
            made: None,
            seen: None,
            unread: false,
        }
    }

    /// Makes systemd reload its units.
    pub fn read_units(&mut self) -> Result<(), Fault> {
        self.host_mut
            .run(&Invocation::new(["systemctl", "daemon-reload"]))?;
        (self.unread, self.seen) = (false, None);
        Ok(())
    }

    /// The state of a unit after the change. The next observation does not need to ask for it again.
    pub fn unit_after(&mut self, name: &str) -> Result<UnitState, Fault> {
        let state = self.host_mut.probe().unit(name)?;
        self.seen = Some(BTreeMap::from([(name.to_owned(), state.clone())]));
        Ok(state)
    }
}

impl fmt::Debug for ApplyCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApplyCx")
    }
}
