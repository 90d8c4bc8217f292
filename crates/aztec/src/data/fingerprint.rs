//! The values that a release and a rollup must share. Otherwise the node is on standby.
//!
//! Before it starts, a node compares three values with those of the rollup (aztec/dest/cli/cmds/standby.js of 4.1.2): the
//! root of the archive of its genesis, the root of the tree of its verification keys, and the hash of its protocol
//! contracts. The first depends on which accounts the genesis gives funds to.

use l1::B256;
use serde::Deserialize;

/// The three values of a release. A missing value is not known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Root of the tree of its verification keys.
    pub vk_tree: Option<B256>,
    /// Hash of its protocol contracts.
    pub protocol_contracts: Option<B256>,
    /// Roots of its genesis, each with the accounts that have funds in it.
    #[serde(default)]
    pub genesis: Vec<Genesis>,
    /// Whether the values were taken from the release itself. Other values cannot prove that a rollup does not fit.
    pub verified: bool,
}

/// The archive of a genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Its root.
    pub root: B256,
    /// The accounts that have funds in it.
    #[serde(flatten)]
    pub funded: Funded,
}

/// The accounts that have funds in a genesis. Two variables of the node set them (`TEST_ACCOUNTS`, `SPONSORED_FPC`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Funded {
    /// The accounts that tests use.
    pub test_accounts: bool,
    /// The contract that pays the fees of others.
    pub sponsored_fpc: bool,
}

impl Fingerprint {
    /// The root of the genesis with these funds.
    pub fn genesis(&self, funded: Funded) -> Option<B256> {
        let mut all = self.genesis.iter();
        let found = all.find(|genesis| genesis.funded == funded);
        found.map(|genesis| genesis.root)
    }

    /// The accounts that have funds in the genesis with this root.
    pub fn funded(&self, root: B256) -> Option<Funded> {
        let mut all = self.genesis.iter();
        let found = all.find(|genesis| genesis.root == root);
        found.map(|genesis| genesis.funded)
    }
}
