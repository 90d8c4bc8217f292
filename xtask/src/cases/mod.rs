//! The machine cases: statements that must hold on a real Debian host.
//!
//! A case is one function that boots its machines through its [`Context`] and returns an error if the statement does
//! not hold. Add it to [`CASES`]. `cargo xtask test --machine <name>` runs it alone.

mod bad_input;
mod boot;
mod caddy;
mod chain;
mod container;
mod context;
mod damage;
mod described;
mod endpoints;
mod errors;
mod firewall;
mod fit;
mod hardening;
mod image;
mod keys;
mod keystore;
mod kills;
mod layers;
mod monitoring;
mod other_l1;
mod pinned;
mod power_cut;
mod prepared;
mod published;
mod refused_roles;
mod registry;
mod roles;
mod sandboxes;
mod setup;
mod signer;
mod ssh;
mod stubs;
mod support;
mod switch;
mod virtual_host;

use anyhow::Result;

pub use context::{Context, KIT};
pub use kills::WIPE;
pub use prepared::{BINARY, PREPARATIONS, PREREQUISITES, Preparation};
pub use support::SETUP;

use crate::machine::Machine;
use crate::schedule::Cost;
use prepared::{
    BOOKWORM, CHAIN, CLIENTS, CONTAINER_HOST, DISK, IMAGES, SSH_HOST, SSH_HOST_OLD, TRIXIE, WALLED,
    WALLED_OLD, cost,
};

/// A statement about the project, tested on machines.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name for `--machine`.
    pub name: &'static str,
    /// One line for `--list`.
    pub about: &'static str,
    /// The preparations that it needs, by name.
    pub needs: &'static [&'static str],
    /// Its cost, measured on two otherwise idle cores.
    pub cost: Cost,
    /// The test.
    pub run: fn(&Context) -> Result<()>,
}

