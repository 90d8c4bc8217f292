//! The paths of a host, all in one place.

use std::path::{Path, PathBuf};

/// The configuration of the host.
pub const CONFIG: &str = "/etc/aztec/kit.toml";
/// The directory with the state of aztec-kit, such as its journal.
pub const KIT_STATE: &str = "/var/lib/aztec-kit";
/// Lock of a run that may change the host. It is not on a disk, because it is taken before the operator consents to
/// anything.
pub const RUN_LOCK: &str = "/run/aztec-kit.lock";

/// Claims of attesters, with a directory for each host that this disk was in.
pub(crate) const SIGNERS: &str = "/var/lib/aztec-kit/signers";
/// Copies of the keystores with claimed attesters, with a directory for each such host. A sequencer gets nothing else.
pub(crate) const CLAIMED: &str = "/var/lib/aztec-kit/claimed";
/// Copies of keys that are in no keystore of this host. No service gets them.
pub(crate) const RETIRED: &str = "/var/lib/aztec-kit/retired";
/// The UUID that the firmware gives this machine.
pub(crate) const PRODUCT_UUID: &str = "/sys/class/dmi/id/product_uuid";
/// The UUIDs of the machines that sequencers may start on, with a file for each machine id.
pub(crate) const HARDWARE: &str = "/var/lib/aztec-kit/hardware";
/// The path of aztec-kit on the hosts that it manages. Its units call it there.
pub const KIT: &str = "/usr/local/bin/aztec-kit";

/// The user and group that the services run as.
pub(crate) const ACCOUNT: &str = "aztec";
/// Configuration of the services. It belongs to `root:aztec`, so that a service cannot change its own inputs.
pub(crate) const ETC: &str = "/etc/aztec";
/// Releases that this host describes, with a directory for each.
pub(crate) const RELEASES: &str = "/etc/aztec/releases";
/// Keystores. Only root can read them, and systemd passes them to the services as credentials.
pub(crate) const KEYSTORE: &str = "/etc/aztec/keystore";
/// The keystore of the prover node. It is separate from the validators', so that a prover never gets their keys.
pub(crate) const PROVER_KEYSTORE: &str = "/etc/aztec/keystore-prover";
/// The validator key of a local network.
pub(crate) const VALIDATOR_KEY: &str = "/etc/aztec/keystore/validator.json";
/// The prover key of a local network.
pub(crate) const PROVER_KEY: &str = "/etc/aztec/keystore-prover/prover.json";
/// Installed releases.
pub(crate) const OPT: &str = "/opt/aztec";
/// Selects the release that runs.
pub(crate) const CURRENT: &str = "/opt/aztec/current";
/// The image that containers of this host run, and their numeric user.
pub(crate) const CONTAINER: &str = "/etc/aztec/container.env";
/// Selects anvil and forge.
pub(crate) const FOUNDRY: &str = "/opt/aztec/foundry";
/// The host's trust store.
pub(crate) const TRUST: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The `aztec` command.
pub(crate) const WRAPPER: &str = "/usr/local/bin/aztec";

/// The record of the hardware that a sequencer may start on, on a host with this machine id.
pub(crate) fn hardware(machine_id: &str) -> PathBuf {
    Path::new(HARDWARE).join(machine_id)
}

/// Paths below the data directory.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The data directory itself.
    pub data: PathBuf,
}

impl Layout {
    /// The layout below one data directory.
    pub fn new(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
        }
    }

    /// Databases of the node, including the signing protection.
    pub fn node(&self) -> PathBuf {
        self.data.join("node")
    }

    /// State of the local L1.
    pub fn l1(&self) -> PathBuf {
        self.data.join("l1")
    }

    /// Blobs of a local network, because anvil has no beacon node that would keep them.
    pub fn blobs(&self) -> PathBuf {
        self.data.join("blobs")
    }
}

/// An environment file in [`ETC`].
pub(crate) fn env_file(name: &str) -> PathBuf {
    Path::new(ETC).join(format!("{name}.env"))
}

/// The addresses of the contracts that were deployed on the local L1.
pub(crate) fn contracts_env() -> PathBuf {
    env_file("contracts")
}

/// The key of the admin API. The node gets only its digest.
pub(crate) fn admin_key() -> PathBuf {
    Path::new(ETC).join("admin-api-key")
}
