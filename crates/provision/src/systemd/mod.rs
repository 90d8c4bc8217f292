//! The text of unit files and of their drop-ins: the one place where it is put together.
//!
//! Pure: settings in their order become text. What a setting means: systemd.unit(5), systemd.service(5),
//! systemd.timer(5), systemd.exec(5). [`Value`] is where anything else becomes systemd's syntax; the reader of units is
//! [`crate::tools::unit_file`].

mod sandbox;
mod unit_file;
mod value;
#[cfg(all(test, feature = "fake"))]
mod value_tests;
#[cfg(feature = "fake")]
pub mod verify;

pub use sandbox::Sandbox;
pub use unit_file::{Section, UnitFile};
pub use value::Value;
