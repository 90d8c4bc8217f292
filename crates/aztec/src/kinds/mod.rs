//! The resource kinds of a host, including the few that only Aztec has.

mod birth;
mod contracts;
mod fault;
mod funding;
mod local_key;
mod signer_claim;
mod stake;

use provision::kinds::{
    Baseline, Directory, Disk, DropIn, File, Group, Image, NftTable, NpmTree, Packages, Secret,
    SecretDigest, Service, Sshd, Sysctl, Ufw, Unit, User,
};

pub use birth::Birth;
pub use contracts::Contracts;
pub(crate) use contracts::{VARIABLES as CONTRACT_VARIABLES, recorded};
#[cfg(feature = "fuzz")]
pub(crate) use contracts::{ours, registry};
pub use funding::Funding;
pub use local_key::{KeyRole, LocalKey};
pub use signer_claim::SignerClaim;
pub use stake::Stake;

provision::resources! {
    /// Every kind of resource on a host.
    pub enum Kind {
        /// A system group.
        Group(Group),
        /// A system user.
        User(User),
        /// A directory.
        Directory(Directory),
        /// The name of the disk that a directory is on.
        Disk(Disk),
        /// A whole file of aztec-kit.
        File(File),
        /// Packages of the distribution.
        Packages(Packages),
        /// Kernel settings.
        Sysctl(Sysctl),
        /// A table of nftables.
        NftTable(NftTable),
        /// The firewall.
        Ufw(Ufw),
        /// A systemd unit file.
        Unit(Unit),
        /// A drop-in of a unit of the distribution.
        DropIn(DropIn),
        /// A service: whether its unit runs, and with which inputs.
        Service(Service),
        /// The login settings of sshd.
        Sshd(Sshd),
        /// A release installed from an npm lock file.
        NpmTree(NpmTree),
        /// A container image, pinned to its content.
        Image(Image),
        /// The baseline of the files of this host.
        Baseline(Baseline),
        /// A random secret.
        Secret(Secret),
        /// The public digest of a secret.
        SecretDigest(SecretDigest),
        /// The birth of a local chain.
        Birth(Birth),
        /// The Aztec contracts on a local L1.
        Contracts(Contracts),
        /// A key of a local network.
        LocalKey(Secret<LocalKey>),
        /// The claim that attesters sign on this host only.
        SignerClaim(SignerClaim),
        /// The stake of a local validator.
        Stake(Stake),
        /// ETH for a local prover.
        Funding(Funding),
    }
}
