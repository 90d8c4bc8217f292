//! From desired state to converged host: order, observe, diff, journal, apply.
//!
//! The engine is generic over [`Resource`]; it does not know any kind.

mod apply;
mod cx;
mod diff;
mod fold;
pub(crate) mod frame;
mod graph;
mod guard;
mod inherit;
mod journal;
mod kind;
mod leftovers;
pub(crate) mod lock;
mod new_files;
mod observe;
mod plan;
mod progress;
mod receipt;
mod record;
mod resource;
mod session;

pub use apply::Apply;
pub use cx::{ApplyCx, Cx};
pub use diff::{Change, Diff, Shown};
pub use fold::fold;
pub use graph::{Graph, Node};
pub use guard::{Back, Guard, confirm, due, left, roll_back};
pub use journal::{FileJournal, Journal, MemoryJournal};
#[cfg(feature = "fake")]
pub use journal::{SharedJournal, Written};
pub use kind::{Kind, ResourceId, Reverted};
pub use leftovers::removable;
pub use lock::RunLock;
pub use new_files::{HeldDir, NewFiles, Permissions};
pub use plan::{Action, Plan, Step, Unseen};
pub use progress::{Applied, Consent, Outcome, Progress, Quiet, Stop};
pub use receipt::{Entry, Origin, Receipt, RolledBack, Unconfirmed};
pub use record::{Event, FORMAT};
pub use resource::{Look, Resource, erased};
pub use session::{Access, BesideARun, InsteadOfARun, Paths, Records, Session};
