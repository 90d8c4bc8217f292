//! Whether this host can reach its desired state, before anything is changed.

use std::path::Path;

use provision::Fault;
use provision::engine::Receipt;
use provision::host::{Engine, Probe, Snapshot};

use super::finding::{Finding, Verdict, failed};
use super::topic::{About, Topic};
use super::{
    address, caddy, closing, data_owner, endpoints, environment, hardening, key_copies, keystore,
    machine, monitoring, ports, signer, systemd, traces,
};
use crate::data::Basis;
use crate::desired::{desired, refusal};
use crate::facts::HostFacts;
use crate::fit;
use crate::layout;
use crate::names::Runtime;
use crate::runtime;
use crate::settings::Settings;
use crate::units::Units;

/// Runs all checks, in a fixed order. `receipt` is the record of this host.
pub fn preflight(
    settings: &Settings,
    facts: &HostFacts,
    receipt: &Receipt,
    probe: &dyn Probe,
) -> Vec<Finding> {
    let snapshot = Snapshot::of(probe);
    let probe: &dyn Probe = &snapshot;
    let mut findings = vec![system(settings, facts)];
    fn of(about: impl Into<About>, found: Result<Vec<Finding>, Fault>) -> Vec<Finding> {
        Finding::of(about, found)
    }
    let manager = systemd::manager(probe).map(Some);
    findings.extend(Finding::of(Topic::Systemd, manager));
    findings.extend(Finding::of(Topic::Sandbox, systemd::sandboxes(probe)));
    findings.extend(Finding::of(
        Topic::Account,
        super::account::account(settings, probe),
    ));
    findings.extend(Finding::of(
        Topic::DataDirectory,
        super::data_dir(settings, facts, probe).map(Some),
    ));
    // `system` reports a desired state that is refused.
    if let Ok(graph) = desired(settings, facts, "") {
        findings.extend(Finding::of(Topic::Packages, super::packages(&graph, probe)));
        let units = Units::of(settings, facts).all();
        let drop_ins = super::drop_ins(&graph, &units, probe);
        findings.extend(of(Topic::DropIns, drop_ins));
    }
    if settings.has_role() {
        findings.extend(capacity(settings, facts, probe));
    }
    let fit = fit::fit(settings);
    let other = super::other_databases(settings, probe, fit.as_ref());
    findings.extend(Finding::of(Topic::Databases, other));
    // Before the ports: this check knows better which unit holds them.
    if let Some(configured) = &settings.monitoring {
        findings.extend(of(
            Topic::Monitoring,
            monitoring::findings(configured, facts, probe),
        ));
    }
    findings.extend(of(
        Topic::Port.named("ports"),
        ports::findings(settings, probe),
    ));
    findings.extend(caddy::caddy(settings, probe));
    findings.extend(hardening::hardening(settings, facts, probe));
    let environment = environment::environment(settings, probe);
    findings.extend(of(Topic::Environment, environment));
    if settings.proves() {
        let (count, why) = crate::roles::prover::agents(settings, facts);
        findings.push(Finding::new(
            Topic::ProverAgents,
            Verdict::Pass,
            format!("{count}: {why}"),
        ));
    }
    findings.extend(super::broker::broker(settings));
    if let Some(live) = settings.live().filter(|_| settings.has_role()) {
        findings.extend(endpoints::execution(settings, probe));
        let needed = settings.network.blobs.is_empty();
        findings.extend(endpoints::consensus(settings, live, needed));
        findings.extend(traces::traces(settings, live));
        findings.extend(fit.as_ref().map(|fit| super::of_fit(settings, fit)));
        findings.push(address::address(settings));
    }
    findings.extend(of(Topic::Firewall, closing::obstacles(settings, probe)));
    let private = closing::private(settings, facts, probe);
    findings.extend(of(Topic::PrivatePorts, private));
    findings.extend(of(Topic::Keystore, keystore::preflight(settings, probe)));
    let copies = key_copies::key_copies(settings, &facts.mounts, probe);
    findings.extend(Finding::of(Topic::KeystoreCopies, copies));
    let claim = crate::roles::node::signer_claim(settings);
    findings.extend(of(
        Topic::Signer.named("signer"),
        signer::preflight(claim.as_ref(), receipt, probe),
    ));
    findings
}

fn system(settings: &Settings, facts: &HostFacts) -> Finding {
    match refusal(settings, facts) {
        Ok(()) => {
            let (major, minor) = facts.glibc.unwrap_or_default();
            let text = format!("{} on {}, glibc {major}.{minor}", facts.os_name, facts.arch);
            Finding::new(Topic::System, Verdict::Pass, text)
        }
        Err(fault) => failed(Topic::System, &fault),
    }
}

