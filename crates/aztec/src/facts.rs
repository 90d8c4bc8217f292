//! The facts about a host that Aztec's resources depend on.

use std::path::Path;

use provision::Fault;
use provision::host::{Engine, Probe};
use provision::tools::mounts::Mount;
use provision::tools::{dpkg, os_release, routes};

use crate::layout;

/// Facts of a host that the desired state depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Its mounts, in the order in which they were mounted.
    pub mounts: Vec<Mount>,
    /// Its machine id, see machine-id(5), if it has one.
    pub machine_id: Option<String>,
    /// Id of the operating system: `debian`, `ubuntu`, …
    pub os: String,
    /// Name of the operating system, for people.
    pub os_name: String,
    /// Architecture: `x86_64`, `aarch64`.
    pub arch: String,
    /// Version of the C library.
    pub glibc: Option<(u32, u32)>,
    /// CPU feature flags as Linux names them.
    pub cpu_flags: Vec<String>,
    /// Logical CPUs.
    pub cpus: usize,
    /// Memory in bytes.
    pub memory: u64,
    /// Whether an SSH server is installed.
    pub sshd: bool,
    /// Whether this is a container, whose clock and kernel belong to another host.
    pub container: bool,
    /// The reason why answers may leave through another interface than requests came in through; `None` on a host with one
    /// route.
    pub asymmetric: Option<String>,
    /// The container engine: the one that runs the containers of aztec-kit, otherwise the installed one.
    pub engine: Option<Engine>,
    /// Whether the program called docker is Docker itself, with its daemon on this host.
    pub docker: bool,
}

#[cfg(test)]
impl HostFacts {
    /// A small Debian that every release runs on, for tests.
    pub(crate) fn debian() -> Self {
        Self {
            mounts: Vec::new(),
            machine_id: Some("0123456789abcdef0123456789abcdef".into()),
            os: "debian".into(),
            os_name: "Debian GNU/Linux 13 (trixie)".into(),
            arch: "x86_64".into(),
            glibc: Some((2, 41)),
            cpu_flags: Vec::new(),
            cpus: 2,
            memory: 8 << 30,
            sshd: false,
            container: false,
            asymmetric: None,
            engine: None,
            docker: false,
        }
    }
}

impl HostFacts {
    /// Reads the facts; changes nothing.
    pub fn gather(probe: &dyn Probe) -> Result<Self, Fault> {
        let text = |path: &str| probe.text(Path::new(path)).map(Option::unwrap_or_default);
        let os = os_release::parse(&text("/etc/os-release")?);
        let packages = ["libc6", "openssh-server"].map(String::from);
        let mut packages = dpkg::installed(&text("/var/lib/dpkg/status")?, &packages).into_iter();
        let (libc, sshd) = (packages.next().flatten(), packages.next().flatten());
        let cpuinfo = text("/proc/cpuinfo")?;
        Ok(Self {
            mounts: provision::kinds::mounted(probe),
            machine_id: machine_id(probe)?,
            os: os.id,
            os_name: os.pretty_name,
            arch: std::env::consts::ARCH.into(),
            glibc: libc.as_deref().and_then(version),
            cpu_flags: cpu_flags(&cpuinfo),
            cpus: cpuinfo
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count(),
            memory: memory(&text("/proc/meminfo")?),
            sshd: sshd.is_some(),
            // systemd writes this file when it boots in a container: the container interface of systemd.io.
            container: probe.meta(Path::new("/run/systemd/container"))?.is_some(),
            asymmetric: asymmetric(probe)?,
            engine: engine(&text(layout::CONTAINER)?, probe)?,
            docker: docker(false, probe)?,
        })
    }
}

/// The machine id of a host, see machine-id(5): 32 hexadecimal digits.
pub(crate) fn machine_id(probe: &dyn Probe) -> Result<Option<String>, Fault> {
    let text = probe.text(Path::new("/etc/machine-id"))?;
    let id = text.unwrap_or_default().trim().to_owned();
    let valid = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(valid.then_some(id))
}

/// See [`HostFacts::asymmetric`].
fn asymmetric(probe: &dyn Probe) -> Result<Option<String>, Fault> {
    let text = |path: &str| probe.text(Path::new(path)).map(Option::unwrap_or_default);
    let wireguard = probe.list(Path::new("/etc/wireguard"))?;
    Ok(routes::asymmetry(
        &text("/proc/net/fib_triestat")?,
        &routes::parse(&text("/proc/net/route")?),
        &text("/proc/net/dev")?,
        &wireguard.unwrap_or_default(),
    ))
}

