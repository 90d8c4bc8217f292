//! The two container engines.

use serde::{Deserialize, Serialize};

/// A container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// A daemon that is the parent of its containers.
    Docker,
    /// A program whose containers are children of its caller.
    Podman,
}

impl Engine {
    /// Its name, which is also the name of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The path of the program in both distributions and in Docker's own packages.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "/usr/bin/docker",
            Self::Podman => "/usr/bin/podman",
        }
    }

    /// The unit that must run for the engine to answer.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Docker => Some("docker.service"),
            Self::Podman => None,
        }
    }

    /// The path of its images, unless the operator moved them.
    pub fn storage(self) -> &'static str {
        match self {
            Self::Docker => "/var/lib/docker",
            Self::Podman => "/var/lib/containers/storage",
        }
    }
}
