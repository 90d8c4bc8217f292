//! The state of a host that its claims are compared with, and the differences.

use std::collections::BTreeSet;

use l1::Address;

use crate::signer::{Claim, Handing, Place};

/// The state of the host, as observed before a step.
#[derive(Debug)]
pub struct Seen {
    /// The service on this host.
    pub(super) here: Place,
    /// Whether an earlier step names its disk, or restores the name.
    pub(super) unnamed: bool,
    /// The attesters in the keystores; `None` if the directory does not exist.
    pub(super) attesters: Option<BTreeSet<Address>>,
    /// Copies that the service gets and should not, or should get and does not.
    pub(super) handing: Vec<Handing>,
    /// The stamp of the files that these were read from.
    pub(super) stamp: String,
    pub(super) claims: Vec<Claim>,
    /// The recorded hardware that the unit may start on.
    pub(super) noted: Option<String>,
    /// Seconds since the epoch.
    pub(super) now: i64,
}

impl Seen {
    /// The valid claims of this service. If its disk has no name yet, the step that names it decides which disk it is.
    pub(super) fn held(&self) -> impl Iterator<Item = &Claim> {
        let ours = |claim: &&Claim| match self.unnamed {
            true => claim.place.on(None).is(&self.here),
            false => claim.place.is(&self.here),
        };
        let claims = self.claims.iter().filter(ours);
        claims.filter(|claim| claim.released.is_none())
    }

    /// Valid claims without a complete place: of an earlier version, or of a disk that is about to get a name.
    pub(super) fn vague(&self) -> impl Iterator<Item = &Claim> {
        let gone: BTreeSet<_> = self.gone().iter().map(|claim| claim.attester).collect();
        let vague = move |claim: &&Claim| {
            (self.unnamed || claim.place != self.here) && !gone.contains(&claim.attester)
        };
        self.held().filter(vague)
    }

    /// Whether the unit may start on another machine than this one.
    pub(super) fn misplaced(&self) -> bool {
        let signs = self.attesters.iter().flatten().next().is_some();
        signs && self.noted.as_deref().map(str::trim) != self.here.hardware.as_deref()
    }

    /// Attesters without a claim.
    pub(super) fn unclaimed(&self) -> BTreeSet<Address> {
        let held: BTreeSet<_> = self.held().map(|claim| claim.attester).collect();
        let attesters = self.attesters.iter().flatten();
        attesters
            .filter(|attester| !held.contains(*attester))
            .copied()
            .collect()
    }

    /// Claims of attesters whose keys are gone.
    pub(super) fn gone(&self) -> Vec<&Claim> {
        let Some(attesters) = &self.attesters else {
            return Vec::new();
        };
        self.held()
            .filter(|claim| !attesters.contains(&claim.attester))
            .collect()
    }
}
