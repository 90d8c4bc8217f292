//! The key of the admin API, which all nodes of a host share.

use provision::kinds::{Owner, Random, Secret, SecretDigest};

use super::draft::Draft;
use super::env_file::EnvFile;
use crate::layout::{self, ACCOUNT, env_file};
use crate::names::Reach;

/// The variable with the digest of the key of the admin API.
const ADMIN_HASH: &str = "AZTEC_ADMIN_API_KEY_HASH";

/// With the digest of a key, a node never creates a key of its own and prints it into the journal.
/// `None` if no process has an admin API.
pub(super) fn add(draft: &mut Draft<'_>) -> Option<EnvFile> {
    let components = draft.settings.components().into_iter();
    let mut ports = components.flat_map(|(component, _)| component.spec().ports);
    ports.find(|port| port.reach == Reach::Steering)?;
    let secret = Secret {
        path: layout::admin_key(),
        owner: Owner::root(0o600),
        maker: Random {
            bytes: 32,
            variable: None,
        },
    };
    let digest = SecretDigest {
        secret: layout::admin_key(),
        path: env_file("admin"),
        variable: ADMIN_HASH.into(),
        owner: Owner::new("root", ACCOUNT, 0o640),
    };
    let path = digest.path.clone();
    let key = draft.add(secret, [draft.base.etc.clone()]);
    let digest = draft.add(digest, [key]);
    Some(EnvFile::new(digest, path, [ADMIN_HASH]))
}
