//! The start of a local network: its pace, its keys, its stake and its funds.

use provision::engine::ResourceId;
use provision::kinds::{Owner, Secret};

use crate::kinds::{Contracts, Funding, KeyRole, LocalKey, Stake};
use crate::layout;
use crate::settings::{Local, Settings};

/// Seconds between two blocks of the local L1.
pub(crate) const L1_SLOT: u32 = 4;

/// The id of the contracts, known before they are in the graph.
pub(crate) fn contracts_id(settings: &Settings) -> ResourceId {
    Contracts::id_on(settings.network.l1_chain_id)
}

/// The key of the validator of a local network.
pub(crate) fn validator_key() -> Secret<LocalKey> {
    Secret {
        path: layout::VALIDATOR_KEY.into(),
        owner: Owner::root(0o600),
        maker: LocalKey {
            role: KeyRole::Validator,
        },
    }
}

/// Its stake.
pub(crate) fn stake(local: &Local) -> Stake {
    Stake {
        url: local.l1.expose().to_string(),
        record: layout::contracts_env(),
        keystore: layout::VALIDATOR_KEY.into(),
    }
}

/// The key of the prover of a local network.
pub(crate) fn prover_key() -> Secret<LocalKey> {
    Secret {
        path: layout::PROVER_KEY.into(),
        owner: Owner::root(0o600),
        maker: LocalKey {
            role: KeyRole::Prover,
        },
    }
}

/// ETH for its account.
pub(crate) fn funding(local: &Local) -> Funding {
    Funding {
        url: local.l1.expose().to_string(),
        keystore: layout::PROVER_KEY.into(),
    }
}
