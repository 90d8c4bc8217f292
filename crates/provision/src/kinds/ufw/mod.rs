//! UFW: closes the host except for allowed connections.
//!
//! Its state is read from its own files and changed through its own program. Rules of the operator stay, and count as
//! fulfilled where they allow the same.

mod incoming;
mod others;
mod program;
mod rule;
mod ssh;
mod way_in;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use incoming::{Fate, Incoming, incoming};
pub use others::shutting;
pub use rule::{Proto, Rule};
#[cfg(feature = "fuzz")]
pub(crate) use ssh::ports_in;
pub use ssh::{Session, connected, listening, ports as ssh_ports, sessions};

use self::program::{delete, enable, make, systemctl, ufw};
use super::before::{self, Stay};
use crate::Fault;
use crate::engine::{ApplyCx, Change, Cx, Diff, Kind, ResourceId, Reverted, Shown};
use crate::host::{HostMut, NewFile, Probe, Query, clear_staged};
use crate::tools::ufw::{Tuple, tuples, variable};

const CONF: &str = "/etc/ufw/ufw.conf";
const DEFAULTS: &str = "/etc/default/ufw";
/// The rules of IPv4 and of IPv6.
pub(super) const RULES: [&str; 2] = ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"];
/// The link that starts UFW at boot.
const AT_BOOT: &str = "/etc/systemd/system/multi-user.target.wants/ufw.service";

/// A firewall that accepts SSH at its ports, and the connections that are listed here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ufw {
    /// The connections to accept in addition to SSH.
    pub rules: Vec<Rule>,
}

/// The observed state.
#[derive(Debug)]
pub struct Seen {
    enabled: bool,
    at_boot: bool,
    /// The treatment of a connection without a rule: `DROP`, `REJECT` or `ACCEPT`.
    policy: String,
    /// Whether UFW manages IPv6. If not, it closes it.
    v6: bool,
    texts: [Option<String>; 2],
    ssh: Vec<u16>,
    /// The reason why the ports of the SSH server are not known.
    unanswered: Option<Fault>,
}

/// The prior state.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prior {
    enabled: bool,
    at_boot: bool,
    policy: String,
    texts: [Option<Before>; 2],
}

/// Prior rules. They are not journaled, because the comments of an operator may contain anything.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Before {
    /// A copy exists.
    Kept {
        /// Its digest.
        sha256: String,
    },
    /// In journals of earlier versions: the text itself.
    Text(String),
}

impl Before {
    /// The text; nothing when its copy is missing.
    fn text(&self, path: &str, probe: &dyn Probe) -> Result<Option<String>, Fault> {
        match self {
            Self::Text(text) => Ok(Some(text.clone())),
            Self::Kept { sha256 } => {
                let bytes = before::kept(Path::new(path), sha256, probe)?;
                Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
            }
        }
    }
}

/// The rules of each address family, as UFW stores them.
fn rules(probe: &dyn Probe) -> Result<[Option<String>; 2], Fault> {
    let text = |path| probe.text(Path::new(path));
    Ok([text(RULES[0])?, text(RULES[1])?])
}

/// The prior rules of each address family.
fn texts(prior: &Prior, probe: &dyn Probe) -> Result<[Option<String>; 2], Fault> {
    let text = |family: usize| match &prior.texts[family] {
        Some(before) => before.text(RULES[family], probe),
        None => Ok(None),
    };
    Ok([text(0)?, text(1)?])
}

impl Seen {
    fn tuples(&self, v6: bool) -> Vec<Tuple> {
        tuples(self.texts[usize::from(v6)].as_deref().unwrap_or_default())
    }

    /// The address families that UFW has rules for.
    fn families(&self) -> impl Iterator<Item = bool> {
        [false, true].into_iter().filter(|v6| !v6 || self.v6)
    }

