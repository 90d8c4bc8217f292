//! The text of unit files and drop-ins. It is put together only here.
//!
//! Pure: settings in order become text. Their meaning: systemd.unit(5), systemd.service(5), systemd.timer(5),
//! systemd.exec(5). [`Value`] is the only conversion of other text to systemd's syntax. The parser of units is
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
