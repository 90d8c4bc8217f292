//! How the running kernel applies the rules of UFW. The files of UFW do not tell.

use std::path::Path;

use super::state::{DEFAULTS, RULES};
use crate::Fault;
use crate::host::{Probe, Query};
use crate::tools::iptables::Filter;
use crate::tools::ufw::{tuples, variable};

/// The filter of incoming packets for one address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// IPv6 instead of IPv4.
    pub v6: bool,
    /// The treatment of incoming packets.
    pub fate: Fate,
    /// Foreign rules that accept everything before UFW is asked, as iptables prints them.
    pub past: Vec<String>,
    /// Whether one of these is not limited to some ports.
    pub past_all: bool,
}

/// The treatment of incoming packets by the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// UFW decides, and other packets are dropped.
    Decides,
    /// UFW decides, but packets without a rule are accepted: the policy is ACCEPT.
    Lenient,
    /// UFW is not asked, and everything is accepted.
    Open,
    /// UFW is not asked, and everything is dropped: `iptables -F`.
    Shut,
    /// UFW is asked but has lost its rules: everything is dropped.
    Emptied,
}

/// Asks the kernel for each address family of this host.
///
/// # Errors
///
/// When iptables fails.
pub fn incoming(probe: &dyn Probe) -> Result<Vec<Incoming>, Fault> {
    let has_v6 = super::kernel::has_v6(probe)?;
    let defaults = probe.text(Path::new(DEFAULTS))?.unwrap_or_default();
    // Without `IPV6=yes`, UFW drops IPv6 and adds no chains.
    let looks_after_v6 =
        variable(&defaults, "IPV6").is_none_or(|word| word.eq_ignore_ascii_case("yes"));
    let families = [false, true].into_iter().filter(|v6| !v6 || has_v6);
    families
        .map(|v6| {
            let printed = probe.ask(&Query::Filter { v6 })?.stdout;
            let rules = probe.text(Path::new(RULES[usize::from(v6)]))?;
            let rules = tuples(&rules.unwrap_or_default());
            let has_rules = rules
                .iter()
                .any(|tuple| !tuple.route && tuple.direction.starts_with("in"));
            let mut judged = judged(v6, &Filter::parse(&printed), has_rules);
            if v6 && judged.fate == Fate::Shut && !looks_after_v6 {
                judged.fate = Fate::Decides;
            }
            Ok(judged)
        })
        .collect()
}

/// The names of UFW's chains: `ufw-init-functions` of ufw 0.36.2.
fn judged(v6: bool, filter: &Filter, has_rules: bool) -> Incoming {
    let prefix = if v6 { "ufw6-" } else { "ufw-" };
    let hooked = filter.jumps("INPUT", &format!("{prefix}before-input"));
    let drops = filter
        .policies
        .get("INPUT")
        .is_some_and(|policy| policy == "DROP");
    let emptied = has_rules && filter.rules(&format!("{prefix}user-input")).is_empty();
    let fate = match (hooked, drops) {
        (true, true) if emptied => Fate::Emptied,
        (true, true) => Fate::Decides,
        (true, false) => Fate::Lenient,
        (false, true) => Fate::Shut,
        (false, false) => Fate::Open,
    };
    let past = filter.accepting("INPUT", prefix);
    Incoming {
        v6,
        fate,
        past_all: past.iter().any(|rule| !rule.names_ports()),
        past: past.iter().map(|rule| rule.shown()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UFW: &str = "-P INPUT DROP\n-N ufw-before-input\n-N ufw-user-input\n-A INPUT -j ufw-before-input\n\
                       -A ufw-before-input -i lo -j ACCEPT\n-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n";

    fn fate(text: &str) -> Fate {
        judged(false, &Filter::parse(text), true).fate
    }

    #[test]
    fn only_the_policy_and_the_jump_together_close_a_host() {
        assert_eq!(fate(UFW), Fate::Decides);
        let policy = UFW.replace("INPUT DROP", "INPUT ACCEPT");
        assert_eq!(fate(&policy), Fate::Lenient, "iptables -P INPUT ACCEPT");
        // `iptables -F` leaves the chains.
        let flushed = "-P INPUT DROP\n-N ufw-before-input\n-N ufw-user-input\n";
        assert_eq!(fate(flushed), Fate::Shut);
        assert_eq!(
            fate(&flushed.replace("DROP", "ACCEPT")),
            Fate::Open,
            "nft flush ruleset"
        );
        let user = UFW.replace("-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n", "");
        assert_eq!(fate(&user), Fate::Emptied);
        let inserted = UFW.replace(
            "-A INPUT -j",
            "-A INPUT -p tcp -m tcp --dport 9999 -j ACCEPT\n-A INPUT -j",
        );
        let seen = judged(false, &Filter::parse(&inserted), true);
        assert_eq!(seen.past.len(), 1, "{seen:?}");
        assert!(!seen.past_all);
    }
}
