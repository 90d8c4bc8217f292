//! The desired rules compared with those of UFW; pure. `rules` are the connections to accept in addition to SSH.

use super::rule::{Proto, Rule};
use super::state::Seen;
use crate::engine::{Change, Shown};
use crate::tools::ufw::Tuple;

/// All connections to accept.
pub(super) fn desired(rules: &[Rule], seen: &Seen) -> Vec<Rule> {
    let ssh = seen.ssh.iter().filter(|port| !seen.narrows(**port));
    let ssh = ssh.map(|port| Rule {
        proto: Proto::Tcp,
        port: *port,
        from: None,
        purpose: "SSH".into(),
        limit: true,
    });
    ssh.chain(rules.iter().cloned()).collect()
}

/// Rules to add: neither aztec-kit nor the operator has them.
pub(super) fn missing(rules: &[Rule], seen: &Seen) -> Vec<Rule> {
    let lacks = |rule: &Rule, v6: bool| {
        rule.in_family(v6)
            && !seen.tuples(v6).iter().any(|tuple| rule.is(tuple))
            && !seen.foreign(v6).iter().any(|tuple| rule.is_met_by(tuple))
    };
    let mut missing = desired(rules, seen);
    missing.retain(|rule| seen.families().any(|v6| lacks(rule, v6)));
    missing
}

/// Rules of aztec-kit to delete because they are leftovers.
pub(super) fn surplus(rules: &[Rule], seen: &Seen) -> Vec<Rule> {
    let desired = desired(rules, seen);
    let mut surplus: Vec<Rule> = Vec::new();
    for tuple in [false, true].iter().flat_map(|v6| seen.tuples(*v6)) {
        let Some(rule) = Rule::of(&tuple) else {
            continue;
        };
        if !desired.iter().any(|desired| desired.is(&tuple)) && !surplus.contains(&rule) {
            surplus.push(rule);
        }
    }
    surplus
}

/// Rules to add, each with the first line of the operator that blocks the same.
pub(super) fn contradictions(rules: &[Rule], seen: &Seen) -> Vec<(Rule, Tuple)> {
    let mut found: Vec<(Rule, Tuple)> = Vec::new();
    for rule in missing(rules, seen) {
        let foreign = seen.families().flat_map(|v6| seen.foreign(v6));
        let first = foreign.into_iter().find(|tuple| rule.contradicts(tuple));
        found.extend(first.map(|tuple| (rule, tuple)));
    }
    found
}

/// All drift.
pub(super) fn changes(rules: &[Rule], seen: &Seen) -> Vec<Change> {
    let mut changes = Vec::new();
    if !seen.is_closed() {
        changes.push(Change::field(
            "incoming",
            Shown::text(&seen.policy),
            Shown::text("DROP"),
        ));
    }
    let word = |rule: &Rule| Shown::Text(format!("{}: {}", rule.purpose, rule.action()));
    for rule in missing(rules, seen) {
        changes.push(Change::field(rule.to_string(), Shown::Nothing, word(&rule)));
    }
    for rule in surplus(rules, seen) {
        changes.push(Change::field(rule.to_string(), word(&rule), Shown::Nothing));
    }
    let flag = |field, is: bool| {
        (!is).then(|| Change::field(field, Shown::text("no"), Shown::text("yes")))
    };
    changes.extend(flag("enabled", seen.enabled));
    changes.extend(flag("at boot", seen.at_boot || seen.texts[0].is_none()));
    changes
}
