//! Checks of `kit.toml`, the release, and the software that is already there.

mod address;
mod broker;
mod container;
pub mod databases;
mod environment;
pub mod hardening;
pub mod image;
mod monitoring;
mod prover;
pub mod release;

use crate::checks::check::{Check, Need, Phase, Run, Verb};
use crate::checks::topic::Topic;

const ROW: Check = Check::row(Phase::Configuration, &[], Verb::BEFORE);

pub(super) const CHECKS: &[Check] = &[
    Check {
        topics: &[Topic::Runtime],
        looks_at: "glibc, Docker and Podman",
        run: Run::Now(|cx| {
            Ok(container::runtime(cx.settings, cx.facts, cx.probe())
                .into_iter()
                .collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Release],
        looks_at: "the releases that aztec-kit carries, and those under /etc/aztec/releases",
        verbs: &[Verb::Preflight, Verb::Apply, Verb::Plan],
        run: Run::Now(|cx| {
            let release = || release::release(cx.settings);
            Ok(cx.settings.has_role().then(release).into_iter().collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Image, Topic::DiskForImage],
        looks_at: "the images of Docker or Podman, or the registry",
        needs: Need::NETWORK,
        run: Run::Now(|cx| container::image(cx.settings, cx.facts, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::ImageRegistry],
        looks_at: "the tag of the image in its registry",
        needs: Need::NETWORK,
        verbs: &[Verb::Preflight],
        run: Run::Now(|cx| {
            let found = image::upstream(cx.settings, cx.facts, cx.probe())?;
            Ok(found.into_iter().collect())
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Environment],
        looks_at: "the environment files of the node",
        run: Run::Now(|cx| environment::environment(cx.settings, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::Databases],
        looks_at: "the databases in the data directory",
        verbs: &[Verb::Preflight, Verb::Apply, Verb::Plan, Verb::Status],
        run: Run::Now(|cx| databases::other_databases(cx.settings, cx.probe(), cx.fit())),
        ..ROW
    },
    Check {
        topics: &[Topic::Monitoring],
        looks_at: "Prometheus, Grafana and Alertmanager",
        run: Run::Now(|cx| match &cx.settings.monitoring {
            Some(configured) => monitoring::findings(configured, cx.facts, cx.probe()),
            None => Ok(Vec::new()),
        }),
        ..ROW
    },
    Check {
        topics: &[Topic::Ssh, Topic::SshClients],
        looks_at: "the settings that sshd reports",
        needs: &[Need::Root],
        run: Run::Now(|cx| hardening::ssh(cx.settings, cx.facts, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::ReversePath, Topic::Container],
        looks_at: "the routes, and whether this host is a container",
        run: Run::Now(|cx| hardening::kernel(cx.settings, cx.facts, cx.probe())),
        ..ROW
    },
    Check {
        topics: &[Topic::ProverAgents],
        looks_at: "cores and memory",
        run: Run::Now(|cx| Ok(prover::agents(cx.settings, cx.facts).into_iter().collect())),
        ..ROW
    },
    Check {
        topics: &[Topic::Broker],
        looks_at: "prover_agent.broker_url",
        needs: Need::NETWORK,
        run: Run::Now(|cx| Ok(broker::broker(cx.settings).into_iter().collect())),
        ..ROW
    },
    Check {
        topics: &[Topic::P2pAddress],
        looks_at: "p2p.ip",
        run: Run::Now(|cx| {
            let peers = cx.settings.live().is_some() && cx.settings.has_role();
            let address = || address::address(cx.settings);
            Ok(peers.then(address).into_iter().collect())
        }),
        ..ROW
    },
];
