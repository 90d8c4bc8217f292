//! The text of the units of Aztec's processes. They differ only in the fields of [`UnitText`].

use std::path::PathBuf;

use provision::kinds::Disk;
use provision::systemd::{Sandbox, Section, UnitFile, Value};

/// The differences between the services.
#[derive(Debug, Clone)]
pub(crate) struct UnitText {
    pub description: Value,
    /// It starts after these units, and starts them.
    pub needs: Vec<String>,
    /// It never runs at the same time as these units.
    pub conflicts: Vec<&'static str>,
    /// The disk of its data.
    pub on: Option<OnDisk>,
    /// It does not start while this directory is empty; may contain specifiers of systemd.
    pub needs_files_in: Option<String>,
    pub environment_files: Vec<PathBuf>,
    pub environment: Vec<(String, Value)>,
    /// Credentials, each with its name and its source; may contain specifiers of systemd.
    pub credentials: Vec<(&'static str, String)>,
    /// Commands that run before each start. If one fails, the service does not start.
    pub checks: Vec<Value>,
    /// Command line. It never contains a secret, because everyone can read it.
    pub exec: Value,
    /// A command that runs after each start. Units that need this one wait for its end.
    pub ready: Option<Value>,
    /// The engine that confines the process instead of the sandbox, for a process in a container.
    pub engine: Option<EngineText>,
    pub working_directory: PathBuf,
    /// The only places that it may write to.
    pub writable: Vec<PathBuf>,
    /// Its clean exit codes.
    pub stopped: Vec<u8>,
    /// Seconds that it may take to close its databases.
    pub stop_seconds: u32,
}

/// The disk with the data of a unit. The unit does not start without it.
#[derive(Debug, Clone)]
pub(crate) struct OnDisk {
    /// The directory that contains the name of the disk, see [`Disk`].
    pub path: PathBuf,
    /// Its mount point, unless it is the disk of the root directory.
    pub mount: Option<PathBuf>,
}

impl OnDisk {
    /// The check that runs as root before each start. It is not an assertion of the unit: systemd evaluates those once,
    /// and a disk that somebody has to unlock may come later.
    fn check(&self) -> Value {
        let mark = Disk::mark(&self.path);
        let mut there = format!("test -e \"{}\"", Value::path(&mark));
        if let Some(mount) = &self.mount {
            // The directory below a mount point may contain an older copy.
            there.push_str(&format!(
                " && mountpoint --quiet \"{}\"",
                Value::path(mount)
            ));
        }
        as_root(format!(
            "{there} && exit; echo \"the disk with the data in {} is not mounted\" >&2; exit 1",
            Value::path(&self.path)
        ))
    }
}

/// A shell script that systemd runs as root, whatever the user of the service is; may contain specifiers of systemd.
pub(crate) fn as_root(script: String) -> Value {
    Value::words(["+/bin/sh".into(), "-c".into(), Value::script(script)])
}

/// The differences of a unit whose process is in a container.
#[derive(Debug, Clone)]
pub(crate) struct EngineText {
    /// The unit of the engine, if it has one.
    pub unit: Option<&'static str>,
    /// The command that removes a container that was left after a crash.
    pub removal: Value,
    /// GiB of memory that the unit may use, if the container is in its control group.
    pub memory: Option<u64>,
}

/// The settings with which the real node did not run in tests. There is no `LimitAS` either, because LMDB maps a sparse
/// TiB. With the other settings, systemd-analyze reports an exposure of 1.1.
const TAKEN_OUT: &[(&str, &str)] = &[
    ("PrivateNetwork", "It has peers."),
    ("IPAddressDeny", "It has peers."),
    ("MemoryDenyWriteExecute", "V8 compiles at run time."),
    (
        "ProcSubset",
        "The node reads /proc/meminfo, and hangs silently without it.",
    ),
];

fn sandbox() -> Sandbox {
    Sandbox::strict().without(TAKEN_OUT).with(
        "RestrictAddressFamilies",
        "AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    )
}

impl UnitText {
    /// A unit with a description, a working directory and a command, and nothing else.
    pub fn new(description: Value, working_directory: PathBuf, exec: Value) -> Self {
        Self {
            description,
            needs: Vec::new(),
            conflicts: Vec::new(),
            on: None,
            needs_files_in: None,
            environment_files: Vec::new(),
            environment: Vec::new(),
            credentials: Vec::new(),
            checks: Vec::new(),
            exec,
            ready: None,
            engine: None,
            working_directory,
            writable: Vec::new(),
            stopped: Vec::new(),
            stop_seconds: 0,
        }
    }

    /// The whole unit file.
    pub fn render(&self, user: &'static str) -> String {
        UnitFile::ours()
            .section(self.unit())
            .section(self.service(user))
            .at_boot()
            .to_string()
    }

    fn unit(&self) -> Section {
        let engine = self.engine.as_ref().and_then(|engine| engine.unit);
        let needs = || self.needs.iter().map(Value::word);
        let conflicts = || self.conflicts.iter().map(|unit| Value::from(*unit));
        let after = std::iter::once(Value::from("network-online.target"))
            .chain(needs())
            .chain(engine.map(Value::from));
        let section = Section::unit()
            .set("Description", self.description.clone())
            .set("Documentation", "https://docs.aztec.network")
            .set("Wants", "network-online.target")
            .list("After", after)
            .list("Requires", needs())
            // Not `Requires`: an operator who restarts the engine expects its containers to run again.
            .each("Wants", engine)
            .list("Conflicts", conflicts())
            .list("After", conflicts());
        let disk = self.on.iter().map(|on| Value::word(on.path.display()));
        section
            .each("RequiresMountsFor", disk)
            .each(
                "AssertDirectoryNotEmpty",
                self.needs_files_in.iter().map(Value::raw),
            )
            // A node that cannot reach its L1 must try again without a limit, and not stay down after five attempts.
            .set("StartLimitIntervalSec", "0")
    }

    fn service(&self, user: &'static str) -> Section {
        let mut section = Section::service()
            .set("Type", "exec")
            .set("User", user)
            .set("Group", user)
            .set("WorkingDirectory", Value::path(&self.working_directory));
        for (name, value) in &self.environment {
            section = section.environment(name, value);
        }
        for file in &self.environment_files {
            section = section.set("EnvironmentFile", Value::raw(file.display()));
        }
        for (name, source) in &self.credentials {
            section = section.credential(name, source);
        }
        let disk = self.on.iter().map(OnDisk::check);
        section = section.each("ExecStartPre", disk.chain(self.checks.clone()));
        section = match &self.engine {
            Some(engine) => engine.runs(section, &self.exec),
            None => section.set("ExecStart", self.exec.clone()),
        };
        let section = section
            .each("ExecStartPost", self.ready.clone())
            .restarts(5)
            .set(
                "SuccessExitStatus",
                Value::words(self.stopped.iter().map(|code| Value::from(*code))),
            )
            .set("TimeoutStopSec", self.stop_seconds);
        let writable = self.writable.iter().map(|path| Value::word(path.display()));
        match &self.engine {
            Some(engine) => engine.confines(section),
            None => section
                .set("ReadWritePaths", Value::words(writable))
                .confined(sandbox())
                .set("LimitCORE", "0")
                .set("LimitNOFILE", "1048576"),
        }
    }
}

/// `+` means as root. Only the client of the engine runs as root, and not the container that it starts.
impl EngineText {
    fn runs(&self, section: Section, exec: &Value) -> Section {
        let removal = self.removal.marked("-+");
        section
            .set("ExecStartPre", removal.clone())
            .set("ExecStart", exec.marked("+"))
            .set("ExecStopPost", removal)
            // The client passes the signal on once. Processes that remain are killed.
            .set("KillMode", "mixed")
    }

    fn confines(&self, section: Section) -> Section {
        let memory = self.memory.map(|gib| Value::raw(format!("{gib}G")));
        section.each("MemoryMax", memory).set("LimitCORE", "0")
    }
}
