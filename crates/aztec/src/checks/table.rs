//! The table of all checks, and the one way to run them.

use std::panic::resume_unwind;

use super::check::{Check, Need, Run};
use super::context::Context;
use super::finding::{Finding, worst};
use super::node::target::Sample;
use super::topic::Topic;
use super::verb::Verb;
use super::{configuration, host, keys, l1, logs, network, node, services};
use crate::severity::Severity;

/// All checks, in the order of their phases.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    let phases = [
        host::CHECKS,
        configuration::CHECKS,
        network::CHECKS,
        keys::CHECKS,
        l1::CHECKS,
        services::CHECKS,
        node::CHECKS,
        logs::CHECKS,
    ];
    phases.into_iter().flatten()
}

/// Topics of findings that no row makes: `status` reports the parts of a plan that could not be observed.
#[cfg(test)]
const ELSEWHERE: &[Topic] = &[Topic::Plan, Topic::Resource];

/// The check whose findings have this topic.
pub fn of(topic: Topic) -> Option<&'static Check> {
    checks().find(|check| check.topics.contains(&topic))
}

/// Runs the checks of a verb at the same time. The findings are in the order of the table.
pub fn run(cx: &Context<'_>) -> Vec<Finding> {
    run_and_wait(cx, &mut |_| {})
}

/// The same; `on_sample` gets each sample of the chains while a check waits for them.
pub fn run_and_wait(cx: &Context<'_>, on_sample: &mut dyn FnMut(&Sample)) -> Vec<Finding> {
    let rows = of_verb(cx.verb);
    let (last, first): (Vec<_>, Vec<_>) =
        rows.partition(|check| matches!(check.run, Run::Waits(_)));
    let mut findings = at_once(&first, cx);
    if worst(&findings) != Severity::Pass {
        cx.hurry();
    }
    let last = last.iter().flat_map(|check| check.findings(cx, on_sample));
    findings.extend(last);
    findings
}

/// Runs the checks of a verb, without those that need a network or a node.
pub fn run_offline(cx: &Context<'_>) -> Vec<Finding> {
    let needs = |check: &Check| {
        let mut needs = check.needs.iter();
        needs.any(|need| matches!(need, Need::Network | Need::Node))
    };
    let rows: Vec<_> = of_verb(cx.verb).filter(|check| !needs(check)).collect();
    at_once(&rows, cx)
}

/// The checks that a verb runs.
fn of_verb(verb: Verb) -> impl Iterator<Item = &'static Check> {
    checks().filter(move |check| match verb {
        Verb::Doctor => matches!(check.run, Run::Now(_)),
        verb => check.verbs.contains(&verb),
    })
}

fn at_once(checks: &[&Check], cx: &Context<'_>) -> Vec<Finding> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = checks
            .iter()
            .map(|check| scope.spawn(|| check.findings(cx, &mut |_| {})))
            .collect();
        let findings = threads.into_iter();
        findings
            .flat_map(|thread| thread.join().unwrap_or_else(|it| resume_unwind(it)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::checks::check::Verb;
    use crate::checks::finding::GIB;
    use crate::facts::HostFacts;
    use crate::settings::Settings;
    use provision::engine::Receipt;

    /// The failed checks of a host that is too small for Aztec.
    fn failures(kit_toml: &str) -> Vec<String> {
        let facts = HostFacts {
            cpus: 1,
            memory: GIB,
            ..HostFacts::debian()
        };
        let mut host = FakeHost::debian().with_ufw();
        for path in ["/run/systemd/system", "/proc/net"] {
            host.plant(path, FileType::Directory, b"", 0o755);
        }
        let settings = Settings::parse(kit_toml).unwrap();
        let receipt = Receipt::default();
        let findings = run(&Context::new(
            Verb::Apply,
            &settings,
            &facts,
            &receipt,
            &host,
        ));
        findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Fail)
            .map(|finding| finding.check)
            .collect()
    }

    #[test]
    fn every_endpoint_is_asked_before_any_change() {
        let failed = failures(
            "network = \"testnet\"\nrelease = \"6.0.0\"\n[l1]\nrpc_urls = [\"http://127.0.0.1:2\"]\n\
             consensus_urls = [\"http://127.0.0.1:3\"]\ndebug_urls = [\"http://127.0.0.1:4\"]\n",
        );
        for check in [
            "L1 1 http://127.0.0.1:2",
            "L1 consensus 1 http://127.0.0.1:3",
            "L1 traces",
        ] {
            assert!(failed.iter().any(|failed| failed == check), "{failed:?}");
        }
    }

    /// The rows are a contract: each topic has one row, except those of other verbs, and says when it runs.
    #[test]
    fn every_topic_has_one_row() {
        let mut topics: Vec<_> = checks().flat_map(|check| check.topics).collect();
        topics.sort();
        let mut all: Vec<_> = Topic::ALL.iter().collect();
        all.retain(|topic| !ELSEWHERE.contains(topic));
        assert_eq!(topics, all);
        for check in checks() {
            assert!(!check.verbs.is_empty() && !check.looks_at.is_empty());
        }
    }

    #[test]
    fn the_needs_of_aztec_are_checked_only_on_a_host_with_a_role() {
        let node = failures("network = \"local\"\n");
        assert!(node.contains(&"memory".to_owned()), "{node:?}");
        let firewalled = failures("[node]\nenabled = false\n\n[firewall]\nenabled = true\n");
        assert!(firewalled.is_empty(), "{firewalled:?}");
    }
}
