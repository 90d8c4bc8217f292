//! A very small OpenTelemetry collector: metrics come in by OTLP/HTTP with JSON (`POST /v1/metrics`), and go
//! out in the text format of Prometheus (`GET /metrics`).
//!
//! Aztec only pushes, and the Prometheus of the distributions has no receiver for that (Debian builds 2.53
//! without it). Names are translated as the Prometheus exporter of the official collector does, so that
//! rules and dashboards written for that one work here.
//!
//! * [`Push`] reads one push: pure.
//! * [`Store`] keeps the last push of each process for [`EXPIRES`], as far as there is room for it.
//! * [`serve`] is the server, and all that is asynchronous.

mod names;
mod push;
mod server;
mod store;

pub use names::prometheus_name;
pub use push::{Push, Refused};
pub use server::serve;
pub use store::{EXPIRES, HELD, Store};
