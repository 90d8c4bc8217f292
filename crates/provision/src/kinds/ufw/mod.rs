//! UFW: closes the host except for allowed connections.
//!
//! Its state is read from its own files and changed through its own program. Rules of the operator stay, and count as
//! fulfilled where they allow the same.

mod drift;
mod incoming;
mod kernel;
mod lockout;
mod others;
mod prior;
mod program;
mod restore;
mod rule;
mod ssh;
mod state;
mod way_in;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use incoming::{Fate, Incoming, incoming};
pub use others::shutting;
pub use prior::Prior;
pub use rule::{Proto, Rule};
#[cfg(feature = "fuzz")]
pub(crate) use ssh::ports_in;
pub use ssh::{Session, connected, listening, ports as ssh_ports, sessions};
pub(super) use state::RULES;
pub use state::Seen;

use self::program::{delete, enable, make, systemctl, ufw};
use crate::Fault;
use crate::engine::{ApplyCx, Cx, Diff, Kind, ResourceId, Reverted};
use crate::host::{HostMut, Probe, clear_staged};
use crate::tools::ufw::tuples;

/// A firewall that accepts SSH at its ports, and the connections that are listed here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ufw {
    /// The connections to accept in addition to SSH.
    pub rules: Vec<Rule>,
}

impl Ufw {
    /// The reasons why the change would lock someone out or is not possible; empty on a host in sync.
    pub fn obstacles(&self, probe: &dyn Probe) -> Result<Vec<Fault>, Fault> {
        let seen = self.observe(&Cx::of(probe))?;
        lockout::obstacles(&self.rules, &seen, probe)
    }

    /// Whether the operator's rules forward everyone's packets to that port of another address.
    pub fn lets_through(
        &self,
        probe: &dyn Probe,
        proto: &str,
        to: std::net::IpAddr,
        port: u16,
    ) -> Result<bool, Fault> {
        let texts = state::rules(probe)?;
        let text = texts[usize::from(to.is_ipv6())].as_deref();
        let all = tuples(text.unwrap_or_default());
        Ok(all
            .iter()
            .any(|tuple| tuple.lets_through(proto, &to.to_string(), port)))
    }

    /// Whether everyone can connect to that port, by the rules of aztec-kit or of the operator.
    pub fn opens(&self, probe: &dyn Probe, proto: Proto, port: u16) -> Result<bool, Fault> {
        let texts = state::rules(probe)?;
        let mut texts = texts.iter().flatten();
        Ok(texts.any(|text| {
            tuples(text).iter().any(|tuple| {
                tuple.allows() && tuple.from_anywhere() && tuple.is_about(proto.name(), port)
            })
        }))
    }
}

impl Kind for Ufw {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("firewall", "ufw")
    }

    fn is_commit_confirmed(&self) -> bool {
        true
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let mut seen = Seen::read(cx.probe)?;
        // Without the ports of SSH, its rule would count as a leftover.
        match seen.ssh_unknown.take() {
            Some(fault) => Err(fault),
            None => Ok(seen),
        }
    }

    fn diff(&self, seen: &Seen) -> Diff {
        Diff::of(drift::changes(&self.rules, seen), || {
            let desired = drift::desired(&self.rules, seen);
            let mut open: Vec<_> = desired.iter().map(Rule::to_string).collect();
            let narrow = seen.ssh.iter().filter(|port| seen.narrows(**port));
            open.extend(narrow.map(|port| format!("{port}/tcp as your rules allow")));
            format!("closed except for {}", open.join(", "))
        })
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior::of(seen)
    }

    fn absent(&self, seen: &Seen) -> bool {
        !seen.enabled
    }

    fn keep(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        prior::keep(seen, host_mut)
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if let Some(first) = self.obstacles(cx.host_mut.probe())?.into_iter().next() {
            return Err(first);
        }
        self.keep(seen, cx.host_mut)?;
        // A removal was killed while it restored the prior rules, and was cancelled since.
        for path in RULES {
            clear_staged(Path::new(path), cx.host_mut)?;
        }
        if !seen.is_closed() {
            ufw(cx, &["default", "deny", "incoming"], &[])?;
        }
        // Rules that open are added before rules that close.
        for rule in drift::missing(&self.rules, seen) {
            make(cx, &rule, seen)?;
        }
        for rule in drift::surplus(&self.rules, seen) {
            delete(cx, &rule, seen)?;
        }
        if !seen.at_boot {
            systemctl(cx, "enable")?;
        }
        if !seen.enabled {
            enable(cx)?;
        }
        Ok(())
    }

    fn revertible(&self, prior: &Prior, cx: &Cx<'_>) -> Result<(), Fault> {
        let now = Seen::read(cx.probe)?;
        lockout::by_revert(prior, now, cx.probe)?.map_or(Ok(()), Err)
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let now = Seen::read(cx.host_mut.probe())?;
        // Without the file, UFW and its rules were removed.
        if now.texts[0].is_some() {
            restore::restore(prior, &now, cx)?;
        }
        Ok(Reverted::Restored)
    }
}
