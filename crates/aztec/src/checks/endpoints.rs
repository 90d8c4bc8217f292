//! Does the L1 answer, is it the right one, and does it know the contracts?

use std::time::Duration;

use l1::{Beacon, Reader};
use provision::Fault;
use provision::host::Probe;

use super::preflight::{Finding, Verdict};
use super::{OLDEST_L1_HEAD, registry};
use crate::settings::Settings;

/// A public endpoint across the world.
const CALL: Duration = Duration::from_secs(10);

/// Everything that a node needs of its L1, asked for once: the end of a bootstrap.
pub fn connectivity(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    if settings.is_local() && !settings.runs_l1() {
        return Ok(Vec::new());
    }
    let mut findings = execution(settings, probe);
    findings.extend(consensus(settings));
    findings.push(contracts(settings, probe)?);
    Ok(findings)
}

/// Every execution endpoint is on the right chain and knows the time.
pub(super) fn execution(settings: &Settings, probe: &dyn Probe) -> Vec<Finding> {
    let now = probe.clock().realtime_us / 1_000_000;
    let wanted = settings.network.l1_chain_id;
    let ask = |url: &url::Url| -> Result<String, (Verdict, String)> {
        let say = |error: l1::Error| (Verdict::Warn, format!("{error}. {}", error.fix()));
        let reader = Reader::connect(url.as_str(), CALL).map_err(say)?;
        let chain = reader.chain_id().map_err(say)?;
        if chain != wanted {
            return Err((
                Verdict::Fail,
                format!(
                    "it is chain {chain}, and {} is on chain {wanted}. Name an endpoint of the right chain.",
                    settings.network_name
                ),
            ));
        }
        let head = reader.head().map_err(say)?;
        let age = now - i64::try_from(head.timestamp).unwrap_or(i64::MAX);
        if age.abs() > OLDEST_L1_HEAD {
            return Err((
                Verdict::Fail,
                format!(
                    "its head is {age} s off this host's clock; the node refuses more than {OLDEST_L1_HEAD} s. Check that it is synced, and this clock."
                ),
            ));
        }
        Ok(head_of(chain, head.number, age))
    };
    each("L1", &settings.l1_rpc_urls, ask)
}

/// How far a chain is, and when that was: a local one can be ahead of the clock.
pub(super) fn head_of(chain: u64, number: u64, age: i64) -> String {
    let when = match age {
        0.. => format!("{age} s old"),
        _ => format!("{} s ahead of this clock", age.unsigned_abs()),
    };
    format!("chain {chain}, head {number} is {when}")
}

/// One finding for each endpoint. One that does not answer is a spare that is missing; when none answers there is
/// no L1.
fn each(
    what: &str,
    urls: &[url::Url],
    ask: impl Fn(&url::Url) -> Result<String, (Verdict, String)>,
) -> Vec<Finding> {
    let mut findings: Vec<_> = urls
        .iter()
        .map(|url| {
            let check = format!("{what} {}", url.host_str().unwrap_or_default());
            match ask(url) {
                Ok(message) => Finding::new(check, Verdict::Pass, message),
                Err((status, message)) => Finding::new(check, status, message),
            }
        })
        .collect();
    if findings
        .iter()
        .all(|finding| finding.status != Verdict::Pass)
    {
        for finding in &mut findings {
            finding.status = Verdict::Fail;
        }
    }
    findings
}

/// Blobs come from consensus endpoints: each is of the right chain, and synced.
fn consensus(settings: &Settings) -> Vec<Finding> {
    let wanted = settings.network.l1_chain_id;
    let ask = |url: &url::Url| -> Result<String, (Verdict, String)> {
        let say = |error: l1::Error| (Verdict::Warn, format!("{error}. {}", error.fix()));
        let beacon = Beacon::connect(url.as_str(), CALL).map_err(say)?;
        let chain = beacon.chain_id().map_err(say)?;
        if chain != wanted {
            return Err((
                Verdict::Fail,
                format!(
                    "it follows chain {chain}, and {} is on chain {wanted}. Name an endpoint of the right chain.",
                    settings.network_name
                ),
            ));
        }
        let sync = beacon.sync().map_err(say)?;
        if sync.syncing {
            return Err((
                Verdict::Warn,
                format!(
                    "it is still syncing, {} slots behind. Wait for it, or name another one.",
                    sync.distance
                ),
            ));
        }
        Ok(format!("chain {chain}, synced at slot {}", sync.head_slot))
    };
    each("L1 consensus", &settings.l1_consensus_urls, ask)
}

/// The first execution endpoint that answers knows the registry and its canonical rollup.
fn contracts(settings: &Settings, probe: &dyn Probe) -> Result<Finding, Fault> {
    const CHECK: &str = "Aztec registry";
    let Some(registry) = registry(settings, probe)? else {
        return Ok(Finding::new(
            CHECK,
            Verdict::Fail,
            "its address is not recorded on this host yet. Run `aztec-kit apply`.",
        ));
    };
    let mut last = None;
    for url in &settings.l1_rpc_urls {
        let asked = Reader::connect(url.as_str(), CALL)
            .and_then(|reader| reader.canonical_rollup(registry));
        match asked {
            Ok(rollup) => {
                let message = format!("{registry} answers: the canonical rollup is {rollup}");
                return Ok(Finding::new(CHECK, Verdict::Pass, message));
            }
            Err(error) => last = Some(error),
        }
    }
    let message = last.map(|error| format!("{error}. {}", error.fix()));
    Ok(Finding::new(
        CHECK,
        Verdict::Fail,
        message.unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_of_the_future_is_not_of_a_negative_age() {
        assert_eq!(head_of(1, 7, 12), "chain 1, head 7 is 12 s old");
        assert_eq!(
            head_of(31337, 7, -15),
            "chain 31337, head 7 is 15 s ahead of this clock"
        );
    }
}
