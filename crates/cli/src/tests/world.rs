//! A host in memory with its journal, its terminal and its network.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use aztec::alert::{Arrival, Delivery};
use aztec::checks::{self, Finding, ReleaseRow, Report, Sample, Topic, Verb};
use aztec::fit::{Fit, Verdict};
use aztec::settings::Settings;
use aztec::{HostFacts, KIT_STATE, Releases, Role, Severity};
use clap::Parser;
use keys::G1Point;
use l1::Address;
use provision::Fault;
use provision::engine::{Access, Paths, SharedJournal};
use provision::host::fake::{Errno, Failing, FakeHost, FakeImage, FakeUnit, SharedHost};
use provision::host::{FileType, Probe};
use zeroize::Zeroizing;

use super::output::{self, Output};
use crate::args::Args;
use crate::console::{Console, Tty};
use crate::context::{Context, User, View};
use crate::exit::Failure;
use crate::network::{Network, Registration};
use crate::printer::Printer;
use crate::progress::ProgressFormat;

/// The path of aztec-kit on the host.
pub const KIT: &str = "/usr/local/bin/aztec-kit";
/// A configuration with a firewall and nothing else.
pub const FIREWALL_ONLY: &str = "[node]\nenabled = false\n\n[firewall]\nenabled = true\n";

/// The release whose image is in the registry.
const RELEASE: &str = "6.0.0";
/// A node with a firewall. Nothing listens at these endpoints.
pub const SETUP: &str = "setup --network testnet --release 6.0.0 --runtime container --p2p-ip 192.0.2.7 \
    --l1-rpc-urls http://127.0.0.1:2 --l1-consensus-urls http://127.0.0.1:3 --with-firewall --patience 0";

/// Lines without colours.
fn plain(text: &str) -> String {
    format!("{}\n", anstream::adapter::strip_str(text))
}

/// The console of a test, with an operator if `answer` is set.
#[derive(Debug, Default)]
struct Desk {
    answer: Option<&'static str>,
    full: bool,
    input: &'static str,
    out: RefCell<String>,
    err: RefCell<String>,
}

impl Console for Desk {
    fn result(&self, text: &str) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.out.borrow_mut().push_str(&plain(text));
        Ok(())
    }
    fn say(&self, text: &str) {
        self.err.borrow_mut().push_str(&plain(text));
    }
    fn ask(&self, question: &str) -> io::Result<String> {
        self.say(question);
        Ok(self.answer.unwrap_or_default().into())
    }
    fn secret(&self, _: &str, limit: usize) -> io::Result<Zeroizing<String>> {
        let most = self.input.len().min(limit + 1);
        Ok(Zeroizing::new(self.input[..most].into()))
    }
    fn is_typed(&self) -> bool {
        false
    }
    fn terminal(&self) -> Option<(Box<dyn Tty>, bool)> {
        None
    }
    fn is_attended(&self) -> bool {
        self.answer.is_some()
    }
    fn is_live(&self) -> bool {
        false
    }
}

/// An L1 that fits the release, and a node that works, unless a test sets something else. A local network must not be
/// asked whether anything fits.
#[derive(Debug, Clone, Copy)]
pub struct Answers {
    pub fits: Verdict,
    pub health: Severity,
    pub connectivity: Severity,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            fits: Verdict::Fits,
            health: Severity::Pass,
            connectivity: Severity::Pass,
        }
    }
}

const SAMPLE: Sample = Sample {
    l1_head: Some(10),
    proposed: Some(5),
    checkpointed: Some(4),
    proven: Some(3),
    finalized: Some(2),
};

