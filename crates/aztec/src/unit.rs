//! The units of Aztec's processes: the same for every one, but for what [`UnitText`] has.

use std::path::PathBuf;

use provision::kinds::Disk;
use provision::systemd::{Sandbox, Section, UnitFile, Value};

/// What differs between our services.
#[derive(Debug, Clone)]
pub(crate) struct UnitText {
    pub description: Value,
    /// Started after, and with, these units.
    pub needs: Vec<String>,
    /// Never runs beside these.
    pub conflicts: Vec<&'static str>,
    /// Where its data is.
    pub on: Option<OnDisk>,
    /// Never starts unless something is in this directory; specifiers are systemd's.
    pub needs_files_in: Option<String>,
    pub environment_files: Vec<PathBuf>,
    pub environment: Vec<(String, Value)>,
    /// systemd credentials: name and source; specifiers are systemd's.
    pub credentials: Vec<(&'static str, String)>,
    /// Run before each start; a failure is one to start.
    pub checks: Vec<Value>,
    /// Command line; never carries a secret, since everyone can read it.
    pub exec: Value,
    /// Run after each start: what needs this unit waits for its end.
    pub ready: Option<Value>,
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
    fn check(&self) -> Value {
        let mark = Disk::mark(&self.path);
        let mut there = format!("test -e \"{}\"", Value::path(&mark));
        if let Some(mount) = &self.mount {
            // Below a mount point there may be an older copy.
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

/// A shell script that systemd runs as root, whoever the service runs as; specifiers are systemd's.
pub(crate) fn as_root(script: String) -> Value {
    Value::words(["+/bin/sh".into(), "-c".into(), Value::script(script)])
}

/// What differs for a unit whose process is in a container.
#[derive(Debug, Clone)]
pub(crate) struct EngineText {
    /// The unit of the engine, when it has one.
    pub unit: Option<&'static str>,
    /// Removes a container that a crash has left behind.
    pub removal: Value,
    /// GiB of memory that the unit may have, when the container is in it.
    pub memory: Option<u64>,
}

/// What the real node was found not to run with, and what its unit says otherwise. No `LimitAS` either: LMDB maps a sparse
/// TiB. The rest makes exposure 1.1 of systemd-analyze.
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
    /// One that says nothing yet but what it is, where it is and what it runs.
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
            // Not `Requires`: whoever stops the engine and starts it again wants its containers back.
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
            // A node that cannot reach its L1 must go on trying, not stay down after five attempts.
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

/// `+` is as root: only the client of the engine is, and what it starts is not.
impl EngineText {
    fn runs(&self, section: Section, exec: &Value) -> Section {
        let removal = self.removal.marked("-+");
        section
            .set("ExecStartPre", removal.clone())
            .set("ExecStart", exec.marked("+"))
            .set("ExecStopPost", removal)
            // The client hands the signal on, once; what is left is killed.
            .set("KillMode", "mixed")
    }

    fn confines(&self, section: Section) -> Section {
        let memory = self.memory.map(|gib| Value::raw(format!("{gib}G")));
        section.each("MemoryMax", memory).set("LimitCORE", "0")
    }
}
