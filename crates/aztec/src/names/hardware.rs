//! The official hardware of a component on a public network: docs v5.2.0, the pages `concepts/hardware` and
//! `prover/overview`, unchanged for 6.0.0. The figures are the same for testnet and mainnet.

use super::role::Component;

/// What a component should have for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hardware {
    /// Logical CPUs.
    pub cpus: usize,
    /// Memory, GiB.
    pub memory_gib: u64,
    /// Disk, GB: the page counts as vendors do.
    pub disk_gb: u64,
}

/// Random reads of 4 KiB per second that the official page aims at. A SATA disk does not reach them.
pub const TARGET_READS: u64 = 50_000;
/// Below this a node falls behind while it synchronizes. It is our figure, a fifth of the official target.
pub const LEAST_READS: u64 = 10_000;

impl Component {
    /// The official hardware; `None` if there are no figures. Those of an agent are in its release.
    pub fn hardware(self) -> Option<Hardware> {
        let (cpus, memory_gib, disk_gb) = match self {
            Self::Node | Self::Sequencer => (16, 8, 1000),
            Self::ProverNode => (32, 16, 1000),
            Self::ProverBroker => (16, 16, 10),
            _ => return None,
        };
        Some(Hardware {
            cpus,
            memory_gib,
            disk_gb,
        })
    }
}

impl std::iter::Sum for Hardware {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            cpus: sum.cpus + one.cpus,
            memory_gib: sum.memory_gib + one.memory_gib,
            disk_gb: sum.disk_gb + one.disk_gb,
        })
    }
}