impl Network for Answers {
    fn fit(&self, settings: &Settings) -> Option<Fit> {
        assert!(settings.live().is_some(), "a local network is asked");
        settings.has(Role::Node).then(|| Fit {
            verdict: self.fits,
            rollup: None,
            version: Some("1".into()),
            fitting: vec![settings.release.version.clone()],
            because: "it was asked".into(),
            fix: String::new(),
        })
    }
    fn sample(&self, _: &Settings, _: &dyn Probe) -> Result<Sample, Fault> {
        Ok(SAMPLE)
    }
    fn smoke(&self, cx: &checks::Context<'_>, on_sample: &mut dyn FnMut(&Sample)) -> Report {
        on_sample(&SAMPLE);
        Report {
            severity: self.health,
            timestamp: 0,
            findings: self.checks(cx),
        }
    }
    /// The checks of the host, without those that need a network.
    fn checks(&self, cx: &checks::Context<'_>) -> Vec<Finding> {
        let as_set = |topic, severity| vec![Finding::new(topic, severity, "as the test has it")];
        match cx.verb {
            Verb::Smoke => return as_set(Topic::NodeAnswers, self.health),
            Verb::Bootstrap => return as_set(Topic::L1Head, self.connectivity),
            _ => {}
        }
        checks::run_offline(cx)
    }
    fn releases(
        &self,
        known: &Releases,
        _: Option<&Settings>,
        facts: &HostFacts,
        probe: &dyn Probe,
    ) -> Result<Vec<ReleaseRow>, Fault> {
        checks::releases(known, None, facts, probe)
    }
    fn metrics(&self, _: &Settings, _: &dyn Probe) -> Result<String, Fault> {
        Ok("aztec_kit_info 1\n".into())
    }
    fn registration(
        &self,
        _: &[String],
        registry: Address,
        keys: &[G1Point],
    ) -> Result<Registration, Failure> {
        Ok(Registration {
            chain: 1,
            rollup: registry,
            escrow: registry,
            // Any point will do, so the key itself is the digest.
            digests: keys.to_vec(),
        })
    }
    fn alert(&self, _: &Settings) -> Result<Vec<Delivery>, Fault> {
        Ok(vec![Delivery {
            receiver: "telegram-1".into(),
            result: Arrival::Taken,
        }])
    }
}

/// A host with its journal, console and network.
pub struct World {
    pub host: SharedHost,
    pub journal: SharedJournal,
    pub cx: Context,
    /// The directory of the lock, which is a real file.
    pub dir: tempfile::TempDir,
}

impl World {
    pub fn new(host: FakeHost) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (host, journal) = (SharedHost::new(host), SharedJournal::default());
        let (host_mut, records) = (host.clone(), journal.clone());
        let paths = Paths {
            state: KIT_STATE.into(),
            lock: dir.path().join("lock"),
        };
        let access = Access::elsewhere(paths, move || host_mut.clone(), move || records.clone());
        Self {
            cx: context(host.clone(), access),
            host,
            journal,
            dir,
        }
    }

    /// A copy of the host with its journal.
    pub fn again(&self) -> Self {
        let again = Self::new(self.host.lock().clone());
        let journal = self.journal.lock().clone();
        *again.journal.lock() = journal;
        again
    }

    /// Makes one write fail with a full disk, counted from the first write of the host.
    pub fn fails_at(&self, at: usize) {
        let errno = Errno::NoSpace;
        self.host.lock().failing = Some(Failing { at, errno });
    }

    /// Runs a command without a terminal.
    pub fn kit(&self, line: &str) -> Output {
        self.at(Desk::default(), line)
    }

    /// Runs a command on a terminal and gives this answer.
    pub fn asked(&self, line: &str, answer: &'static str) -> Output {
        let desk = Desk {
            answer: Some(answer),
            ..Desk::default()
        };
        self.at(desk, line)
    }

    /// Runs a command whose result cannot be written.
    pub fn full(&self, line: &str) -> Output {
        let desk = Desk {
            full: true,
            ..Desk::default()
        };
        self.at(desk, line)
    }

    /// Runs a command with this standard input.
    pub fn piped(&self, line: &str, input: &'static str) -> Output {
        let desk = Desk {
            input,
            ..Desk::default()
        };
        self.at(desk, line)
    }

    /// Sets the answers of the network.
    pub fn answers(&mut self, answers: Answers) {
        self.cx.view.network = Arc::new(answers);
    }

    fn at(&self, desk: Desk, line: &str) -> Output {
        let words = ["aztec-kit"].into_iter().chain(line.split_whitespace());
        let args = Args::try_parse_from(words).unwrap();
        let desk = Rc::new(desk);
        let console: Rc<dyn Console> = Rc::clone(&desk) as _;
        let printer = Printer::new(args.json(), args.output.progress, console);
        let code = crate::ended(&args, &self.cx, printer);
        let output = Output {
            code,
            out: desk.out.take(),
            err: desk.err.take(),
        };
        if args.json() && !desk.full {
            output::printed(line, &output);
        }
        if args.output.progress == ProgressFormat::Json {
            output::events(&output);
        }
        output
    }

    /// Writes the configuration.
    pub fn configure(&self, kit_toml: &str) {
        let mut host = self.host.lock();
        host.plant("/etc/aztec", FileType::Directory, b"", 0o755);
        host.plant(aztec::CONFIG, FileType::File, kit_toml.as_bytes(), 0o640);
    }

    /// The numbers of writes and of journal records.
    pub fn changes(&self) -> (usize, usize) {
        (self.host.lock().writes, self.journal.lock().events().len())
    }

    /// A host with a node and an unconfirmed firewall.
    pub fn set_up() -> Self {
        let world = Self::new(server());
        world.kit(&format!("{SETUP} --yes")).ends(0, "done:");
        world
    }

    /// Runs something that must change nothing and record nothing.
    pub fn untouched<T>(&self, what: impl FnOnce() -> T) -> T {
        let shape = self.host.lock().shape();
        let (before, invoked) = (self.changes(), self.host.lock().told.len());
        let done = what();
        assert_eq!(self.changes(), before);
        assert_eq!(self.host.lock().told.len(), invoked);
        assert!(self.host.lock().shape() == shape, "files differ");
        done
    }
}

