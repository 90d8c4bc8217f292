//! Whether there is a second signer. An attester that signs in two places is slashed, so a sequencer starts with
//! an attester for the first time only if there is no sign of a second signer.
//!
//! The decision uses three sources: the claims on this disk, the programs on this host, and the reports of the chain and
//! of a node of this host about the attester. [`judge`] weighs them; it is pure.

mod claim;
mod copies;
mod evidence;
mod judge;
mod place;
mod programs;

pub use claim::{Claim, Claims, Slot};
pub(crate) use copies::changed;
pub use copies::{Copies, Handing};
pub use evidence::Guard;
#[cfg(feature = "fuzz")]
pub(crate) use evidence::{Duty, View};
pub use judge::{Case, Verdict, judge};
pub use place::Place;
pub use programs::other_sequencers;
