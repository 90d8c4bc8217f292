//! An environment file that a process reads.

use std::path::PathBuf;

use provision::engine::ResourceId;

/// An environment file, and the variables that it sets, by name. A container gets only the variables that are named, so
/// no value is in an argument.
#[derive(Debug, Clone)]
pub(crate) struct EnvFile {
    pub id: ResourceId,
    pub path: PathBuf,
    pub variables: Vec<String>,
}

impl EnvFile {
    /// A file resource and its variables.
    pub fn new<N: ToString>(
        id: ResourceId,
        path: PathBuf,
        variables: impl IntoIterator<Item = N>,
    ) -> Self {
        let variables = variables.into_iter();
        Self {
            id,
            path,
            variables: variables.map(|name| name.to_string()).collect(),
        }
    }
}
