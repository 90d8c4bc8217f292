//! Which roles can be together on one host.

use provision::Fault;

use super::model::Settings;
use super::values::bad;
use crate::names::{Place, Role, units};

impl Settings {
    /// Whether anything of Aztec runs here; a host can also only be hardened, or only watch others.
    pub fn has_role(&self) -> bool {
        self.node || self.prover || self.prover_agent || self.bootnode || self.archiver || self.txe
    }

    /// The roles of this host, each with the key that asks for it.
    pub fn roles(&self) -> Vec<(Role, &'static str)> {
        let agents = if self.prover {
            "prover.agents"
        } else {
            "prover_agent.enabled"
        };
        let proves = self.prover || self.prover_agent;
        let all = [
            (self.node && !self.sequencer, Role::Node, "node.enabled"),
            (self.sequencer, Role::Sequencer, "sequencer.enabled"),
            (self.prover, Role::ProverBroker, "prover.enabled"),
            (self.prover, Role::ProverNode, "prover.enabled"),
            (proves && self.agents != Some(0), Role::ProverAgent, agents),
            (self.bootnode, Role::Bootnode, "bootnode.enabled"),
            (self.archiver, Role::Archiver, "archiver.enabled"),
            (self.pxe, Role::Pxe, "pxe.enabled"),
            (self.txe, Role::Txe, "txe.enabled"),
            (self.bot, Role::Bot, "bot.enabled"),
        ];
        let wanted = all.into_iter().filter(|(wanted, ..)| *wanted);
        wanted.map(|(_, role, key)| (role, key)).collect()
    }

    /// What runs here in a few words, such as `sequencer, bot`; `None` on a host without a role.
    pub fn roles_shown(&self) -> Option<String> {
        let roles = self.roles().into_iter();
        let names: Vec<_> = roles
            .map(|(role, _)| role.name().replace('_', " "))
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The unit of this host's node.
    pub(crate) fn node_unit(&self) -> &'static str {
        if self.sequencer {
            units::SEQUENCER
        } else {
            units::NODE
        }
    }

    /// The kind of network it is.
    pub(crate) fn place(&self) -> Place {
        if self.is_local() {
            Place::Local
        } else {
            Place::Live
        }
    }

    /// Roles that the release cannot be, here or anywhere.
    pub(super) fn check_release(&self) -> Result<(), Fault> {
        let shown = match self.place() {
            Place::Local => "a local network",
            Place::Live => self.network_name.as_str(),
        };
        for (role, key) in self.roles() {
            if let Some(refusal) = self.release.refusal(role, self.place(), self.runtime) {
                let version = &self.release.version;
                let what = format!("Aztec {version} on {shown}: {}", refusal.why);
                return Err(bad(key, what).fix(&refusal.instead));
            }
        }
        Ok(())
    }

    /// Roles that cannot be together, or alone.
    pub(super) fn check_roles(&self) -> Result<(), Fault> {
        if self.sequencer && !self.node {
            return Err(bad(
                "sequencer.enabled",
                "a sequencer is a node with one more flag and cannot be without it",
            )
            .fix("Set node.enabled = true, or take the sequencer out."));
        }
        if self.prover_agent && self.prover {
            return Err(bad(
                "prover_agent.enabled",
                "this host has agents with its own broker already",
            )
            .fix("Set prover.agents for more of them, or take one of the two roles out."));
        }
        if self.prover_agent && self.broker_url.is_none() {
            return Err(bad("prover_agent.broker_url", "agents need a broker").fix(
                "Name it with `--broker-url http://…`, or use `--with-prover` for one of its own.",
            ));
        }
        if self.bot && !self.node {
            return Err(bad(
                "bot.enabled",
                "the bot sends its transactions to the node of this host",
            )
            .fix("Set node.enabled = true, or take the bot out."));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_called_what_runs_on_it() {
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
