//! The roles of a host, and which of them can be combined.

use provision::Fault;

use super::chain::Chain;
use super::model::Settings;
use super::values::bad;
use crate::names::{Component, L1Use, Place, Role};

impl Settings {
    /// Whether the host has this role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether any process of Aztec runs on this host. A host can also be only hardened or only monitored.
    pub fn has_role(&self) -> bool {
        !self.roles.is_empty()
    }

    /// The components of this host, each with its key.
    pub fn components(&self) -> Vec<(Component, &'static str)> {
        let enabled = self.roles.iter().flat_map(|role| role.spec().components);
        let enabled: Vec<_> = enabled.copied().collect();
        let there = |component: Component| {
            let mut others = enabled.iter().map(|(other, _)| other.spec().instead_of);
            let agents = component != Component::ProverAgent || self.agents != Some(0);
            agents && others.all(|instead_of| instead_of != Some(component))
        };
        let all = enabled.iter().copied();
        all.filter(|(component, _)| there(*component)).collect()
    }

    /// Whether a component of this host uses the L1 at least to that extent.
    pub(crate) fn uses_l1(&self, how: L1Use) -> bool {
        let mut components = self.components().into_iter();
        components.any(|(component, _)| component.spec().l1 >= how)
    }

    /// Whether this host has a prover, or agents of one, even if the number of agents is zero.
    pub(crate) fn proves(&self) -> bool {
        self.has(Role::Prover) || self.has(Role::ProverAgent)
    }

    /// The roles of this host in a few words, such as `sequencer, bot`; `None` on a host without a role.
    pub fn roles_shown(&self) -> Option<String> {
        let components = self.components().into_iter();
        let names: Vec<_> = components
            .map(|(component, _)| component.spec().name.replace('_', " "))
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The kind of its network.
    pub(crate) fn place(&self) -> Place {
        match &self.chain {
            Chain::Local(_) => Place::Local,
            Chain::Live(_) => Place::Live,
        }
    }

    /// Refuses roles that the release does not support.
    pub(super) fn check_release(&self) -> Result<(), Fault> {
        let shown = match self.place() {
            Place::Local => "a local network",
            Place::Live => self.network_name.as_str(),
        };
        for (component, key) in self.components() {
            if let Some(refusal) = self.release.refusal(component, self.place(), self.runtime) {
                let version = &self.release.version;
                let what = format!("Aztec {version} on {shown}: {}", refusal.why);
                return Err(bad(key, what).fix(&refusal.instead));
            }
        }
        Ok(())
    }

    /// Refuses roles that exclude each other, and roles that lack another one.
    pub(super) fn check_roles(&self) -> Result<(), Fault> {
        for role in self.roles.iter().map(|role| role.spec()) {
            let missing = role.needs.iter().filter(|other| !self.has(other.role));
            let present = role.excludes.iter().filter(|other| self.has(other.role));
            if let Some(other) = missing.chain(present).next() {
                return Err(bad(&format!("{}.enabled", role.table), other.why).fix(other.fix));
            }
        }
        if self.has(Role::ProverAgent) && self.broker_url.is_none() {
            return Err(bad("prover_agent.broker_url", "agents need a broker").fix(
                "Name one with `--broker-url http://…`, or use `--with-prover` to run one on this host.",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_described_by_its_components() {
        let shown = |kit_toml: &str| Settings::parse(kit_toml).unwrap().roles_shown();
        assert_eq!(shown("").as_deref(), Some("node"));
        assert_eq!(
            shown("[sequencer]\nenabled = true\n[bot]\nenabled = true\n").as_deref(),
            Some("sequencer, bot")
        );
        let agents = "[node]\nenabled = false\n[prover_agent]\nenabled = true\nbroker_url = \"http://10.0.0.1:8180\"\n";
        assert_eq!(shown(agents).as_deref(), Some("prover agent"));
        assert_eq!(
            shown("[node]\nenabled = false\n[hardening]\nenabled = true\n"),
            None
        );
    }
}
