//! Checks of keystores, and of who signs with them.

mod key_copies;
pub mod keystore;
mod remote_signer;
mod signer;

use crate::checks::check::{Check, Need, Phase, Run, Verb};
use crate::checks::topic::Topic;
use crate::roles::node::signer_claim;

const ROW: Check = Check::row(Phase::Keys, Need::ROOT, Verb::BEFORE);

pub(super) const CHECKS: &[Check] = &[
    Check {
        topics: &[
            Topic::Keystore,
            Topic::KeystoreFile,
            Topic::Keystores,
            Topic::KeystoreAttesters,
            Topic::KeystorePublishers,
            Topic::KeystoreShared,
            Topic::BlsKeys,
            Topic::RemoteSigner,
        ],
        looks_at: "the keystore directories, and the remote signers that they name",
        needs: &[Need::Root, Need::Network],
        verbs: &[Verb::Preflight, Verb::Apply, Verb::Keys],
        run: Run::Now(|cx| keystore::preflight(cx.settings, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::KeystoreCopies],
        looks_at: "directories that a backup includes",
        run: Run::Now(|cx| {
            let copies = key_copies::key_copies(cx.settings, &cx.facts.mounts, cx.probe())?;
            Ok(copies.into_iter().collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Signer],
        looks_at: "the record of claims, and the chain",
        needs: &[Need::Root, Need::Network],
        run: Run::Now(|cx| {
            signer::preflight(signer_claim(cx.settings).as_ref(), cx.receipt, cx.probe())
        }),
        ..ROW
    },
];
