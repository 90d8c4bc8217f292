//! Desired state to converged host: order, observe, diff, journal, apply.
//!
//! The engine is generic over [`Resource`]; it does not know any kind.

mod apply;
mod diff;
mod graph;
mod guard;
mod journal;
mod lock;
mod plan;
mod receipt;
mod resource;

pub use apply::{Applied, Apply, Consent, Outcome, Progress, Quiet, Stop};
pub use diff::{Change, Diff, Shown};
pub use graph::{Graph, Node};
pub use guard::{Guard, confirm, take_back};
pub use journal::{Event, FileJournal, Journal, MemoryJournal};
pub use lock::RunLock;
pub use plan::{Action, Plan, Step};
pub use receipt::{Entry, Origin, Receipt, TakenBack, Unconfirmed};
pub use resource::{ApplyCx, Cx, Kind, Look, Resource, ResourceId, Reverted, erased};
