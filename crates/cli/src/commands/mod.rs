//! One file per verb. The logic is in the libraries; these files only connect it to the terminal.

pub mod alert;
pub mod apply;
pub mod beacon;
pub mod bootstrap;
pub mod checks;
pub mod collect;
pub mod completions;
pub mod confirm;
pub mod converge;
pub mod doctor;
pub mod explain;
pub mod forget;
pub mod keys;
pub mod logs;
pub mod man;
pub mod metrics;
pub mod plan;
pub mod preflight;
pub mod release;
pub mod services;
pub mod setup;
pub mod smoke;
pub mod status;
pub mod verify;
