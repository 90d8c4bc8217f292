//! Whether this host can reach its desired state, before anything is changed.

use std::collections::BTreeSet;
use std::path::Path;

use provision::Fault;
use provision::engine::Receipt;
use provision::host::{Engine, Probe, Snapshot};

use super::finding::{Finding, GIB, Verdict, failed, gib};
use super::topic::{About, Topic};
use super::{
    address, caddy, data_owner, endpoints, environment, exposure, hardening, key_copies, keystore,
    monitoring, ports, signer, traces,
};
use crate::data::Basis;
use crate::desired::{desired, refusal};
use crate::facts::HostFacts;
use crate::fit;
use crate::layout;
use crate::names::{Component, Runtime, units};
use crate::roles::l1;
use crate::runtime;
use crate::settings::Settings;
use crate::units::Units;

/// Both release trees and their staging, measured with 4.1.2 and foundry 1.4.4.
const RELEASE_BYTES: u64 = 3 * GIB;
/// The least space of a live node. It needs far more later, and with less it cannot even download a snapshot.
const LIVE_BYTES: u64 = 100 * GIB;
/// Official recommendation for nodes and sequencers (docs v5.2.0, hardware page).
const RECOMMENDED_BYTES: u64 = 1000 * GIB;
const LOCAL_BYTES: u64 = GIB;
/// A local network with its sequencer was measured at 1.5 GiB.
const LEAST_MEMORY: u64 = 2 * GIB;
const RECOMMENDED_MEMORY: u64 = 8 * GIB;

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
    findings.extend(Finding::of(
        Topic::Systemd,
        service_manager(probe).map(Some),
    ));
    let manager = probe.text(Path::new("/proc/1/status"));
    let sandboxes = manager.map(|text| confined(&text.unwrap_or_default()));
    findings.extend(Finding::of(Topic::Sandbox, sandboxes));
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
    if let Some(wanted) = &settings.monitoring {
        findings.extend(of(
            Topic::Monitoring,
            monitoring::findings(wanted, facts, probe),
        ));
    }
    findings.extend(of(Topic::Port.named("ports"), listeners(settings, probe)));
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
    findings.extend(of(Topic::Firewall, exposure::obstacles(settings, probe)));
    let private = exposure::private(settings, facts, probe);
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
        cpu(settings, facts),
        memory(settings, facts),
    ];
    findings.extend(Finding::of(
        Topic::Disk,
        disk(settings, choice.runtime, probe),
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

fn service_manager(probe: &dyn Probe) -> Result<Finding, Fault> {
    let runs = probe.meta(Path::new("/run/systemd/system"))?.is_some();
    Ok(if runs {
        Finding::new(Topic::Systemd, Verdict::Pass, "systemd manages this host")
    } else {
        Finding::new(
            Topic::Systemd,
            Verdict::Fail,
            "systemd does not manage this host. Use a server or VM, not a plain container.",
        )
    })
}

/// systemd runs a service without the namespaces that it may not create, and does not report it: capabilities(7).
fn confined(status_of_init: &str) -> Option<Finding> {
    const SYS_ADMIN: u32 = 21;
    let line = status_of_init
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))?;
    let bounding = u64::from_str_radix(line.trim(), 16).ok()?;
    (bounding & 1 << SYS_ADMIN == 0).then(|| {
        let text = "systemd lacks CAP_SYS_ADMIN here, so services run without most of their sandbox, and systemd does not report it. Give this container that capability (nesting), or use a server or VM.";
        Finding::new(Topic::Sandbox, Verdict::Warn, text)
    })
}

/// On an older CPU, the node ends with an illegal instruction.
fn cpu(settings: &Settings, facts: &HostFacts) -> Finding {
    let needed = settings.release.facts.cpu.iter();
    let missing: Vec<_> = needed
        .filter(|flag| !facts.cpu_flags.contains(flag))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Finding::new(
            Topic::Cpu,
            Verdict::Pass,
            format!("{} logical CPUs, Skylake or newer", facts.cpus),
        );
    }
    Finding::new(
        Topic::Cpu,
        Verdict::Fail,
        format!(
            "this CPU lacks {}, which the released binaries use. Use a host with Skylake or newer.",
            missing.join(", ")
        ),
    )
}

fn memory(settings: &Settings, facts: &HostFacts) -> Finding {
    let has = gib(facts.memory);
    match facts.memory {
        bytes if bytes < LEAST_MEMORY => Finding::new(
            Topic::Memory,
            Verdict::Fail,
            format!("{has}; a node alone needs {}", gib(LEAST_MEMORY)),
        ),
        bytes if settings.live().is_some() && bytes < RECOMMENDED_MEMORY => Finding::new(
            Topic::Memory,
            Verdict::Warn,
            format!("{has}; {} are recommended", gib(RECOMMENDED_MEMORY)),
        ),
        _ => Finding::new(Topic::Memory, Verdict::Pass, has),
    }
}

