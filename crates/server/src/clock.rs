//! The right time: validators sign by the clock.

use provision::engine::Graph;
use provision::kinds::{Packages, Service};

use crate::Kinds;

/// Adds chrony in the place of other clock services. `owned`: whether the clock is this host's to set, and not
/// that of a host around it.
pub fn add<K: Kinds>(graph: &mut Graph<K>, owned: bool) {
    let packages = graph.add(
        Packages {
            purpose: "clock".into(),
            // Two that set one clock fight; chrony's package conflicts with the others (`time-daemon`).
            names: [
                "chrony",
                "systemd-timesyncd-",
                "ntpsec-",
                "openntpd-",
                "ntpd-rs-",
            ]
            .map(String::from)
            .into(),
        },
        [],
    );
    if owned {
        graph.add(
            Service {
                unit: "chrony.service".into(),
                active: true,
                at_boot: true,
                inputs: Vec::new(),
            },
            [packages],
        );
    }
}
