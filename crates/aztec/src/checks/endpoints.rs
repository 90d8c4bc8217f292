//! Whether the L1 answers, is the right chain, and has the contracts.

use std::time::Duration;

use l1::reader::Head;
use l1::{Beacon, Reader};
use provision::Fault;
use provision::host::Probe;
use secrecy::ExposeSecret;

use super::finding::{Finding, Verdict};
use super::l1::{OLDEST_L1_HEAD, registry};
use super::topic::Topic;
use crate::settings::{Endpoint, Live, Settings};

/// Long enough for a public endpoint on another continent.
const CALL: Duration = Duration::from_secs(10);

/// Checks once everything that a node needs from its L1, at the end of a bootstrap.
pub fn connectivity(settings: &Settings, probe: &dyn Probe) -> Vec<Finding> {
    if settings.local().is_some() && settings.own_l1().is_none() {
        return Vec::new();
    }
    let mut findings = execution(settings, probe);
    findings.extend(
        settings
            .live()
            .into_iter()
            .flat_map(|live| consensus(settings, live, true)),
    );
    let contracts = contracts(settings, probe).map(Some);
    findings.extend(Finding::of(Topic::AztecRegistry, contracts));
    findings
}

/// Checks that every execution endpoint is on the right chain and has a fresh head.
pub(super) fn execution(settings: &Settings, probe: &dyn Probe) -> Vec<Finding> {
    let now = probe.clock().realtime_us / 1_000_000;
    let configured = settings.network.l1_chain_id;
    let ask = |_, url: &Endpoint| -> Result<Answer, l1::Error> {
        let reader = Reader::connect(url.expose().as_str(), CALL)?;
        let chain = reader.chain_id()?;
        if chain != configured {
            let message = format!(
                "it is chain {chain}, and {} is on chain {configured}. Name an endpoint of the right chain.",
                settings.network_name
            );
            return Ok(Answer(Verdict::Fail, message));
        }
        let head = reader.head()?;
        let age = age_of(&head, now);
        if age.abs() > OLDEST_L1_HEAD {
            let message = format!(
                "its head is {age} s off this host's clock; the node refuses more than {OLDEST_L1_HEAD} s. Check that the endpoint is synced and that this clock is right."
            );
            return Ok(Answer(Verdict::Fail, message));
        }
        Ok(Answer(Verdict::Pass, head_of(chain, head.number, age)))
    };
    each(Topic::L1Execution, settings.l1_rpc_urls(), true, ask)
}

/// The age of a head at that time, seconds; negative if the head is ahead.
pub(super) fn age_of(head: &Head, now: i64) -> i64 {
    now - i64::try_from(head.timestamp).unwrap_or(i64::MAX)
}

/// The head of a chain and its age, for people. The head of a local chain can be ahead of the clock.
pub(super) fn head_of(chain: u64, number: u64, age: i64) -> String {
    let when = match age {
        0.. => format!("{age} s old"),
        _ => format!("{} s ahead of this clock", age.unsigned_abs()),
    };
    format!("chain {chain}, head {number} is {when}")
}

/// The finding about one endpoint.
struct Answer(Verdict, String);

/// One finding for each endpoint. If one does not answer, a spare is missing. If none answers and one is
/// needed, the node cannot work.
fn each(
    what: Topic,
    urls: &[Endpoint],
    needed: bool,
    ask: impl Fn(usize, &Endpoint) -> Result<Answer, l1::Error>,
) -> Vec<Finding> {
    let answers: Vec<_> = urls
        .iter()
        .enumerate()
        .map(|(at, url)| (url, ask(at, url)))
        .collect();
    let works = |(_, answer): &(_, Result<Answer, _>)| {
        matches!(answer, Ok(Answer(Verdict::Pass | Verdict::Warn, _)))
    };
    let silent = match needed && !answers.iter().any(works) {
        true => Verdict::Fail,
        false => Verdict::Warn,
    };
    answers
        .into_iter()
        .map(|(url, answer)| {
            let check = what.of(url.host());
            let Answer(status, message) =
                answer.unwrap_or_else(|error| Answer(silent, format!("{error}. {}", error.fix())));
            Finding::new(check, status, message)
        })
        .collect()
}