    /// Whether active rules of the operator allow some clients and not all to connect to that port. That is a decision
    /// to respect.
    fn narrows(&self, port: u16) -> bool {
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
    /// into ours, and delete it with ours.
    fn only(&self, rule: &Rule) -> Option<bool> {
        let met = |v6: bool| self.foreign(v6).iter().any(|tuple| rule.is_met_by(tuple));
        match (met(false), met(true)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// Lines that aztec-kit did not write.
    fn foreign(&self, v6: bool) -> Vec<Tuple> {
        let mut all = self.tuples(v6);
        all.retain(|tuple| Rule::of(tuple).is_none());
        all
    }
}

impl Ufw {
    /// All connections to accept.
    fn wanted(&self, seen: &Seen) -> Vec<Rule> {
        let ssh = seen.ssh.iter().filter(|port| !seen.narrows(**port));
        let ssh = ssh.map(|port| Rule {
            proto: Proto::Tcp,
            port: *port,
            from: None,
            purpose: "SSH".into(),
            limit: true,
        });
        ssh.chain(self.rules.iter().cloned()).collect()
    }

    /// Rules to add: required, and present neither as ours nor as the operator's.
    fn missing(&self, seen: &Seen) -> Vec<Rule> {
        let lacks = |rule: &Rule, v6: bool| {
            let said = seen.tuples(v6);
            rule.in_family(v6)
                && !said.iter().any(|tuple| rule.is(tuple))
                && !seen.foreign(v6).iter().any(|tuple| rule.is_met_by(tuple))
        };
        let mut missing = self.wanted(seen);
        missing.retain(|rule| seen.families().any(|v6| lacks(rule, v6)));
        missing
    }

    /// Rules of aztec-kit to delete because they are leftovers.
    fn surplus(&self, seen: &Seen) -> Vec<Rule> {
        let wanted = self.wanted(seen);
        let mut surplus: Vec<Rule> = Vec::new();
        for tuple in [false, true].iter().flat_map(|v6| seen.tuples(*v6)) {
            let Some(rule) = Rule::of(&tuple) else {
                continue;
            };
            if !wanted.iter().any(|wanted| wanted.is(&tuple)) && !surplus.contains(&rule) {
                surplus.push(rule);
            }
        }
        surplus
    }

    /// The reasons why the change would lock someone out or is not possible; empty on a host in sync.
    pub fn obstacles(&self, probe: &dyn Probe) -> Result<Vec<Fault>, Fault> {
        let seen = self.observe(&Cx::of(probe))?;
        if self.changes(&seen).is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        found.extend(filters(probe)?);
        found.extend(others::manager(probe)?);
        for (rule, tuple) in self.contradictions(&seen) {
            let shown = format!("{} {}/{}", tuple.action, tuple.port, tuple.proto);
            found.push(
                Fault::new(format!("a firewall rule of yours ({shown}) blocks {rule} ({})", rule.purpose))
                    .fix("Find it with `ufw status numbered`, delete it with `ufw delete`, then run the same command again."),
            );
        }
        for came in way_in::came(probe)? {
            if !self.lets_in(&seen, &came) {
                let way_in::RoutedSession {
                    remote,
                    local,
                    port,
                    ..
                } = came;
                found.push(
                    Fault::new(format!(
                        "the SSH session from {remote} uses {local} port {port}, which the firewall would close"
                    ))
                    .fix(format!("Log in at a port of the SSH server's configuration, or open this port: add [[firewall.allow]] with port = {port} to kit.toml. A rule of yours may also block it, see `ufw show added`.")),
                );
            }
        }
        Ok(found)
    }

    fn contradictions(&self, seen: &Seen) -> Vec<(Rule, Tuple)> {
        let mut found: Vec<(Rule, Tuple)> = Vec::new();
        for rule in self.missing(seen) {
            let foreign = seen.families().flat_map(|v6| seen.foreign(v6));
            let first = foreign.into_iter().find(|tuple| rule.contradicts(tuple));
            found.extend(first.map(|tuple| (rule, tuple)));
        }
        found
    }

    fn lets_in(&self, seen: &Seen, came: &way_in::RoutedSession) -> bool {
        let v6 = came.remote.is_ipv6();
        if v6 && !seen.v6 {
            return false;
        }
        let wanted = self.wanted(seen);
        let mut stay = seen.tuples(v6);
        stay.retain(|tuple| Rule::of(tuple).is_none() || wanted.iter().any(|rule| rule.is(tuple)));
        // New rules are appended after all existing ones.
        way_in::decided(&stay, came).unwrap_or_else(|| {
            wanted
                .iter()
                .any(|rule| rule.lets_in(came.remote, came.port))
        })
    }

    /// The reason why a revert would lock everyone out of a host where UFW stays enabled.
    fn shut_out(&self, prior: &Prior, probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
        let now = self.look(probe)?;
        if !prior.enabled || prior.policy == "ACCEPT" || now.texts[0].is_none() {
            return Ok(None);
        }
        if let Some(fault) = now.unanswered {
            // The ports that must stay open are not known.
            return Ok(Some(fault.refusal()));
        }
        let texts = texts(prior, probe)?;
        let after = |v6: bool| {
            let before = tuples(texts[usize::from(v6)].as_deref().unwrap_or_default());
            let ours = before.into_iter().filter(|it| Rule::of(it).is_some());
            let mut after = now.foreign(v6);
            after.extend(ours);
            after
        };
        let refusal = |what: String, port: u16| {
            Fault::new(format!(
                "without the rules of aztec-kit, the firewall, which was enabled before, {what}"
            ))
            .fix(format!(
                "Add a rule of your own first (`ufw allow {port}/tcp`), then run the same command again."
            ))
            .refusal()
        };
        let closed = |port: &u16| {
            let mut families = now.families();
            !families.any(|v6| way_in::open_to_some(&after(v6), *port))
        };
        if let Some(port) = now.ssh.first()
            && now.ssh.iter().all(closed)
        {
            let what = format!("would block SSH at port {port} for everyone");
            return Ok(Some(refusal(what, *port)));
        }
        let shut = way_in::came(probe)?.into_iter().find(|came| {
            let after = after(came.remote.is_ipv6());
            !way_in::decided(&after, came).unwrap_or(false)
        });
        Ok(shut.map(|came| {
            let what = format!(
                "would block the SSH session from {} at port {}",
                came.remote, came.port
            );
            refusal(what, came.port)
        }))
    }

    /// Whether the operator's rules forward everyone's packets to that port of another address.
    pub fn lets_through(
        &self,
        probe: &dyn Probe,
        proto: &str,
        to: std::net::IpAddr,
        port: u16,
    ) -> Result<bool, Fault> {
        let texts = rules(probe)?;
        let text = texts[usize::from(to.is_ipv6())].as_deref();
        let all = tuples(text.unwrap_or_default());
        Ok(all
            .iter()
            .any(|tuple| tuple.lets_through(proto, &to.to_string(), port)))
    }

    /// Whether everyone can connect to that port, by the rules of aztec-kit or of the operator.
    pub fn opens(&self, probe: &dyn Probe, proto: Proto, port: u16) -> Result<bool, Fault> {
        let texts = rules(probe)?;
        let mut texts = texts.iter().flatten();
        Ok(texts.any(|text| {
            tuples(text).iter().any(|tuple| {
                tuple.allows() && tuple.from_anywhere() && tuple.is_about(proto.name(), port)
            })
        }))
    }

    fn look(&self, probe: &dyn Probe) -> Result<Seen, Fault> {
        let text = |path: &str| probe.text(Path::new(path));
        let (conf, defaults) = (text(CONF)?, text(DEFAULTS)?);
        let yes = |text: &Option<String>, name| {
            let value = variable(text.as_deref()?, name)?;
            Some(value.eq_ignore_ascii_case("yes"))
        };
        let policy = defaults
            .as_deref()
            .and_then(|text| variable(text, "DEFAULT_INPUT_POLICY"));
        let (ssh, unanswered) = match ssh::ports(probe) {
            Ok(ports) => (ports.into_iter().collect(), None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        Ok(Seen {
            enabled: yes(&conf, "ENABLED").unwrap_or(false),
            at_boot: probe.meta(Path::new(AT_BOOT))?.is_some(),
            // If UFW is not installed yet, it will start with the defaults of its package.
            policy: policy.unwrap_or_else(|| "DROP".into()),
            v6: yes(&defaults, "IPV6").unwrap_or(true),
            texts: rules(probe)?,
            ssh,
            unanswered,
        })
    }

    fn changes(&self, seen: &Seen) -> Vec<Change> {
        let mut changes = Vec::new();
        if !matches!(seen.policy.as_str(), "DROP" | "REJECT") {
            changes.push(Change::field(
                "incoming",
                Shown::text(&seen.policy),
                Shown::text("DROP"),
            ));
        }
        let word = |rule: &Rule| Shown::Text(format!("{}: {}", rule.purpose, rule.action()));
        for rule in self.missing(seen) {
            changes.push(Change::field(rule.to_string(), Shown::Nothing, word(&rule)));
        }
        for rule in self.surplus(seen) {
            changes.push(Change::field(rule.to_string(), word(&rule), Shown::Nothing));
        }
        let flag = |field, is: bool| {
            (!is).then(|| Change::field(field, Shown::text("no"), Shown::text("yes")))
        };
        changes.extend(flag("enabled", seen.enabled));
        changes.extend(flag("at boot", seen.at_boot || seen.texts[0].is_none()));
        changes
    }
}

/// Without IPv6 there is nothing to close.
fn has_v6(probe: &dyn Probe) -> Result<bool, Fault> {
    let interfaces = probe.read(Path::new("/proc/net/if_inet6"))?;
    Ok(interfaces.is_some_and(|text| !text.is_empty()))
}

/// The features that the kernel lacks. Before UFW is installed, no program can check them.
fn filters(probe: &dyn Probe) -> Result<Option<Fault>, Fault> {
    if probe.meta(Path::new("/usr/sbin/iptables"))?.is_none() {
        return Ok(None);
    }
    let has_v6 = has_v6(probe)?;
    for v6 in [false, true].into_iter().filter(|v6| !v6 || has_v6) {
        if let Err(fault) = probe.ask(&Query::Filter { v6 }) {
            let family = if v6 { "IPv6" } else { "IPv4" };
            return Ok(Some(
                Fault::new(format!("this kernel cannot filter {family}, which UFW needs"))
                    .fix("Boot a kernel with nf_tables and conntrack, or remove firewall.enabled from kit.toml.")
                    .because(fault),
            ));
        }
    }
    Ok(None)
}

impl Kind for Ufw {
    type Seen = Seen;
    type Prior = Prior;

    fn id(&self) -> ResourceId {
        ResourceId::new("firewall", "ufw")
    }

    fn guarded(&self) -> bool {
        true
    }

    fn observe(&self, cx: &Cx<'_>) -> Result<Seen, Fault> {
        let mut seen = self.look(cx.probe)?;
        // Without the ports of SSH, its rule would count as a leftover.
        match seen.unanswered.take() {
            Some(fault) => Err(fault),
            None => Ok(seen),
        }
    }

    fn diff(&self, seen: &Seen) -> Diff {
        Diff::of(self.changes(seen), || {
            let mut open: Vec<_> = self.wanted(seen).iter().map(Rule::to_string).collect();
            let narrow = seen.ssh.iter().filter(|port| seen.narrows(**port));
            open.extend(narrow.map(|port| format!("{port}/tcp as your rules allow")));
            format!("closed except for {}", open.join(", "))
        })
    }

    fn prior(&self, seen: &Seen) -> Prior {
        Prior {
            enabled: seen.enabled,
            at_boot: seen.at_boot,
            policy: seen.policy.clone(),
            texts: seen.texts.each_ref().map(|text| {
                text.as_ref().map(|text| Before::Kept {
                    sha256: before::digest(text.as_bytes()),
                })
            }),
        }
    }

    fn absent(&self, seen: &Seen) -> bool {
        !seen.enabled
    }

    fn keep(&self, seen: &Seen, host_mut: &mut dyn HostMut) -> Result<(), Fault> {
        // ufw itself writes the file, so its content does not tell who made a rule. A copy that is not on record may be
        // removed.
        for (path, text) in RULES.iter().zip(&seen.texts) {
            if let Some(text) = text {
                before::keep(Path::new(path), text.as_bytes(), Stay::OnRecord, host_mut)?;
            }
        }
        Ok(())
    }

    fn apply(&self, seen: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
        if let Some(first) = self.obstacles(cx.host_mut.probe())?.into_iter().next() {
            return Err(first);
        }
        self.keep(seen, cx.host_mut)?;
        // A removal was killed while it restored the prior rules, and was cancelled since.
        for path in RULES {
            clear_staged(Path::new(path), cx.host_mut)?;
        }
        if !matches!(seen.policy.as_str(), "DROP" | "REJECT") {
            ufw(cx, &["default", "deny", "incoming"], &[])?;
        }
        // Rules that open are added before rules that close.
        for rule in self.missing(seen) {
            make(cx, &rule, seen)?;
        }
        for rule in self.surplus(seen) {
            delete(cx, &rule, seen)?;
        }
        if !seen.at_boot {
            systemctl(cx, "enable")?;
        }
        if !seen.enabled {
            enable(cx)?;
        }
        Ok(())
    }

    fn revertible(&self, prior: &Prior, cx: &Cx<'_>) -> Result<(), Fault> {
        self.shut_out(prior, cx.probe)?.map_or(Ok(()), Err)
    }

    fn revert(&self, prior: &Prior, cx: &mut ApplyCx<'_>) -> Result<Reverted, Fault> {
        let now = self.look(cx.host_mut.probe())?;
        let Some(_) = now.texts[0] else {
            // UFW and its rules were removed.
            return Ok(Reverted::Restored);
        };
        let texts = texts(prior, cx.host_mut.probe())?;
        let before = |v6: bool| tuples(texts[usize::from(v6)].as_deref().unwrap_or_default());
        if now.enabled && !prior.enabled {
            ufw(cx, &["--force", "disable"], &[])?;
        }
        if now.policy != prior.policy {
            let word = match prior.policy.as_str() {
                "ACCEPT" => "allow",
                "REJECT" => "reject",
                _ => "deny",
            };
            ufw(cx, &["default", word, "incoming"], &[])?;
        }
        let all = |tuples: &dyn Fn(bool) -> Vec<Tuple>| -> Vec<Rule> {
            let both = [false, true].into_iter().flat_map(tuples);
            let mut rules: Vec<Rule> = Vec::new();
            for rule in both.filter_map(|tuple| Rule::of(&tuple)) {
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
            rules
        };
        let (ours, had) = (all(&|v6| now.tuples(v6)), all(&before));
        for rule in had.iter().filter(|rule| !ours.contains(rule)) {
            make(cx, rule, &now)?;
        }
        for rule in ours.iter().filter(|rule| !had.contains(rule)) {
            delete(cx, rule, &now)?;
        }
        // A file with the same rules is restored byte for byte. Another one has rules that the operator added since.
        let left = self.look(cx.host_mut.probe())?;
        let mut restored = false;
        for v6 in [false, true] {
            let text = &texts[usize::from(v6)];
            if let Some(text) = text
                && left.tuples(v6) == before(v6)
                && left.texts[usize::from(v6)].as_ref() != Some(text)
            {
                let path = Path::new(RULES[usize::from(v6)]);
                let Some(meta) = cx.host_mut.meta(path)? else {
                    continue;
                };
                cx.host_mut.put(&NewFile {
                    path,
                    bytes: text.as_bytes(),
                    uid: meta.uid,
                    gid: meta.gid,
                    mode: meta.mode,
                })?;
                restored = true;
            }
        }
        if prior.enabled && !now.enabled {
            ufw(cx, &["--force", "enable"], &[])?;
        } else if prior.enabled && restored {
            ufw(cx, &["reload"], &[])?;
        }
        if now.at_boot && !prior.at_boot {
            systemctl(cx, "disable")?;
        }
        for (path, text) in RULES.iter().zip(&prior.texts) {
            if let Some(Before::Kept { sha256 }) = text {
                before::restored(Path::new(path), sha256, cx.host_mut)?;
            }
        }
        Ok(Reverted::Restored)
    }
}