/// The recorded engine, or an installed one. An engine that an operator installs later does not replace the recorded one.
fn engine(record: &str, probe: &dyn Probe) -> Result<Option<Engine>, Fault> {
    let mut engines = [Engine::Docker, Engine::Podman];
    let recorded =
        |engine: &Engine| record.contains(&format!("CONTAINER_ENGINE={}\n", engine.name()));
    engines.sort_by_key(|engine| !recorded(engine));
    let mut there = Vec::new();
    for engine in engines {
        if probe.meta(Path::new(engine.program()))?.is_some() {
            there.push(engine);
        }
    }
    // Docker's client without its daemon, or Podman under its name (podman-docker), runs nothing. If Docker runs containers
    // of aztec-kit, its daemon exists, wherever its unit is.
    let first = there.first() == Some(&Engine::Docker);
    let known = recorded(&Engine::Docker);
    if first && there.contains(&Engine::Podman) && !docker(known, probe)? {
        return Ok(Some(Engine::Podman));
    }
    Ok(there.first().copied())
}

/// The directories in which packages and operators put units.
const UNITS: [&str; 3] = [
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/etc/systemd/system",
];
/// The greatest size of a script, bytes. The client of Docker has tens of megabytes.
const SCRIPT: u64 = 64 << 10;

/// Whether the program called docker is Docker itself, with its daemon on this host. `known` tells whether Docker already
/// runs containers of aztec-kit.
fn docker(known: bool, probe: &dyn Probe) -> Result<bool, Fault> {
    let program = Path::new(Engine::Docker.program());
    if let Some(target) = probe.link(program)? {
        let name = target.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b"podman") {
            return Ok(false);
        }
    } else if let Some(meta) = probe.meta(program)?
        && meta.size < SCRIPT
        && probe
            .text(program)?
            .is_some_and(|text| text.starts_with("#!") && text.contains("podman"))
    {
        return Ok(false);
    }
    if known {
        return Ok(true);
    }
    for (place, unit) in UNITS
        .iter()
        .flat_map(|place| ["docker.service", "docker.socket"].map(|unit| (place, unit)))
    {
        if probe.meta(&Path::new(place).join(unit))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Major and minor of a Debian version such as `2.41-12+deb13u1`.
pub(crate) fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

pub(crate) fn cpu_flags(cpuinfo: &str) -> Vec<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("flags") || line.starts_with("Features"));
    let flags = line
        .and_then(|line| line.split_once(':'))
        .map(|(_, flags)| flags);
    flags
        .unwrap_or_default()
        .split_whitespace()
        .map(String::from)
        .collect()
}

pub(crate) fn memory(meminfo: &str) -> u64 {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: Option<u64> = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;

    /// A path, with its file type and its content.
    type Planted = (&'static str, FileType, &'static str);

    /// The engine of a host with these files.
    fn found(record: &str, files: &[Planted]) -> Option<Engine> {
        let mut host = FakeHost::debian();
        for place in UNITS {
            host.plant(place, FileType::Directory, b"", 0o755);
        }
        for (path, file_type, text) in files {
            host.plant(path, *file_type, text.as_bytes(), 0o755);
        }
        engine(record, &host).unwrap()
    }

    #[test]
    fn a_program_called_docker_may_be_podman() {
        let file = |path, text| (path, FileType::File, text);
        let podman = file("/usr/bin/podman", "\x7fELF");
        let docker = file("/usr/bin/docker", "\x7fELF");
        let unit = file("/usr/lib/systemd/system/docker.service", "[Unit]\n");
        let script = file(
            "/usr/bin/docker",
            "#!/bin/sh\nexec /usr/bin/podman \"$@\"\n",
        );
        let link = ("/usr/bin/docker", FileType::Symlink, "podman");
        let (own, others) = ("CONTAINER_ENGINE=docker\n", "CONTAINER_ENGINE=podman\n");
        let cases: &[(&str, &[Planted], Option<Engine>)] = &[
            ("", &[], None),
            ("", &[podman], Some(Engine::Podman)),
            ("", &[docker, unit], Some(Engine::Docker)),
            ("", &[docker, unit, podman], Some(Engine::Docker)),
            (others, &[docker, unit, podman], Some(Engine::Podman)),
            // With the client alone, another check reports that its daemon does not run.
            ("", &[docker], Some(Engine::Docker)),
            ("", &[docker, podman], Some(Engine::Podman)),
            ("", &[script, podman], Some(Engine::Podman)),
            ("", &[link, podman], Some(Engine::Podman)),
            (own, &[link, podman], Some(Engine::Podman)),
            (own, &[docker, unit, podman], Some(Engine::Docker)),
            (own, &[docker, podman], Some(Engine::Docker)),
        ];
        for (record, files, expected) in cases {
            assert_eq!(found(record, files), *expected, "{record} {files:?}");
        }
    }

    #[test]
    fn reads_versions_of_both_distributions() {
        assert_eq!(version("2.41-12+deb13u1"), Some((2, 41)));
        assert_eq!(version("2.39-0ubuntu8.6"), Some((2, 39)));
        assert_eq!(version("none"), None);
    }

    #[test]
    fn reads_proc_files() {
        assert_eq!(
            cpu_flags("processor\t: 0\nflags\t\t: fpu avx2 adx\n"),
            ["fpu", "avx2", "adx"]
        );
        assert_eq!(
            memory("MemTotal:       16384 kB\nMemFree: 1 kB\n"),
            16_777_216
        );
        assert_eq!(memory("MemTotal: 18446744073709551615 kB\n"), u64::MAX);
    }
}
