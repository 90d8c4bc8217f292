//! What can be the cause of what.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// What one topic of checks can cause. Topics are named by their ids.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consequences {
    /// The topics that can fail because of it.
    pub explains: Vec<String>,
    /// The entries of the error dictionary that can be logged because of it.
    #[serde(default)]
    pub logs: Vec<String>,
}

static CAUSES: LazyLock<BTreeMap<String, Consequences>> = LazyLock::new(|| {
    let text = include_str!("../../data/causes.toml");
    toml::from_str(text).expect("data/causes.toml is tested")
});

/// The consequences of each topic, by its id.
pub fn causes() -> &'static BTreeMap<String, Consequences> {
    &CAUSES
}
