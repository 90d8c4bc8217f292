//! Programs that the outer machine needs before a machine can be built and booted.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};

use crate::{say, sh};

/// The target of the release binary.
pub const MUSL_TARGET: &str = "x86_64-unknown-linux-musl";

/// A program, and the Debian package that has it.
const PROGRAMS: [(&str, &str); 8] = [
    ("mmdebstrap", "mmdebstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("musl-gcc", "musl-tools"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
];

/// Programs that virtual machines need too.
const FOR_VIRTUAL: [(&str, &str); 4] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("mke2fs", "e2fsprogs"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
];

/// Installs missing prerequisites of the release binary.
pub fn for_dist() -> Result<()> {
    let missing: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, _)| *program == "musl-gcc")
        .copied()
        .collect();
    install(&missing)?;
    let libdir = sh::quiet(
        "rustc",
        &["--print", "target-libdir", "--target", MUSL_TARGET],
    )?;
    if !std::path::Path::new(libdir.trim()).is_dir() {
        say!("   adding the Rust target {MUSL_TARGET}");
        sh::quiet("rustup", &["target", "add", MUSL_TARGET])?;
    }
    Ok(())
}

/// Installs missing prerequisites of machines. Changes nothing if all are there.
pub fn for_machines() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("machines need root (mounts, namespaces, a network): run this as root");
    }
    install(&PROGRAMS)
}

/// Installs missing prerequisites of libFuzzer, which is C++.
pub fn for_fuzzers() -> Result<()> {
    install(&[("g++", "g++")])
}

/// Installs missing prerequisites of virtual machines. Changes nothing if all are there.
pub fn for_virtual_machines() -> Result<()> {
    for_machines()?;
    install(&FOR_VIRTUAL).context("virtual machines need QEMU and OpenSSH on the outer machine")
}

fn install(programs: &[(&str, &str)]) -> Result<()> {
    // apt-get waits for a lock only while it installs, and not while it updates.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut packages: Vec<&str> = programs
        .iter()
        .filter(|(program, _)| sh::find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    if sh::find("apt-get").is_none() || !rustix::process::geteuid().is_root() {
        bail!("please install the Debian packages: {}", packages.join(" "));
    }
    say!("   installing with apt-get: {}", packages.join(" "));
    // A machine that has just booted may still hold the lock for its own upgrades.
    let apt = [
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=600",
        "-qq",
    ];
    sh::quiet("env", &[&apt[..], &["update"]].concat())?;
    let install = ["install", "--yes", "--no-install-recommends"];
    sh::quiet("env", &[&apt[..], &install, &packages].concat())?;
    Ok(())
}