fn disk(settings: &Settings, runtime: Runtime, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    // An image has its own place, see `image`.
    let installed =
        runtime == Runtime::Container || probe.link(Path::new(layout::CURRENT))?.is_some();
    // The size of any other chain is not known here.
    let live = settings.has_presets();
    let places = [
        (
            Topic::DiskForReleases,
            Path::new(layout::OPT),
            if installed { 0 } else { RELEASE_BYTES },
            0,
        ),
        (
            Topic::DiskForData,
            settings.data_dir.as_path(),
            if live { LIVE_BYTES } else { LOCAL_BYTES },
            if live { RECOMMENDED_BYTES } else { 0 },
        ),
    ];
    for (check, path, least, recommended) in places {
        let space = probe.space(path)?;
        let (shown, has) = (path.display(), gib(space.free));
        findings.push(if space.read_only {
            Finding::new(
                check,
                Verdict::Fail,
                format!(
                    "{shown} is on a read-only file system. Remount it, or choose another place."
                ),
            )
        } else if space.free < least {
            Finding::new(
                check,
                Verdict::Fail,
                format!(
                    "{shown} has {has} free and needs {}. Free some space, or choose another disk.",
                    gib(least)
                ),
            )
        } else if space.free < recommended {
            Finding::new(
                check,
                Verdict::Warn,
                format!(
                    "{shown} has {has} free; {} are recommended",
                    gib(recommended)
                ),
            )
        } else {
            Finding::new(check, Verdict::Pass, format!("{shown} has {has} free"))
        });
    }
    Ok(findings)
}

/// The units that may hold a port of this one.
fn owners(unit: &str) -> BTreeSet<String> {
    let mut owners = BTreeSet::from([unit.to_owned()]);
    // The units of node and sequencer replace each other, on the same ports.
    let same = Component::all().filter(|component| component.spec().unit == unit);
    let others = same.flat_map(Component::excludes);
    owners.extend(others.map(|other| other.spec().unit.to_owned()));
    if unit == units::L1 {
        // A run that was killed while it created the chain leaves this unit running. The next run stops it.
        owners.insert(l1::BIRTH_UNIT.into());
    }
    owners
}

/// A port passes if nothing listens on it, or the unit that it belongs to.
fn listeners(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let taken = ports::listening(probe)?;
    let mut findings = Vec::new();
    let own = settings.ports().into_iter();
    let mut wanted: Vec<_> = own
        .map(|(port, unit)| (port.key, settings.port(port), Some(port.reach), unit))
        .collect();
    if settings.caddy.is_some() {
        let ports = caddy::PORTS.into_iter();
        wanted.extend(ports.map(|(what, port)| (what, port, None, server::caddy::UNIT.to_owned())));
    }
    for (key, port, reach, unit) in wanted {
        let owners = owners(&unit);
        let check = Topic::Port.of(port);
        if !ports::is_taken(&taken, settings, reach, port) {
            findings.push(Finding::new(
                check,
                Verdict::Pass,
                format!("free for {key}"),
            ));
            continue;
        }
        let units = match probe.units(&owners) {
            Ok(units) => units,
            Err(fault) => {
                findings.push(Finding::unanswered(check, &fault));
                continue;
            }
        };
        let ours = units.iter().find(|(_, state)| state.main_pid != 0);
        findings.push(match ours {
            Some((unit, _)) => Finding::new(check, Verdict::Pass, format!("held by {unit}")),
            None => {
                // Browsers and authorities expect the proxy on its ports, so these cannot be changed.
                let other = match reach {
                    None => String::new(),
                    Some(_) => format!(", or set {key} to another port"),
                };
                let text = format!("another program listens on it. Run `ss -lntup sport = :{port}` to see which. Stop it{other}.");
                Finding::new(check, Verdict::Fail, text)
            }
        });
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;

    /// What is said of a host that is too small for Aztec.
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
    fn every_endpoint_is_asked_before_anything_is_touched() {
        let failed = failures(
            "network = \"testnet\"\nrelease = \"6.0.0\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:2\"]\n\
             consensus_urls = [\"http://127.0.0.1:3\"]\ndebug_urls = [\"http://127.0.0.1:4\"]\n",
        );
        for check in ["L1 127.0.0.1", "L1 consensus 127.0.0.1", "L1 traces"] {
            assert!(failed.iter().any(|failed| failed == check), "{failed:?}");
        }
    }

    #[test]
    fn a_systemd_that_can_confine_nothing_is_told() {
        // Of systemd-nspawn --drop-capability=CAP_SYS_ADMIN, and of a server.
        let lacking = "Name:\tsystemd\nCapEff:\t00000000fddcafff\nCapBnd:\t00000000fddcafff\n";
        assert!(confined(lacking).is_some());
        assert_eq!(
            confined("Name:\tsystemd\nCapBnd:\t000001ffffffffff\n"),
            None
        );
        assert_eq!(confined(""), None);
    }

    /// Whoever has it sees `docker` work, and wonders why Podman is chosen.
    #[test]
    fn the_docker_of_snap_is_said_not_to_be_used() {
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
    fn what_aztec_needs_is_asked_only_where_it_shall_run() {
        let node = failures("network = \"local\"\n");
        assert!(node.contains(&"memory".to_owned()), "{node:?}");
        let guarded = failures("[node]\nenabled = false\n\n[firewall]\nenabled = true\n");
        assert!(guarded.is_empty(), "{guarded:?}");
    }
}
