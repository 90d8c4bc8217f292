//! Unit files: the same sandbox for every service, one line of why for each setting.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use provision::kinds::Disk;
use server::sandbox::{CALLS, KERNEL};

/// What differs between our services.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnitText {
    pub description: String,
    /// Started after, and with, these units.
    pub needs: Vec<String>,
    /// Never runs beside these.
    pub conflicts: Vec<String>,
    /// Where its data is.
    pub on: Option<OnDisk>,
    /// Never starts unless something is in this directory; specifiers are systemd's.
    pub needs_files_in: Option<String>,
    pub environment_files: Vec<PathBuf>,
    pub environment: Vec<(String, String)>,
    /// systemd credentials: name and source.
    pub credentials: Vec<(String, String)>,
    /// Run before each start; a failure is one to start.
    pub checks: Vec<String>,
    /// Command line; never carries a secret, since everyone can read it.
    pub exec: String,
    /// Run after each start: what needs this unit waits for its end.
    pub ready: Option<String>,
    /// When an engine confines the process: how, in place of our sandbox.
    pub engine: Option<EngineText>,
    pub working_directory: PathBuf,
    /// The only places it may write to.
    pub writable: Vec<PathBuf>,
    /// Exit codes that mean: it was asked to stop, and did.
    pub stopped: Vec<u8>,
    /// Seconds it may take to close its databases.
    pub stop_seconds: u32,
}

/// The disk that a unit has its data on: without it the unit does not start.
#[derive(Debug, Clone)]
pub(crate) struct OnDisk {
    /// A directory with the name of the disk in it, see [`Disk`].
    pub path: PathBuf,
    /// Where it is mounted, unless it is the root directory's own.
    pub mount: Option<PathBuf>,
}

impl OnDisk {
    /// What is asked, as root, before each start. Not an assertion of the unit: systemd tries those once, and a disk that
    /// somebody has to unlock comes when it comes.
    fn check(&self) -> String {
        let mark = Disk::mark(&self.path);
        let mut there = format!("test -e \"{}\"", shown(&mark));
        if let Some(mount) = &self.mount {
            // Below a mount point there may be an older copy.
            there.push_str(&format!(" && mountpoint --quiet \"{}\"", shown(mount)));
        }
        format!(
            "+/bin/sh -c '{there} && exit; echo \"the disk with the data in {} is not mounted\" >&2; exit 1'",
            shown(&self.path)
        )
    }
}

/// What differs for a unit whose process is in a container.
#[derive(Debug, Clone)]
pub(crate) struct EngineText {
    /// The unit of the engine, when it has one.
    pub unit: Option<&'static str>,
    /// Removes a container that a crash has left behind.
    pub removal: String,
    /// GiB of memory that the unit may have, when the container is in it.
    pub memory: Option<u64>,
}

/// The settings that the real node was found to run with: exposure 1.1 of systemd-analyze.
///
/// Left out on purpose: `MemoryDenyWriteExecute` (V8 compiles at run time) and `ProcSubset=pid` (the node
/// reads /proc/meminfo and hangs silently without it). No `LimitAS`: LMDB maps a sparse TiB.
fn sandbox() -> String {
    format!(
        "\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
{KERNEL}ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
CapabilityBoundingSet=
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
{CALLS}UMask=0077
LimitCORE=0
LimitNOFILE=1048576
"
    )
}

impl UnitText {
    /// The whole unit file.
    pub fn render(&self, user: &str) -> String {
        let mut text = String::from(
            "# Written by aztec-kit; changes here are undone by its next run. Use a drop-in.\n[Unit]\n",
        );
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}={value}");
        };
        line("Description", &self.description);
        line("Documentation", "https://docs.aztec.network");
        line("Wants", "network-online.target");
        let engine = self.engine.as_ref();
        let engine_unit = engine.and_then(|engine| engine.unit).map(String::from);
        let mut after = vec!["network-online.target".to_owned()];
        after.extend(self.needs.iter().cloned());
        after.extend(engine_unit.iter().cloned());
        line("After", &after.join(" "));
        if !self.needs.is_empty() {
            line("Requires", &self.needs.join(" "));
        }
        if let Some(unit) = &engine_unit {
            // Not `Requires`: whoever stops the engine and starts it again wants its containers back.
            line("Wants", unit);
        }
        if !self.conflicts.is_empty() {
            line("Conflicts", &self.conflicts.join(" "));
            line("After", &self.conflicts.join(" "));
        }
        if let Some(OnDisk { path, .. }) = &self.on {
            line("RequiresMountsFor", &shown(path));
        }
        if let Some(dir) = &self.needs_files_in {
            line("AssertDirectoryNotEmpty", dir);
        }
        // A node that cannot reach its L1 must go on trying, not stay down after five attempts.
        line("StartLimitIntervalSec", "0");
        text.push_str("\n[Service]\nType=exec\n");
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}={value}");
        };
        line("User", user);
        line("Group", user);
        line("WorkingDirectory", &shown(&self.working_directory));
        for (name, value) in &self.environment {
            line("Environment", &format!("{name}={value}"));
        }
        for file in &self.environment_files {
            line("EnvironmentFile", &shown(file));
        }
        for (name, source) in &self.credentials {
            line("LoadCredential", &format!("{name}:{source}"));
        }
        for check in self.on.iter().map(OnDisk::check).chain(self.checks.clone()) {
            line("ExecStartPre", &check);
        }
        // `+` is as root: only the client of the engine is, and what it starts is not.
        if let Some(engine) = engine {
            line("ExecStartPre", &format!("-+{}", engine.removal));
            line("ExecStart", &format!("+{}", self.exec));
            line("ExecStopPost", &format!("-+{}", engine.removal));
            // The client hands the signal on, once; what is left is killed.
            line("KillMode", "mixed");
        } else {
            line("ExecStart", &self.exec);
        }
        if let Some(ready) = &self.ready {
            line("ExecStartPost", ready);
        }
        line("Restart", "always");
        line("RestartSec", "5");
        let stopped: Vec<_> = self.stopped.iter().map(u8::to_string).collect();
        line("SuccessExitStatus", &stopped.join(" "));
        line("TimeoutStopSec", &self.stop_seconds.to_string());
        if let Some(engine) = engine {
            if let Some(memory) = engine.memory {
                line("MemoryMax", &format!("{memory}G"));
            }
            line("LimitCORE", "0");
        } else {
            let writable: Vec<_> = self.writable.iter().map(|path| shown(path)).collect();
            line("ReadWritePaths", &writable.join(" "));
            text.push_str(&sandbox());
        }
        text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
        text
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
