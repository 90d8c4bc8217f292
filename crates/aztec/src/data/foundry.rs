//! The tools of a local L1.

use std::sync::LazyLock;

use serde::Deserialize;

/// Anvil and forge.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Foundry {
    /// Their version.
    pub version: String,
    /// The oldest glibc that they work with.
    pub glibc: (u32, u32),
    /// `package.json` of their tree.
    #[serde(skip)]
    pub manifest: &'static str,
    /// `package-lock.json` of their tree.
    #[serde(skip)]
    pub lock: &'static str,
}

static FOUNDRY: LazyLock<Foundry> = LazyLock::new(|| Foundry {
    manifest: include_str!("../../data/foundry/package.json"),
    lock: include_str!("../../data/foundry/package-lock.json"),
    ..toml::from_str(include_str!("../../data/foundry/foundry.toml"))
        .expect("data/foundry/foundry.toml is tested")
});

/// The tools that aztec-kit carries.
pub(crate) fn foundry() -> &'static Foundry {
    &FOUNDRY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_and_lock_are_of_that_version() {
        let foundry = foundry();
        let read = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let (manifest, lock) = (read(foundry.manifest), read(foundry.lock));
        let dependencies = manifest["dependencies"].as_object().unwrap();
        assert!(
            dependencies
                .values()
                .all(|version| *version == foundry.version)
        );
        assert_eq!(
            lock["packages"][""]["dependencies"],
            manifest["dependencies"]
        );
    }
}
