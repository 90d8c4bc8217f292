//! Preparations: everything that is made once, before the cases that start from it. Each is a task of its own, so that
//! no case waits for a root that another one makes.

use anyhow::Result;

use super::{Context, chain, container, endpoints, firewall, hardening, image, virtual_host};
use crate::ahead;
use crate::machine::Root;
use crate::schedule::Cost;

/// The release binary. It is not made here, since it is a statement too.
pub const BINARY: &str = "release binary";
/// The prerequisites of the outer machine. They are a statement too.
pub const PREREQUISITES: &str = "machine prerequisites";

pub(super) const TRIXIE: &str = "root trixie";
pub(super) const BOOKWORM: &str = "root bookworm";
pub(super) const SSH_HOST: &str = "root ssh-host";
pub(super) const SSH_HOST_OLD: &str = "root ssh-host-old";
pub(super) const WALLED: &str = "root walled";
pub(super) const WALLED_OLD: &str = "root walled-old";
pub(super) const CONTAINER_HOST: &str = "root container-host";
pub(super) const PACKAGES: &str = "packages";
pub(super) const CHAIN: &str = "root local-chain";
pub(super) const CLIENTS: &str = "Ethereum clients";
pub(super) const IMAGES: &str = "images";
pub(super) const DISK: &str = "virtual disk";

/// Something in the cache that cases start from.
#[derive(Debug, Clone, Copy)]
pub struct Preparation {
    /// Its name for `needs` of others.
    pub name: &'static str,
    /// The preparations that it needs.
    pub needs: &'static [&'static str],
    /// Its cost with an empty cache, measured on two otherwise idle cores.
    pub cost: Cost,
    /// Makes it, unless it exists.
    pub run: fn(&Context) -> Result<()>,
}

/// Seconds, seconds of processor time, MiB.
pub(super) const fn cost(wall: u32, cpu: u32, memory: u32) -> Cost {
    Cost { wall, cpu, memory }
}

/// Every preparation, each after those that it needs.
pub const PREPARATIONS: &[Preparation] = &[
    Preparation {
        name: TRIXIE,
        needs: &[PREREQUISITES],
        cost: cost(17, 16, 150),
        run: |_| Root::pristine("trixie").map(drop),
    },
    Preparation {
        name: BOOKWORM,
        needs: &[PREREQUISITES],
        cost: cost(22, 20, 160),
        run: |_| Root::pristine("bookworm").map(drop),
    },
    Preparation {
        name: SSH_HOST,
        needs: &[TRIXIE],
        cost: cost(25, 6, 80),
        run: |_| hardening::ssh_host("trixie").map(drop),
    },
    Preparation {
        name: SSH_HOST_OLD,
        needs: &[BOOKWORM],
        cost: cost(25, 6, 50),
        run: |_| hardening::ssh_host("bookworm").map(drop),
    },
    Preparation {
        name: WALLED,
        needs: &[TRIXIE],
        cost: cost(45, 13, 130),
        run: |_| firewall::root("trixie").map(drop),
    },
    Preparation {
        name: WALLED_OLD,
        needs: &[BOOKWORM],
        cost: cost(45, 13, 130),
        run: |_| firewall::root("bookworm").map(drop),
    },
    Preparation {
        name: CONTAINER_HOST,
        needs: &[BOOKWORM],
        cost: cost(60, 35, 100),
        run: |context| container::root(context).map(drop),
    },
    Preparation {
        name: DISK,
        needs: &[PREREQUISITES],
        cost: cost(60, 32, 200),
        run: |_| virtual_host::disk().map(drop),
    },
    // This runs while the binary compiles, since the network is idle then.
    Preparation {
        name: PACKAGES,
        needs: &[TRIXIE],
        cost: cost(25, 10, 50),
        run: |context| ahead::fetch(&context.boot(&context.root()?, "ahead")?),
    },
    // Like the packages.
    Preparation {
        name: CLIENTS,
        needs: &[PREREQUISITES],
        cost: cost(150, 35, 250),
        run: |_| endpoints::installed().map(drop),
    },
    Preparation {
        name: CHAIN,
        needs: &[BINARY, TRIXIE, PACKAGES],
        cost: cost(150, 90, 1600),
        run: |context| chain::root(context).map(drop),
    },
    Preparation {
        name: IMAGES,
        needs: &[CHAIN],
        cost: cost(30, 25, 50),
        run: |context| image::archives(context).map(drop),
    },
];
