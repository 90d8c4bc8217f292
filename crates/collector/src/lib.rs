//! A very small OpenTelemetry collector. It receives metrics by OTLP/HTTP with JSON (`POST /v1/metrics`), and
//! serves them in the text format of Prometheus (`GET /metrics`).
//!
//! Aztec only pushes, and the Prometheus of the distributions has no receiver for pushes (Debian builds 2.53
//! without it). Names are translated as in the Prometheus exporter of the official collector, so rules and
//! dashboards for that one work here.
//!
//! * [`Push`] reads one push. It is pure.
//! * [`Store`] keeps the last push of each process for [`EXPIRES`], as long as there is room for it.
//! * [`serve`] is the server, and the only asynchronous part.

mod names;
mod push;
mod server;
mod store;

pub use names::prometheus_name;
pub use push::{Push, Refused};
pub use server::serve;
pub use store::{EXPIRES, HELD, Store};