/// The context of a host in memory, for root.
pub fn context(host: SharedHost, access: Access) -> Context {
    Context {
        view: View {
            host: Arc::new(host),
            network: Arc::new(Answers::default()),
            records: access.records(),
            user: User { uid: 0, gid: 0 },
            ssh_client: None,
        },
        access,
        program: || Ok(KIT.into()),
    }
}

/// A small Debian 13 with UFW, Docker and the image of a release.
pub fn server() -> FakeHost {
    let mut host = FakeHost::debian().with_ufw();
    for dir in [
        "/etc/sudoers.d",
        "/proc/1",
        "/proc/net",
        "/proc/sys/net",
        "/proc/sys/net/core",
        "/root",
        "/run",
        "/run/systemd",
        "/run/systemd/system",
        "/usr/bin",
        "/usr/lib",
        "/usr/lib/systemd",
        "/usr/lib/systemd/system",
        "/var/lib/docker",
    ] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    let package = |name: &str, version: &str| {
        format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n")
    };
    let status = ["libc6 2.41-12", "ufw 1", "nftables 1", "docker.io 1"].map(|it| {
        let (name, version) = it.split_once(' ').unwrap();
        package(name, version)
    });
    let cpu = "processor\t: 0\nflags\t\t: fpu avx avx2 adx bmi1 bmi2 fma\n\n";
    for (path, text, mode) in [
        (KIT, "program", 0o755),
        ("/usr/bin/docker", "\u{7f}ELF", 0o755),
        ("/usr/sbin/nft", "", 0o755),
        (
            "/usr/lib/systemd/system/docker.service",
            "[Service]\n",
            0o644,
        ),
        ("/proc/sys/net/core/somaxconn", "4096\n", 0o644),
        (
            "/proc/1/mountinfo",
            "28 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n",
            0o444,
        ),
        (
            "/proc/net/fib_trie",
            "Local:\n |-- 127.0.0.1\n    /32 host LOCAL\n",
            0o444,
        ),
        ("/proc/meminfo", "MemTotal: 16777216 kB\n", 0o444),
        ("/proc/cpuinfo", &cpu.repeat(8), 0o444),
        (
            "/etc/machine-id",
            "0123456789abcdef0123456789abcdef\n",
            0o444,
        ),
        (
            "/etc/os-release",
            "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n",
            0o644,
        ),
        ("/var/lib/dpkg/status", &status.concat(), 0o644),
    ] {
        host.plant(path, FileType::File, text.as_bytes(), mode);
    }
    let running = FakeUnit {
        loaded: Some(b"[Service]\n".to_vec()),
        active: "active".into(),
        ..FakeUnit::default()
    };
    host.units.insert("docker.service".into(), running);
    host.engine.architecture = "amd64".into();
    host.engine.offered = vec![FakeImage {
        repository: "azteclabs/aztec".into(),
        tag: Some(RELEASE.into()),
        digest: Some(format!("sha256:{}", "d".repeat(64))),
        id: format!("sha256:{}", "a".repeat(64)),
    }];
    host.free = 2000 << 30;
    host
}
