//! A host with files of an operator, and everything that a run leaves on it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use aztec::kinds::Kind;
use provision::Fault;
use provision::engine::{
    Action, Applied, Apply, Consent, FileJournal, Graph, Journal, Plan, Progress, Receipt,
    Resource, ResourceId,
};
use provision::host::fake::FakeHost;
use provision::host::{Clock, FileType, Meta, Output, Probe, Query, RandomReads, Space};
use provision::kills::State;

use crate::common::{debian, in_memory};
use crate::planter::{Planter, refusal};

/// All messages of a run.
#[derive(Default)]
struct Messages(String);

impl Progress for Messages {
    fn begin(&mut self, id: &ResourceId, action: Action) {
        let _ = writeln!(self.0, "{id} {action:?}");
    }
    fn note(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}");
    }
    fn end(&mut self, applied: &Applied) {
        let _ = writeln!(self.0, "{applied:?}");
    }
}

/// A host that remembers the questions that it was asked.
struct Heard<'a> {
    host: &'a FakeHost,
    questions: Mutex<String>,
}

impl Probe for Heard<'_> {
    fn read_up_to(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.host.read_up_to(path, limit)
    }
    fn meta(&self, path: &Path) -> Result<Option<Meta>, Fault> {
        self.host.meta(path)
    }
    fn list(&self, path: &Path) -> Result<Option<Vec<String>>, Fault> {
        self.host.list(path)
    }
    fn link(&self, path: &Path) -> Result<Option<PathBuf>, Fault> {
        self.host.link(path)
    }
    fn writable(&self, path: &Path) -> bool {
        self.host.writable(path)
    }
    fn space(&self, path: &Path) -> Result<Space, Fault> {
        self.host.space(path)
    }
    fn random_reads(&self, dir: &Path) -> Result<Option<RandomReads>, Fault> {
        self.host.random_reads(dir)
    }
    fn ask(&self, query: &Query) -> Result<Output, Fault> {
        let _ = writeln!(self.questions.lock().unwrap(), "{:?}", query.argv());
        self.host.ask(query)
    }
    fn clock(&self) -> Clock {
        self.host.clock()
    }
}

/// Kinds whose programs the host in memory does not have.
const ELSEWHERE: &[&str] = &["signers[", "image[", "service[prometheus", "packages["];

/// Kinds that write whole files.
const FILES: &[&str] = &[
    "file[",
    "unit[",
    "drop_in[",
    "digest[",
    "sysctl[",
    "nft_table[",
];

pub fn runnable(kit_toml: &str) -> Graph<Kind> {
    let mut graph = Graph::default();
    let complete = in_memory(kit_toml);
    let gone = |id: &ResourceId| {
        ELSEWHERE
            .iter()
            .any(|kind| id.to_string().starts_with(kind))
    };
    for node in complete.ordered().unwrap() {
        if !gone(&node.resource.id()) {
            let after = node.after.iter().filter(|id| !gone(id)).cloned();
            graph.add(node.resource.clone(), after);
        }
    }
    graph
}

/// Plants a file with secrets at the path of every file of aztec-kit.
pub fn lived_in(planter: &mut Planter, graph: &Graph<Kind>) -> FakeHost {
    let mut host = debian();
    for dir in ["/root", "/etc/caddy", "/etc/aztec"] {
        host.plant(dir, FileType::Directory, b"", 0o755);
    }
    for program in ["/usr/bin/promtool", "/usr/bin/amtool"] {
        host.plant(program, FileType::File, b"", 0o755);
    }
    let caddy = format!("basic_auth {}\n", planter.secret("the Caddyfile"));
    host.plant(
        "/etc/caddy/Caddyfile",
        FileType::File,
        caddy.as_bytes(),
        0o640,
    );
    for node in graph.nodes() {
        let id = node.resource.id().to_string();
        if !FILES.iter().any(|kind| id.starts_with(kind)) {
            continue;
        }
        let files = node.resource.files();
        let Some(path) = files.first() else { continue };
        for dir in path.ancestors().skip(1).collect::<Vec<_>>().iter().rev() {
            if !host.tree.contains_key(*dir) {
                host.plant(&dir.display().to_string(), FileType::Directory, b"", 0o755);
            }
        }
        let mut secret = || planter.secret(&id);
        let text = format!(
            "# {}\n[Service]\nEnvironment=KEY={} \"OTHER={}\"\nExecStart=/bin/x --key {} --url https://u:{}@h/{}\nKEY={}\n{}\u{ff}",
            secret(),
            secret(),
            secret(),
            secret(),
            secret(),
            secret(),
            secret(),
            secret(),
        );
        host.plant(
            &path.display().to_string(),
            FileType::File,
            text.as_bytes(),
            0o644,
        );
    }
    // Its systemd has read its units.
    State::new(host).host
}

/// Observes and changes a host, and searches everything that this leaves.
pub struct Run<'a> {
    pub planter: &'a Planter,
    pub host: &'a mut FakeHost,
    pub dir: &'a Path,
}

impl Run<'_> {
    fn receipt(&self) -> Receipt {
        FileJournal::new(self.dir).receipt().unwrap()
    }

    pub fn plan(&self, graph: &Graph<Kind>) -> Plan {
        let heard = Heard {
            host: self.host,
            questions: Mutex::default(),
        };
        let plan = Plan::make(graph, &self.receipt(), &heard).unwrap();
        self.planter
            .search("a question", &heard.questions.lock().unwrap());
        self.planter.search("a plan", &format!("{plan:#?}"));
        self.planter.search(
            "the document of a plan",
            &serde_json::to_string_pretty(&plan).unwrap(),
        );
        plan
    }

    /// Whether the run succeeded.
    pub fn apply(&mut self, graph: &Graph<Kind>) -> bool {
        let mut messages = Messages::default();
        let ended = Apply {
            host_mut: &mut *self.host,
            journal: &mut FileJournal::new(self.dir),
            consent: Consent::Configuration(None),
            cancel: &AtomicBool::new(false),
            progress: &mut messages,
        }
        .run(graph);
        self.planter.search("what a run says", &messages.0);
        self.planter
            .search("how a run ended", &format!("{ended:?}"));
        let died = match &ended {
            Ok(_) => None,
            Err(stop) => {
                let why = refusal(&stop.fault);
                self.planter.search("an error", &why);
                Some(why)
            }
        };
        let journal = std::fs::read_to_string(self.dir.join("journal.jsonl")).unwrap();
        self.planter.search("the journal", &journal);
        let receipt = serde_json::to_string(&self.receipt()).unwrap();
        self.planter.search("the receipt", &receipt);
        self.planter
            .search("a command line", &format!("{:?}", self.host.told));
        assert!(
            died.as_ref().is_none_or(|why| why.contains("died here")),
            "{died:?}"
        );
        died.is_none()
    }

    /// Searches the files that other accounts can read, below directories that they can enter.
    pub fn others(&self) {
        for (path, node) in &self.host.tree {
            let enters = |dir: &Path| {
                let dir = self.host.tree.get(dir);
                dir.is_none_or(|dir| dir.mode & 0o001 != 0)
            };
            let open = path.ancestors().skip(1).all(enters);
            if node.file_type == FileType::File && open && node.mode & 0o004 != 0 {
                let text = String::from_utf8_lossy(&node.bytes);
                self.planter.search(
                    &format!("{}, which others can read,", path.display()),
                    &text,
                );
            }
        }
    }
}
