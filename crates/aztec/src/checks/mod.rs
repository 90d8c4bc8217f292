//! Whether a host is fit, and its chain advances. Checks change nothing.
//!
//! A check is a row of [`table`]: where it looks, what it needs, which verbs run it, and a function to findings. The folders
//! are the phases of the table. `preflight`, `status`, `smoke` and the others run the rows of their verb.

mod bundle;
pub mod check;
pub mod configuration;
pub mod context;
mod diagnosis;
pub mod finding;
pub mod host;
pub mod keys;
pub mod l1;
pub mod logs;
mod metrics;
pub mod network;
pub mod node;
mod releases;
mod report;
pub mod services;
pub mod table;
mod topic;
mod verb;

pub use bundle::{Bundle, bundle};
pub use check::{Check, Need, Phase};
pub use context::Context;
pub use diagnosis::{Cause, Diagnosis, diagnose};
pub use finding::{Finding, Logged, failed, worst};
pub use keys::keystore;
pub use l1::fit::of_fit;
pub use l1::registry::registry;
pub use logs::complaints;
#[cfg(feature = "fuzz")]
pub(crate) use logs::heard;
pub use metrics::metrics;
pub use network::exposure::exposure;
pub use node::target::{Sample, Target};
pub use releases::{ReleaseRow, Source, releases};
pub use report::{Report, smoke};
pub use services::again::{Fallen, SETTLES, fallen};
pub use services::unit_rows::{UnitRow, unit_rows};
pub use table::{checks, run, run_offline};
pub use topic::{About, Topic};
pub use verb::Verb;