/// Checks that each consensus endpoint is of the right chain and synced. Blobs come from them. If file stores serve blobs
/// too, a node starts without a consensus endpoint.
pub(super) fn consensus(settings: &Settings, live: &Live, needed: bool) -> Vec<Finding> {
    let configured = settings.network.l1_chain_id;
    let ask = |at: usize, url: &Endpoint| -> Result<Answer, l1::Error> {
        let mut beacon = Beacon::connect(url.expose().as_str(), CALL)?;
        if let Some(Some(key)) = live.consensus_keys.get(at) {
            beacon = beacon.with_key(key.value.expose_secret(), key.header.as_deref());
        }
        let chain = beacon.chain_id()?;
        if chain != configured {
            let message = format!(
                "it follows chain {chain}, and {} is on chain {configured}. Name an endpoint of the right chain.",
                settings.network_name
            );
            return Ok(Answer(Verdict::Fail, message));
        }
        let sync = beacon.sync()?;
        Ok(match sync.syncing == Some(true) {
            true => Answer(
                Verdict::Warn,
                format!(
                    "it is still syncing, {} slots behind. Wait until it is synced, or name another one.",
                    sync.distance
                ),
            ),
            false => Answer(
                Verdict::Pass,
                format!("chain {chain}, synced at slot {}", sync.head_slot),
            ),
        })
    };
    each(Topic::L1Consensus, &live.consensus_urls, needed, ask)
}

/// Asks the first execution endpoint that answers for the registry and its canonical rollup.
fn contracts(settings: &Settings, probe: &dyn Probe) -> Result<Finding, Fault> {
    const CHECK: Topic = Topic::AztecRegistry;
    let Some(registry) = registry(settings, probe)? else {
        return Ok(Finding::new(
            CHECK,
            Verdict::Fail,
            "its address is not recorded on this host yet. Run `aztec-kit apply`.",
        ));
    };
    let mut last = None;
    for url in settings.l1_rpc_urls() {
        let answers = Reader::connect(url.expose().as_str(), CALL)
            .and_then(|reader| reader.canonical_rollup(registry));
        match answers {
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
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A Beacon API of Sepolia that answers only requests that contain this.
    fn beacon(key: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut request = [0; 4096];
                let count = stream.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..count]).to_lowercase();
                let status = if request.contains(key) {
                    "200 OK"
                } else {
                    "401 Unauthorized"
                };
                let body = r#"{"data":{"chain_id":"11155111","head_slot":"9","sync_distance":"0","is_syncing":false}}"#;
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
        });
        url
    }

    fn answers(l1: &str, needed: bool) -> Vec<(Verdict, String)> {
        let text = format!("network = \"testnet\"\n[l1]\nrpc_urls = [\"http://e\"]\n{l1}\n");
        let settings = Settings::parse(&text).unwrap();
        let findings = consensus(&settings, settings.live().unwrap(), needed);
        let findings = findings.into_iter();
        findings
            .map(|finding| (finding.status, finding.message))
            .collect()
    }

    #[test]
    fn a_consensus_endpoint_gets_its_own_key() {
        let (header, query, none) = (
            beacon("x-api-key: one\r\n"),
            beacon("?key=two "),
            beacon("get /eth"),
        );
        let l1 = format!(
            "consensus_urls = [\"{none}\", \"{header}\", \"{query}\"]\nconsensus_api_keys = [\"\", \"one\", \"two\"]\n\
             consensus_api_key_headers = [\"\", \"x-api-key\"]"
        );
        for (status, message) in answers(&l1, true) {
            assert_eq!(status, Verdict::Pass, "{message}");
        }
        let without = format!("consensus_urls = [\"{header}\"]");
        let (status, message) = &answers(&without, true)[0];
        assert!(
            *status == Verdict::Fail && message.contains("401"),
            "{message}"
        );
    }

    #[test]
    fn a_silent_endpoint_is_a_warning_if_another_source_answers() {
        let good = beacon("get /");
        let dead = "http://127.0.0.1:2";
        let one = format!("consensus_urls = [\"{dead}\"]");
        assert_eq!(answers(&one, true)[0].0, Verdict::Fail);
        assert_eq!(answers(&one, false)[0].0, Verdict::Warn);
        let two = format!("consensus_urls = [\"{dead}\", \"{good}\"]");
        let [first, second] = &answers(&two, true)[..] else {
            panic!("two endpoints");
        };
        assert_eq!((first.0, second.0), (Verdict::Warn, Verdict::Pass));
    }

    #[test]
    fn a_head_in_the_future_has_no_negative_age() {
        assert_eq!(head_of(1, 7, 12), "chain 1, head 7 is 12 s old");
        assert_eq!(
            head_of(31337, 7, -15),
            "chain 31337, head 7 is 15 s ahead of this clock"
        );
    }
}
