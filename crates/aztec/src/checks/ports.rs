//! Which ports are listened on.

use std::collections::BTreeSet;
use std::path::Path;

use provision::Fault;
use provision::host::Probe;
use provision::tools::sockets::{self, BOUND, LISTENS};

/// Every port that something listens on, whatever the protocol.
pub(super) fn listening(probe: &dyn Probe) -> Result<BTreeSet<u16>, Fault> {
    let mut ports = BTreeSet::new();
    for (table, state) in [
        ("tcp", LISTENS),
        ("tcp6", LISTENS),
        ("udp", BOUND),
        ("udp6", BOUND),
    ] {
        let text = probe
            .text(&Path::new("/proc/net").join(table))?
            .unwrap_or_default();
        let sockets = sockets::parse(&text).into_iter();
        ports.extend(
            sockets
                .filter(|socket| socket.state == state)
                .map(|socket| socket.port),
        );
    }
    Ok(ports)
}
