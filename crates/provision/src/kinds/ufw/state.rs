//! The state of UFW, read from its own files.

use std::path::Path;

use super::rule::Rule;
use super::{ssh, way_in};
use crate::Fault;
use crate::host::Probe;
use crate::tools::ufw::{Tuple, tuples, variable};

const CONF: &str = "/etc/ufw/ufw.conf";
pub(super) const DEFAULTS: &str = "/etc/default/ufw";
/// The rules of IPv4 and of IPv6.
pub(in crate::kinds) const RULES: [&str; 2] = ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"];
/// The link that starts UFW at boot.
const AT_BOOT: &str = "/etc/systemd/system/multi-user.target.wants/ufw.service";

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    pub(super) enabled: bool,
    pub(super) at_boot: bool,
    /// The treatment of a connection without a rule: `DROP`, `REJECT` or `ACCEPT`.
    pub(super) policy: String,
    /// Whether UFW manages IPv6. If not, it closes it.
    pub(super) v6: bool,
    /// The rules of each address family, as UFW stores them.
    pub(super) texts: [Option<String>; 2],
    /// The ports of the SSH server.
    pub(super) ssh: Vec<u16>,
    /// The reason why the ports of the SSH server are not known.
    pub(super) ssh_unknown: Option<Fault>,
}

impl Seen {
    /// Reads the state.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(super) fn read(probe: &dyn Probe) -> Result<Self, Fault> {
        let text = |path: &str| probe.text(Path::new(path));
        let (conf, defaults) = (text(CONF)?, text(DEFAULTS)?);
        let yes = |text: &Option<String>, name| {
            let value = variable(text.as_deref()?, name)?;
            Some(value.eq_ignore_ascii_case("yes"))
        };
        let policy = defaults
            .as_deref()
            .and_then(|text| variable(text, "DEFAULT_INPUT_POLICY"));
        let (ssh, ssh_unknown) = match ssh::ports(probe) {
            Ok(ports) => (ports.into_iter().collect(), None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        Ok(Self {
            enabled: yes(&conf, "ENABLED").unwrap_or(false),
            at_boot: probe.meta(Path::new(AT_BOOT))?.is_some(),
            // If UFW is not installed yet, it will start with the defaults of its package.
            policy: policy.unwrap_or_else(|| "DROP".into()),
            v6: yes(&defaults, "IPV6").unwrap_or(true),
            texts: rules(probe)?,
            ssh,
            ssh_unknown,
        })
    }

    /// Whether a connection without a rule is blocked.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.policy.as_str(), "DROP" | "REJECT")
    }

    pub(super) fn tuples(&self, v6: bool) -> Vec<Tuple> {
        tuples(self.texts[usize::from(v6)].as_deref().unwrap_or_default())
    }

    /// The address families that UFW has rules for.
    pub(super) fn families(&self) -> impl Iterator<Item = bool> {
        [false, true].into_iter().filter(|v6| !v6 || self.v6)
    }

    /// Whether active rules of the operator allow some clients and not all to connect to that port. That is a decision
    /// to respect.
    pub(super) fn narrows(&self, port: u16) -> bool {
        let ours = |tuple: &Tuple| Rule::of(tuple).is_some_and(|rule| rule.port == port);
        let all: Vec<_> = self.families().flat_map(|v6| self.tuples(v6)).collect();
        self.enabled
            && self.policy != "ACCEPT"
            && !all.iter().any(ours)
            && !all
                .iter()
                .any(|tuple| tuple.allows() && tuple.from_anywhere() && tuple.is_about("tcp", port))
            && way_in::open_to_some(&all, port)
    }

    /// The address family of a rule when the operator has the same rule for the other family. UFW would turn that rule
    /// into one of aztec-kit, and delete it with it.
    pub(super) fn only(&self, rule: &Rule) -> Option<bool> {
        let met = |v6: bool| self.foreign(v6).iter().any(|tuple| rule.is_met_by(tuple));
        match (met(false), met(true)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// Lines that aztec-kit did not write.
    pub(super) fn foreign(&self, v6: bool) -> Vec<Tuple> {
        let mut all = self.tuples(v6);
        all.retain(|tuple| Rule::of(tuple).is_none());
        all
    }
}

/// The rules of each address family, as UFW stores them.
pub(super) fn rules(probe: &dyn Probe) -> Result<[Option<String>; 2], Fault> {
    let text = |path| probe.text(Path::new(path));
    Ok([text(RULES[0])?, text(RULES[1])?])
}
