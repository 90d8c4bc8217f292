//! Roles, as an operator configures them, and the components that they run, as the releases know them. The facts here are
//! the same on every host and in every release. The variables of a component are in [`crate::roles`], and its flags in the
//! `release.toml` of a release.
//!
//! Long because a role is added in one file.

use serde::Deserialize;

use super::keystore::{self, KeystoreSpec};
use super::port::{self, Port};
use super::units;

/// A task that an operator gives a host: a table of `kit.toml` with `enabled`, and a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Follows the chain.
    Node,
    /// A node that proposes and attests.
    Sequencer,
    /// Broker, prover node and agents.
    Prover,
    /// Agents for a broker elsewhere.
    ProverAgent,
    /// Discovery for others.
    Bootnode,
    /// The archiver of a node as a separate process.
    Archiver,
    /// Private execution as a server.
    Pxe,
    /// The test environment for contracts.
    Txe,
    /// Transactions for a test network.
    Bot,
}

/// A process of Aztec. A release may refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Follows the chain.
    Node,
    /// The node with keys: proposes and attests.
    Sequencer,
    /// Distributes the jobs of a prover.
    ProverBroker,
    /// Creates the jobs of a prover and publishes its proofs.
    ProverNode,
    /// Does the jobs of a prover.
    ProverAgent,
    /// Discovery for others.
    Bootnode,
    /// The archiver of a node as a separate process.
    Archiver,
    /// Private execution as a server.
    Pxe,
    /// The test environment for contracts.
    Txe,
    /// Transactions for a test network.
    Bot,
}

/// The facts about a role.
#[derive(Debug)]
pub struct RoleSpec {
    role: Role,
    /// Its table in `kit.toml`; its flag is `--with-` and the same with hyphens.
    pub table: &'static str,
    /// The help of its flag; `None` if a host has the role by default.
    pub help: Option<&'static str>,
    /// Keys of its table in addition to `enabled`.
    pub keys: &'static [&'static str],
    /// The components that it runs, each with its key.
    pub components: &'static [(Component, &'static str)],
    /// A role that it needs.
    pub needs: Option<Other>,
    /// A role that it excludes.
    pub excludes: Option<Other>,
}

/// Another role that is needed or excluded.
#[derive(Debug)]
pub struct Other {
    /// The role.
    pub role: Role,
    /// The reason, as a clause.
    pub why: &'static str,
    /// What to do, in whole sentences.
    pub fix: &'static str,
}

/// The facts about a component.
#[derive(Debug)]
pub struct ComponentSpec {
    component: Component,
    /// Its name in the data files, under `roles`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Its unit; a template if there may be several.
    pub unit: &'static str,
    /// The name of its environment file and of its data directory.
    pub dir: &'static str,
    /// Its use of the L1.
    pub l1: L1Use,
    /// The ports that it listens on.
    pub ports: &'static [Port],
    /// Its keystores.
    pub keystores: Option<&'static KeystoreSpec>,
    /// The component that it replaces, with the same data and ports. A host never runs both.
    pub instead_of: Option<Component>,
}

/// The use of the L1 by a component. Each value includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum L1Use {
    /// None.
    None,
    /// It reads contracts.
    Asks,
    /// It follows the rollup, block by block, blobs included.
    Follows,
}

/// One row for each role, in the order of the type.
static ROLES: [RoleSpec; Role::Bot as usize + 1] = [
    RoleSpec {
        help: None,
        ..role(Role::Node, "node", &[(Component::Node, "node.enabled")])
    },
    RoleSpec {
        help: Some("Run a sequencer: propose blocks and attest"),
        needs: Some(Other {
            role: Role::Node,
            why: "a sequencer is a node with one more flag, and this host has no node",
            fix: "Set node.enabled = true, or remove the sequencer.",
        }),
        ..role(
            Role::Sequencer,
            "sequencer",
            &[(Component::Sequencer, "sequencer.enabled")],
        )
    },
    RoleSpec {
        help: Some("Run a prover on this host: broker, prover node and agents"),
        keys: &["agents"],
        ..role(
            Role::Prover,
            "prover",
            &[
                (Component::ProverBroker, "prover.enabled"),
                (Component::ProverNode, "prover.enabled"),
                (Component::ProverAgent, "prover.agents"),
            ],
        )
    },
    RoleSpec {
        help: Some("Run prover agents for a broker elsewhere; requires --broker-url"),
        keys: &["broker_url", "agents"],
        excludes: Some(Other {
            role: Role::Prover,
            why: "this host already has agents with its own broker",
            fix: "Set prover.agents to run more agents, or remove one of the two roles.",
        }),
        ..role(
            Role::ProverAgent,
            "prover_agent",
            &[(Component::ProverAgent, "prover_agent.enabled")],
        )
    },
    RoleSpec {
        help: Some("Run a bootnode"),
        ..role(
            Role::Bootnode,
            "bootnode",
            &[(Component::Bootnode, "bootnode.enabled")],
        )
    },
    RoleSpec {
        help: Some("Run a standalone archiver (4.x only)"),
        ..role(
            Role::Archiver,
            "archiver",
            &[(Component::Archiver, "archiver.enabled")],
        )
    },
    RoleSpec {
        help: Some("Run a PXE server; always refused: no release has one"),
        ..role(Role::Pxe, "pxe", &[(Component::Pxe, "pxe.enabled")])
    },
    RoleSpec {
        help: Some("Run the TXE, the test environment for contracts"),
        ..role(Role::Txe, "txe", &[(Component::Txe, "txe.enabled")])
    },
    RoleSpec {
        help: Some("Run a bot that sends transactions, for test networks"),
        needs: Some(Other {
            role: Role::Node,
            why: "the bot sends its transactions to the node of this host",
            fix: "Set node.enabled = true, or remove the bot.",
        }),
        ..role(Role::Bot, "bot", &[(Component::Bot, "bot.enabled")])
    },
];

