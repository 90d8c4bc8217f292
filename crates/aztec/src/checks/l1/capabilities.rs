//! What each execution endpoint can do for a node, beyond the chain and its head.

use l1::observe::{Burst, Capabilities, Execution};

use super::execution::named;
use crate::checks::finding::Finding;
use crate::checks::topic::{About, Topic};

/// Whether endpoints take as many calls as a node makes.
pub(super) fn quota(observed: &[Execution]) -> Vec<Finding> {
    each(Topic::L1Quota, observed, |about, it| {
        let Burst {
            calls,
            refused,
            failed,
            reason,
        } = &it.burst;
        if refused + failed == 0 {
            return Some(Finding::pass(
                about,
                format!("{calls} calls at once were answered"),
            ));
        }
        let why = reason
            .as_ref()
            .map_or(String::new(), |error| format!(": {error}"));
        let bad = refused + failed;
        let seen = format!("{bad} of {calls} calls at once were refused{why}");
        Some(Finding::warn(about, seen).fix(
            "The node makes at least two calls a second, and more while it catches up. Raise the quota, or name another endpoint \
             beside it.",
        ))
    })
}

/// Whether endpoints have the logs of the rollup's deployment. Release 6 does not start without them (archiver
/// `validateHistoricalLogsAvailability`), and 4.1.2 misses events.
pub(super) fn logs(observed: &[Execution]) -> Vec<Finding> {
    const FIX: &str = "It has pruned old logs. Name an endpoint that keeps them, or let the client keep them: a full sync with receipts, for \
                       example.";
    each(Topic::L1Logs, observed, |about, it| {
        match it.deployment_logs.as_ref()? {
            Ok(logs) if logs.logs > 0 => Some(Finding::pass(
                about,
                format!(
                    "it has the logs of the rollup's deployment, block {}",
                    logs.block
                ),
            )),
            Ok(logs) => Some(
                Finding::warn(
                    about,
                    format!(
                        "it has no logs of the rollup's deployment, block {}",
                        logs.block
                    ),
                )
                .fix(FIX),
            ),
            Err(error) => Some(Finding::warn(about, error.to_string()).fix(FIX)),
        }
    })
}

/// The client of each endpoint, and what is known about it.
pub(super) fn client(observed: &[Execution]) -> Vec<Finding> {
    each(Topic::L1Client, observed, |about, it| {
        let version = it.version.as_ref().ok();
        let name = version.map_or("it does not say which client it is", String::as_str);
        if let Err(error) = &it.simulates {
            let seen = format!("{name}; it cannot simulate transactions ({error})");
            return Some(Finding::warn(about, seen).fix(
                "Without eth_simulateV1 the node guesses the gas, and errors show only after they are paid for. Update the client.",
            ));
        }
        let advice = version.and_then(|version| advice(version));
        match advice {
            Some(fix) => Some(Finding::warn(about, name).fix(fix)),
            None => Some(Finding::pass(about, name)),
        }
    })
}

/// Advice about a client by its own words (full-node/setup of the documentation of 5.2).
fn advice(version: &str) -> Option<&'static str> {
    let (name, rest) = version.split_once('/')?;
    let mut numbers = rest.trim_start_matches('v').split(['.', '-', '+']);
    let mut number = || numbers.next()?.parse::<u64>().ok();
    let (major, minor) = (number()?, number()?);
    (name.eq_ignore_ascii_case("nethermind") && (major, minor) < (1, 36)).then_some(
        "Nethermind before 1.36 asks for a minimum priority fee, which the node does not pay. Update it.",
    )
}

fn each(
    topic: Topic,
    observed: &[Execution],
    judge: impl Fn(About, &Capabilities) -> Option<Finding>,
) -> Vec<Finding> {
    let endpoints = observed.iter().enumerate();
    let found = endpoints.filter_map(|(at, endpoint)| {
        let capabilities = endpoint.capabilities.as_ref()?;
        judge(named(topic, at, &endpoint.endpoint), capabilities)
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_own_words() {
        assert!(advice("Nethermind/v1.31.9+2b2ab1ad/linux-x64/dotnet9.0.4").is_some());
        assert!(advice("Nethermind/v1.36.0+0f1e2d3c/linux-x64/dotnet10.0.0").is_none());
        for other in [
            "Geth/v1.16.4-stable/linux-amd64/go1.24.7",
            "anvil/v1.4.4",
            "",
        ] {
            assert!(advice(other).is_none(), "{other}");
        }
    }
}
