//! From settings and host facts to the desired state of a host; pure.

use provision::Fault;
use provision::engine::Graph;
use provision::kinds::{File, Owner};

use crate::data;
use crate::facts::HostFacts;
use crate::features;
use crate::kinds::Kind;
use crate::roles;
use crate::runtime::{self, Runtime};
use crate::settings::{self, Settings};

/// The configuration of a host: the text that its settings were parsed from, and what it may take the place of.
#[derive(Debug, Clone, Copy)]
pub struct KitToml<'a> {
    text: &'a str,
    instead_of: Option<&'a str>,
}

impl<'a> KitToml<'a> {
    /// What the file says: an apply never writes anything else into it.
    pub fn as_read(text: &'a str) -> Self {
        Self::edited(text, Some(text))
    }

    /// What it shall say, when it still says what was read.
    pub fn edited(text: &'a str, read: Option<&'a str>) -> Self {
        // Where there was no file, one that says nothing is no loss.
        let instead_of = Some(read.unwrap_or_default());
        Self { text, instead_of }
    }

    pub(crate) fn file(&self, settings: &Settings) -> File {
        let text = settings::shown(self.text, &settings.release);
        let file = File::new(crate::CONFIG, text, Owner::root(0o600));
        match self.instead_of {
            Some(read) => file.instead_of(read),
            None => file,
        }
    }
}

impl<'a> From<&'a str> for KitToml<'a> {
    /// What the file shall say, whatever it says now: for a host of which nothing was read.
    fn from(text: &'a str) -> Self {
        Self {
            text,
            instead_of: None,
        }
    }
}

/// The resources of a host.
///
/// # Errors
///
/// When this host cannot run what is wanted; the fault names the alternative.
pub fn desired<'a>(
    settings: &Settings,
    facts: &HostFacts,
    kit_toml: impl Into<KitToml<'a>>,
) -> Result<Graph<Kind>, Fault> {
    refusal(settings, facts)?;
    let mut graph = Graph::default();
    let base = roles::base::add(&mut graph, settings, facts, kit_toml.into());
    // Everything that services read comes first, the services last: systemd then reads all units at once.
    let local = settings
        .runs_l1()
        .then(|| roles::l1::prepare(&mut graph, settings, &base));
    let admin = roles::node::admin_key(&mut graph, settings, &base);
    let node = settings
        .node
        .then(|| roles::node::prepare(&mut graph, settings, &base, admin.as_ref()));
    let prover = roles::prover::prepare(&mut graph, settings, facts, &base, admin.as_ref());
    let extra = roles::extra::prepare(&mut graph, settings, &base);
    roles::l1_beacon::add(&mut graph, settings);
    let contracts = local.map(|l1| {
        let mut born = roles::l1::Born::default();
        if let Some(node) = &node {
            node.born(settings, &mut born);
        }
        prover.born(settings, &mut born);
        roles::l1::run(&mut graph, settings, &base, l1, born)
    });
    let contracts = contracts.as_ref();
    let nodes = node.map(|node| roles::node::run(&mut graph, settings, node, contracts));
    roles::prover::run(&mut graph, settings, prover, contracts);
    roles::extra::run(&mut graph, extra, contracts, &nodes.unwrap_or_default());
    features::add(&mut graph, settings, facts, &base);
    Ok(graph)
}

/// Refuses what cannot work before anything is touched.
pub(crate) fn refusal(settings: &Settings, facts: &HostFacts) -> Result<(), Fault> {
    if !matches!(facts.os.as_str(), "debian" | "ubuntu") {
        return Err(Fault::new(format!("{} is not supported", facts.os_name))
            .fix("Use Debian 12 or later, or Ubuntu 22.04 or later."));
    }
    if facts.arch != "x86_64" {
        return Err(Fault::new(format!(
            "this program is for x86_64, this host is {}",
            facts.arch
        ))
        .fix("Use an x86_64 host."));
    }
    if !settings.has_role() {
        return Ok(());
    }
    settings.check_agents(roles::prover::agents(settings, facts).0)?;
    let runtime = runtime::choose(settings, facts).runtime;
    let (major, minor) = data::foundry().glibc;
    if settings.runs_l1() && facts.glibc.is_none_or(|glibc| glibc < (major, minor)) {
        return Err(Fault::new(format!(
            "the L1 of a local network (anvil) needs glibc {major}.{minor}, and this host ({}) has less",
            facts.os_name
        ))
        .fix("Use Debian 12 or later, or Ubuntu 22.04 or later."));
    }
    match runtime::native_fault(settings, facts) {
        Some((why, true)) if runtime == Runtime::Native => Err(Fault::new(why)
            .fix("Take `runtime = \"native\"` out: the official image brings what it needs.")),
        _ => Ok(()),
    }
}