/// Every case, in the order of `--list`. The schedule decides the order of a run.
pub const CASES: &[Case] = &[
    Case {
        name: "boot",
        about: "a pristine machine boots, reaches the network, survives a power cut",
        needs: &[TRIXIE],
        cost: cost(27, 6, 70),
        run: boot::run,
    },
    Case {
        name: "layers",
        about: "a prepared root is made once, and machines of it do not share what they change",
        needs: &[TRIXIE],
        cost: cost(10, 4, 20),
        run: layers::run,
    },
    Case {
        name: "bookworm",
        about: "a machine of the previous Debian boots as well",
        needs: &[BOOKWORM],
        cost: cost(8, 2, 50),
        run: boot::run_previous,
    },
    Case {
        name: "bad-input",
        about: "an invalid configuration is refused with a remedy before anything is changed",
        needs: &[BINARY, TRIXIE, BOOKWORM],
        cost: cost(14, 3, 10),
        run: bad_input::run,
    },
    Case {
        name: "firewall",
        about: "a second host reaches SSH and the peers' port, no container, and nobody is locked out",
        needs: &[BINARY, WALLED],
        cost: cost(400, 50, 220),
        run: firewall::run,
    },
    Case {
        name: "firewall-old",
        about: "UFW, iptables and Docker of the previous Debian close the same ports",
        needs: &[BINARY, WALLED_OLD],
        cost: cost(152, 28, 170),
        run: firewall::run_previous,
    },
    Case {
        name: "hardening",
        about: "a hardened host bans addresses that guess passwords, and is as before once hardening is removed",
        needs: &[BINARY, SSH_HOST],
        cost: cost(170, 60, 140),
        run: hardening::run,
    },
    Case {
        name: "hardening-old",
        about: "fail2ban, aide, chrony and sshd of the previous Debian do the same",
        needs: &[BINARY, SSH_HOST_OLD],
        cost: cost(222, 55, 130),
        run: hardening::run_previous,
    },
    Case {
        name: "hardening-chain",
        about: "a running sequencer is hardened without a stop",
        needs: &[CHAIN],
        cost: cost(60, 32, 900),
        run: hardening::run_chain,
    },
    Case {
        name: "keystore",
        about: "a keystore that the node would not load is refused before anything is changed",
        needs: &[BINARY, TRIXIE],
        cost: cost(5, 2, 10),
        run: keystore::run,
    },
    Case {
        name: "published",
        about: "names, kinds, presets, metrics and words in the data of a release are those of its packages",
        needs: &["unit tests"],
        cost: cost(8, 5, 300),
        run: published::run,
    },
    Case {
        name: "wallets",
        about: "wallets and aztec-kit open each other's encrypted keys",
        needs: &["unit tests"],
        cost: cost(20, 16, 400),
        run: published::wallets,
    },
    Case {
        name: "refused-roles",
        about: "a role that a release cannot run is refused with the alternative",
        needs: &[BINARY, TRIXIE],
        cost: cost(5, 1, 10),
        run: refused_roles::run,
    },
    Case {
        name: "ssh",
        about: "sshd takes keys only, nobody is locked out, and unconfirmed changes are rolled back",
        needs: &[BINARY, SSH_HOST],
        cost: cost(44, 4, 50),
        run: ssh::run,
    },
    Case {
        name: "ssh-old",
        about: "the same on the previous Debian",
        needs: &[BINARY, SSH_HOST_OLD],
        cost: cost(43, 4, 30),
        run: ssh::run_previous,
    },
    Case {
        name: "signer",
        about: "a sequencer does not start with an attester that may sign elsewhere",
        needs: &[BINARY, TRIXIE],
        cost: cost(19, 3, 20),
        run: signer::run,
    },
    Case {
        name: "virtual",
        about: "a host with its own kernel is hardened: audit, clock, settings, firewall, and all of it after power cuts",
        needs: &[BINARY, DISK],
        cost: cost(240, 165, 1540),
        run: virtual_host::run,
    },
    Case {
        name: "sandboxes",
        about: "systemd rates every unit of every role as safe before it ever ran",
        needs: &[BINARY, TRIXIE],
        cost: cost(5, 1, 10),
        run: sandboxes::run,
    },
    Case {
        name: "setup",
        about: "a pristine host becomes a local network with a validator, and stays one",
        needs: &[CHAIN],
        cost: cost(90, 28, 800),
        run: setup::run,
    },
    Case {
        name: "roles",
        about: "with a prover and a bot, blocks have transactions and are proven",
        needs: &[CHAIN],
        cost: cost(69, 62, 5400),
        run: roles::run,
    },
    Case {
        name: "caddy",
        about: "a TLS proxy offers the listed methods of the node, and the operator's own sites stay",
        needs: &[CHAIN],
        cost: cost(37, 25, 970),
        run: caddy::run,
    },
    Case {
        name: "keys",
        about: "the real contract and node accept a key of `keys new`, and it makes blocks",
        needs: &[CHAIN],
        cost: cost(167, 31, 890),
        run: keys::run,
    },
    Case {
        name: "fit",
        about: "a release that does not fit the rollup is reported before a start, and the real node agrees",
        needs: &[CHAIN],
        cost: cost(26, 30, 700),
        run: fit::run,
    },
    Case {
        name: "described",
        about: "a node follows a network that is described in kit.toml, and sees who signs there",
        needs: &[CHAIN],
        cost: cost(110, 35, 1500),
        run: described::run,
    },
    Case {
        name: "other-l1",
        about: "a bootstrap reports whether the L1 on another host belongs to this network",
        needs: &[CHAIN],
        cost: cost(29, 18, 730),
        run: other_l1::run,
    },
    Case {
        name: "endpoints",
        about: "preflight and the real node agree about L1 endpoints that misbehave",
        needs: &[CHAIN, CLIENTS],
        cost: cost(305, 360, 6700),
        run: endpoints::run,
    },
    Case {
        name: "errors",
        about: "the errors of a real process that cannot work are explained, also by smoke",
        needs: &[CHAIN],
        cost: cost(51, 35, 1220),
        run: errors::run,
    },
    Case {
        name: "damage",
        about: "damage to a host is repaired, and nothing else is restarted",
        needs: &[CHAIN],
        cost: cost(118, 50, 750),
        run: damage::run,
    },
    Case {
        name: "pinned",
        about: "the image of a registry is pinned at first sight, and every obstacle is reported in advance",
        needs: &[IMAGES],
        cost: cost(170, 100, 610),
        run: pinned::run,
    },
    Case {
        name: "monitoring",
        about: "a real node is monitored, and an alert reports its end",
        needs: &[CHAIN],
        cost: cost(350, 75, 1000),
        run: monitoring::run,
    },
    Case {
        name: "monitoring-old",
        about: "the previous Debian's own Prometheus accepts every rule, and every receiver gets the alert",
        needs: &[BINARY, BOOKWORM],
        cost: cost(116, 30, 200),
        run: monitoring::run_previous,
    },
    Case {
        name: "container",
        about: "the previous Debian runs a whole network from the official image, whatever is killed",
        needs: &[IMAGES, CONTAINER_HOST],
        cost: cost(218, 97, 3180),
        run: container::run,
    },
    Case {
        name: "switch",
        about: "one chain, native and in Docker and native again, with its keys and peers",
        needs: &[IMAGES],
        cost: cost(200, 80, 1000),
        run: switch::run,
    },
    Case {
        name: "kills",
        about: "a run that is killed at any moment continues where it stopped",
        needs: &[CHAIN],
        cost: cost(120, 45, 800),
        run: kills::run,
    },
];

/// A machine on which a local network with a validator runs.
pub fn local_chain(context: &Context, name: &str) -> Result<Machine> {
    chain::boot(context, name)
}