/// Whether this host has the processor, memory and disk that Aztec needs.
fn capacity(settings: &Settings, facts: &HostFacts, probe: &dyn Probe) -> Vec<Finding> {
    let choice = runtime::choose(settings, facts);
    let mut runs = choice.shown();
    let snap = probe.meta(Path::new(monitoring::SNAP));
    if choice.runtime == Runtime::Container
        && choice.engine == Engine::Podman
        && snap.is_ok_and(|snap| snap.is_some())
    {
        runs.push_str("; the snap of Docker is confined and not used");
    }
    let mut findings = vec![
        Finding::new(Topic::Runtime, Verdict::Pass, runs),
        release(settings),
        machine::cpu(settings, facts),
        machine::memory(settings, facts),
    ];
    findings.extend(Finding::of(
        Topic::Disk,
        machine::disk(settings, choice.runtime, probe),
    ));
    findings.extend(Finding::of(
        Topic::DataOwner,
        data_owner::data_owner(settings, probe),
    ));
    if choice.runtime == Runtime::Container {
        let image = super::image::findings(settings, &choice, probe);
        findings.extend(Finding::of(Topic::Image, image));
    }
    findings
}

/// Whether aztec-kit knows the configured release.
pub fn release(settings: &Settings) -> Finding {
    let version = &settings.release.version;
    match &settings.release.basis {
        Basis::Carried => Finding::new(Topic::Release, Verdict::Pass, format!("Aztec {version}")),
        Basis::Host(place) => Finding::new(
            Topic::Release,
            Verdict::Pass,
            format!("Aztec {version}, as {} describes it", place.display()),
        ),
        Basis::Described(like) => Finding::new(
            Topic::Release,
            Verdict::Pass,
            format!("Aztec {version}, as kit.toml describes it on top of {like}"),
        ),
        Basis::Assumed(like) => Finding::new(
            Topic::Release,
            Verdict::Warn,
            format!(
                "aztec-kit does not know Aztec {version} and treats it like {like}. \
                 Once you know that it is, or how it differs, describe it in {}/{version}/release.toml: like = \"{like}\".",
                layout::RELEASES
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::checks::finding::GIB;

    /// The failed checks of a host that is too small for Aztec.
    fn failures(kit_toml: &str) -> Vec<String> {
        let facts = HostFacts {
            cpus: 1,
            memory: GIB,
            ..HostFacts::debian()
        };
        let mut host = FakeHost::debian().with_ufw();
        for path in ["/run/systemd/system", "/proc/net"] {
            host.plant(path, FileType::Directory, b"", 0o755);
        }
        let settings = Settings::parse(kit_toml).unwrap();
        let findings = preflight(&settings, &facts, &Receipt::default(), &host);
        findings
            .into_iter()
            .filter(|finding| finding.status == Verdict::Fail)
            .map(|finding| finding.check)
            .collect()
    }

    #[test]
    fn every_endpoint_is_asked_before_any_change() {
        let failed = failures(
            "network = \"testnet\"\nrelease = \"6.0.0\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:2\"]\n\
             consensus_urls = [\"http://127.0.0.1:3\"]\ndebug_urls = [\"http://127.0.0.1:4\"]\n",
        );
        for check in ["L1 127.0.0.1", "L1 consensus 127.0.0.1", "L1 traces"] {
            assert!(failed.iter().any(|failed| failed == check), "{failed:?}");
        }
    }

    /// An operator with the snap sees `docker` work, and would not know why Podman is chosen.
    #[test]
    fn the_docker_of_snap_is_reported_as_not_used() {
        let kit_toml = "network = \"local\"\nruntime = \"container\"\n";
        let settings = Settings::parse(kit_toml).unwrap();
        let mut host = FakeHost::debian();
        let runs = |host: &FakeHost| {
            let found = capacity(&settings, &HostFacts::debian(), host).into_iter();
            let mut found = found.filter(|it| it.check == "runtime");
            found.next().unwrap().message
        };
        assert!(!runs(&host).contains("snap"));
        for dir in ["/snap", "/snap/bin"] {
            host.plant(dir, FileType::Directory, b"", 0o755);
        }
        host.plant(monitoring::SNAP, FileType::File, b"", 0o755);
        assert!(
            runs(&host).ends_with("the snap of Docker is confined and not used"),
            "{}",
            runs(&host)
        );
    }

    #[test]
    fn the_needs_of_aztec_are_checked_only_on_a_host_with_a_role() {
        let node = failures("network = \"local\"\n");
        assert!(node.contains(&"memory".to_owned()), "{node:?}");
        let firewalled = failures("[node]\nenabled = false\n\n[firewall]\nenabled = true\n");
        assert!(firewalled.is_empty(), "{firewalled:?}");
    }
}
