//! Accurate time: validators sign by the clock.

use provision::engine::Graph;
use provision::kinds::{Packages, Service};

use crate::Kinds;

/// Adds chrony in place of other clock services. `owned`: whether this host, and not an outer one, sets the clock.
pub fn add<K: Kinds>(graph: &mut Graph<K>, owned: bool) {
    let packages = graph.add(
        Packages {
            purpose: "clock".into(),
            // Two services that set one clock interfere. The package of chrony conflicts with the others
            // (`time-daemon`).
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