/// One row for each component, in the order of the type. The ports of the node are those of 4.1.2 and 5.2.0
/// (`start --help`). aztec-kit chooses the others, because in the releases they are all 8080.
static COMPONENTS: [ComponentSpec; Component::Bot as usize + 1] = [
    ComponentSpec {
        l1: L1Use::Follows,
        ports: &[port::RPC, port::ADMIN, port::P2P],
        ..component(Component::Node, "node", "Aztec node", units::NODE, "node")
    },
    ComponentSpec {
        l1: L1Use::Follows,
        ports: &[port::RPC, port::ADMIN, port::P2P],
        keystores: Some(&keystore::VALIDATORS),
        instead_of: Some(Component::Node),
        ..component(
            Component::Sequencer,
            "sequencer",
            "Aztec sequencer",
            units::SEQUENCER,
            "node",
        )
    },
    ComponentSpec {
        l1: L1Use::Asks,
        ports: &[port::BROKER],
        ..component(
            Component::ProverBroker,
            "prover_broker",
            "Aztec prover broker",
            units::PROVER_BROKER,
            "prover-broker",
        )
    },
    ComponentSpec {
        l1: L1Use::Follows,
        ports: &[port::PROVER, port::PROVER_ADMIN, port::PROVER_P2P],
        keystores: Some(&keystore::PROVER),
        ..component(
            Component::ProverNode,
            "prover_node",
            "Aztec prover node",
            units::PROVER_NODE,
            "prover-node",
        )
    },
    ComponentSpec {
        ports: &[port::AGENTS],
        ..component(
            Component::ProverAgent,
            "prover_agent",
            "Aztec prover agent",
            "aztec-prover-agent@.service",
            "prover-agent",
        )
    },
    ComponentSpec {
        ports: &[Port::private("ports.bootnode", 8480), port::BOOTNODE_P2P],
        ..component(
            Component::Bootnode,
            "bootnode",
            "Aztec bootnode",
            "aztec-bootnode.service",
            "bootnode",
        )
    },
    ComponentSpec {
        l1: L1Use::Follows,
        ports: &[Port::private("ports.archiver", 8580)],
        ..component(
            Component::Archiver,
            "archiver",
            "Aztec archiver",
            "aztec-archiver.service",
            "archiver",
        )
    },
    component(
        Component::Pxe,
        "pxe",
        "Aztec PXE",
        "aztec-pxe.service",
        "pxe",
    ),
    ComponentSpec {
        ports: &[Port::private("ports.txe", 8680)],
        ..component(
            Component::Txe,
            "txe",
            "Aztec TXE",
            "aztec-txe.service",
            "txe",
        )
    },
    ComponentSpec {
        l1: L1Use::Asks,
        ports: &[Port::private("ports.bot", 8780)],
        ..component(
            Component::Bot,
            "bot",
            "Aztec bot",
            "aztec-bot.service",
            "bot",
        )
    },
];

const fn role(
    role: Role,
    table: &'static str,
    components: &'static [(Component, &'static str)],
) -> RoleSpec {
    RoleSpec {
        role,
        table,
        help: None,
        keys: &[],
        components,
        needs: None,
        excludes: None,
    }
}

const fn component(
    component: Component,
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    dir: &'static str,
) -> ComponentSpec {
    ComponentSpec {
        component,
        name,
        title,
        unit,
        dir,
        l1: L1Use::None,
        ports: &[],
        keystores: None,
        instead_of: None,
    }
}

impl Role {
    /// Every role.
    pub fn all() -> impl Iterator<Item = Self> {
        ROLES.iter().map(|spec| spec.role)
    }

    /// The facts about it.
    pub fn spec(self) -> &'static RoleSpec {
        &ROLES[self as usize]
    }

    /// The role with this table in `kit.toml`.
    pub fn of_table(table: &str) -> Option<Self> {
        Self::all().find(|role| role.spec().table == table)
    }

    /// Whether a host has it by default.
    pub fn by_default(self) -> bool {
        self.spec().help.is_none()
    }
}

impl Component {
    /// Every component.
    pub fn all() -> impl Iterator<Item = Self> {
        COMPONENTS.iter().map(|spec| spec.component)
    }

    /// The facts about it.
    pub fn spec(self) -> &'static ComponentSpec {
        &COMPONENTS[self as usize]
    }

    /// The unit that runs it, or the first of them.
    pub fn first_unit(self) -> String {
        self.unit_of("1")
    }

    /// The unit that runs an instance of it: the instance of a template, otherwise the unit itself.
    pub(crate) fn unit_of(self, instance: &str) -> String {
        self.spec().unit.replace("@.", &format!("@{instance}."))
    }

    /// The components that never run at the same time: the one that it replaces, and those that replace it.
    pub fn excludes(self) -> impl Iterator<Item = Self> {
        let of = |one: Self| one.spec().instead_of;
        Self::all().filter(move |other| of(*other) == Some(self) || of(self) == Some(*other))
    }
}
