//! The two container engines.

use serde::{Deserialize, Serialize};

/// What runs containers on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// A daemon that containers are children of.
    Docker,
    /// A program whose containers are children of whoever calls it.
    Podman,
}

impl Engine {
    /// Its name, which is that of its program too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Where both distributions, and Docker's own packages, put the program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "/usr/bin/docker",
            Self::Podman => "/usr/bin/podman",
        }
    }

    /// The unit that must run for it to answer.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Docker => Some("docker.service"),
            Self::Podman => None,
        }
    }

    /// Where its images are, unless the operator moved them.
    pub fn storage(self) -> &'static str {
        match self {
            Self::Docker => "/var/lib/docker",
            Self::Podman => "/var/lib/containers/storage",
        }
    }
}
