//! Checks of ports, the firewall and the TLS proxy.

mod caddy;
mod closing;
pub mod exposure;
mod forwarded;
mod holder;
mod nat;
mod ports;

use crate::checks::check::{Check, Need, Phase, Run, Verb};
use crate::checks::topic::Topic;

const ROW: Check = Check::row(Phase::Network, &[], Verb::BEFORE);

pub(super) const CHECKS: &[Check] = &[
    Check {
        topics: &[Topic::Port],
        looks_at: "the sockets that listen",
        run: Run::Now(|cx| ports::findings(cx.settings, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::Nat],
        looks_at: "p2p.ip, and the addresses of this host",
        verbs: &[Verb::Preflight],
        run: Run::Now(|cx| Ok(nat::nat(cx.settings, cx.probe())?.into_iter().collect())),
        ..ROW
    },
    Check {
        topics: &[Topic::TlsProxy, Topic::CaddyConfiguration],
        looks_at: "the Caddyfile, and the package that it is from",
        run: Run::Now(|cx| caddy::proxy(cx.settings, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::WebServers],
        looks_at: "the units of other web servers",
        run: Run::Now(|cx| caddy::web_servers(cx.settings, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::Domain],
        looks_at: "the DNS",
        needs: Need::NETWORK,
        run: Run::Now(|cx| Ok(caddy::domain(cx.settings).into_iter().collect())),
        ..ROW
    },
    Check {
        topics: &[Topic::Firewall, Topic::PublishedPorts],
        looks_at: "UFW, nftables and the ports that containers publish",
        needs: Need::ROOT,
        run: Run::Now(|cx| closing::obstacles(cx.settings, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::PrivatePorts],
        looks_at: "connections of other hosts to private ports",
        needs: Need::ROOT,
        run: Run::Now(|cx| closing::private(cx.settings, cx.facts, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::Exposure],
        looks_at: "the firewall, and every socket that listens",
        needs: Need::ROOT,
        verbs: &[Verb::Status],
        run: Run::Now(|cx| Ok(exposure::exposure(cx.settings, cx.facts, cx.probe()))),
        ..ROW
    },
];
