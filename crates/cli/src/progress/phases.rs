//! The phases of a run, and its position in them.

use provision::engine::ResourceId;

/// A phase of a run. The order is that of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything below the services.
    Provisioning,
    /// The services, and the files that they need.
    Services,
    /// The check of the ports that other hosts can reach.
    Networking,
    /// The check that the host works.
    Verification,
}

impl Phase {
    /// The number of phases.
    pub const COUNT: usize = Self::Verification as usize + 1;

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Services => "services",
            Self::Networking => "networking",
            Self::Verification => "verification",
        }
    }

    /// Its number, from 1.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// The phase that a resource belongs to.
    fn of(id: &ResourceId) -> Self {
        const SERVICES: [&str; 8] = [
            "unit[",
            "service[",
            "chain[",
            "contracts[",
            "stake[",
            "secret[",
            "digest[",
            "validator-key[",
        ];
        let id = id.to_string();
        match SERVICES.iter().any(|kind| id.starts_with(kind)) || id.ends_with(".env]") {
            true => Self::Services,
            false => Self::Provisioning,
        }
    }
}

/// The position of a run. Phases only advance.
#[derive(Debug)]
pub struct At {
    phase: Option<Phase>,
    /// The number of finished steps.
    pub done: usize,
    /// The number of all steps, as far as it is known.
    pub total: usize,
}

impl At {
    /// The start of a run with that many steps.
    pub fn of(total: usize) -> Self {
        Self {
            phase: None,
            done: 0,
            total,
        }
    }

    /// The phase, if it begins now.
    pub fn begins(&mut self, phase: Phase) -> Option<Phase> {
        (self.phase.replace(phase) != Some(phase)).then_some(phase)
    }

    /// The phase of a resource, if it begins now. A late file is shown in the current phase.
    pub fn reaches(&mut self, id: &ResourceId) -> Option<Phase> {
        let own = Phase::of(id);
        let phase = self.phase.map_or(own, |current| current.max(own));
        self.begins(phase)
    }

    /// Counts a finished step. An unplanned step (it followed from another one) counts too.
    pub fn count(&mut self) {
        self.done += 1;
        self.total = self.total.max(self.done);
    }
}
