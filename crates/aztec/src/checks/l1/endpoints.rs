//! Whether the L1 answers, is the right chain, and has the contracts.

use std::panic::resume_unwind;
use std::time::Duration;

use l1::reader::Head;
use l1::{Beacon, Reader};
use provision::Fault;
use provision::host::Probe;
use secrecy::ExposeSecret;

use super::registry::{OLDEST_L1_HEAD, registry};
use crate::checks::check::Verb;
use crate::checks::context::Context;
use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::Topic;
use crate::names::Role;
use crate::settings::{Endpoint, Settings};

/// Long enough for a public endpoint on another continent.
const CALL: Duration = Duration::from_secs(10);

/// Checks that every execution endpoint is on the right chain and has a fresh head.
pub(super) fn execution(cx: &Context<'_>) -> Vec<Finding> {
    let settings = cx.settings;
    let asked = match cx.verb {
        Verb::Smoke | Verb::Doctor => settings.has(Role::Node),
        Verb::Bootstrap => settings.live().is_some() || settings.own_l1().is_some(),
        _ => settings.live().is_some() && settings.has_role(),
    };
    if !asked {
        return Vec::new();
    }
    let configured = settings.network.l1_chain_id;
    let ask = |_, url: &Endpoint| -> Result<Answer, l1::Error> {
        let reader = Reader::connect(url.expose().as_str(), CALL)?;
        let chain = reader.chain_id()?;
        if chain != configured {
            return Ok(wrong_chain("it is", chain, settings));
        }
        let head = reader.head()?;
        let age = age_of(&head, cx.probe().clock().realtime_us / 1_000_000);
        let seen = head_of(chain, head.number, age);
        if age.abs() > OLDEST_L1_HEAD {
            let fix = format!(
                "The node refuses a head that is more than {OLDEST_L1_HEAD} s old. Check that the endpoint is synced and that the clock of this host is right."
            );
            return Ok(Answer(Severity::Fail, seen, fix));
        }
        Ok(Answer(Severity::Pass, seen, String::new()))
    };
    each(Topic::L1Execution, settings.l1_rpc_urls(), true, ask)
}

fn wrong_chain(what: &str, chain: u64, settings: &Settings) -> Answer {
    let (name, configured) = (&settings.network_name, settings.network.l1_chain_id);
    let seen = format!("{what} chain {chain}, and {name} is on chain {configured}");
    let fix = "Name an endpoint of the right chain.".to_owned();
    Answer(Severity::Fail, seen, fix)
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

/// The finding about one endpoint: its severity, what was seen, and what to do.
struct Answer(Severity, String, String);

/// One finding for each endpoint, all asked at the same time. If one does not answer, a spare is missing. If none answers
/// and one is needed, the node cannot work.
fn each(
    what: Topic,
    urls: &[Endpoint],
    needed: bool,
    ask: impl Fn(usize, &Endpoint) -> Result<Answer, l1::Error> + Sync,
) -> Vec<Finding> {
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = &ask;
        let threads: Vec<_> = urls
            .iter()
            .enumerate()
            .map(|(at, url)| (url, scope.spawn(move || ask(at, url))))
            .collect();
        let answers = threads.into_iter();
        answers
            .map(|(url, thread)| (url, thread.join().unwrap_or_else(|it| resume_unwind(it))))
            .collect()
    });
    let works = |(_, answer): &(_, Result<Answer, _>)| {
        matches!(answer, Ok(Answer(Severity::Pass | Severity::Warn, ..)))
    };
    let silent = match needed && !answers.iter().any(works) {
        true => Severity::Fail,
        false => Severity::Warn,
    };
    answers
        .into_iter()
        .map(|(url, answer)| {
            let Answer(severity, seen, fix) = answer
                .unwrap_or_else(|error| Answer(silent, error.to_string(), error.fix().to_owned()));
            Finding::new(what.of(url.host()), severity, seen).fix(fix)
        })
        .collect()
}

/// Checks that each consensus endpoint is of the right chain and synced. Blobs come from them. If file stores serve blobs
/// too, a node starts without a consensus endpoint.
pub(super) fn consensus(settings: &Settings) -> Vec<Finding> {
    let Some(live) = settings.live().filter(|_| settings.has_role()) else {
        return Vec::new();
    };
    let configured = settings.network.l1_chain_id;
    let ask = |at: usize, url: &Endpoint| -> Result<Answer, l1::Error> {
        let mut beacon = Beacon::connect(url.expose().as_str(), CALL)?;
        if let Some(Some(key)) = live.consensus_keys.get(at) {
            beacon = beacon.with_key(key.value.expose_secret(), key.header.as_deref());
        }
        let chain = beacon.chain_id()?;
        if chain != configured {
            return Ok(wrong_chain("it follows", chain, settings));
        }
        let sync = beacon.sync()?;
        Ok(match sync.syncing {
            true => Answer(
                Severity::Warn,
                format!("it is still syncing, {} slots behind", sync.distance),
                "Wait until it is synced, or name another one.".into(),
            ),
            false => Answer(
                Severity::Pass,
                format!("chain {chain}, synced at slot {}", sync.head_slot),
                String::new(),
            ),
        })
    };
    let needed = settings.network.blobs.is_empty();
    each(Topic::L1Consensus, &live.consensus_urls, needed, ask)
}

/// Asks the first execution endpoint that answers for the registry and its canonical rollup.
pub(super) fn contracts(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    const CHECK: Topic = Topic::AztecRegistry;
    if settings.live().is_none() && settings.own_l1().is_none() {
        return Ok(Vec::new());
    }
    let Some(registry) = registry(settings, probe)? else {
        let missing = Finding::fail(CHECK, "its address is not recorded on this host yet");
        return Ok(vec![missing.command("aztec-kit apply")]);
    };
    let mut last = None;
    for url in settings.l1_rpc_urls() {
        let answers = Reader::connect(url.expose().as_str(), CALL)
            .and_then(|reader| reader.canonical_rollup(registry));
        match answers {
            Ok(rollup) => {
                let seen = format!("{registry} answers: the canonical rollup is {rollup}");
                return Ok(vec![Finding::pass(CHECK, seen)]);
            }
            Err(error) => last = Some(error),
        }
    }
    let failed = last.map(|error| Finding::fail(CHECK, error.to_string()).fix(error.fix()));
    Ok(failed.into_iter().collect())
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

    fn answers(l1: &str, needed: bool) -> Vec<(Severity, String)> {
        let text = format!("network = \"testnet\"\n[l1]\nrpc_urls = [\"http://e\"]\n{l1}\n");
        let mut settings = Settings::parse(&text).unwrap();
        settings.network.blobs = match needed {
            true => Vec::new(),
            false => vec!["https://blobs.example".into()],
        };
        let findings = consensus(&settings);
        let findings = findings.into_iter();
        findings
            .map(|finding| (finding.severity, finding.text()))
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
            assert_eq!(status, Severity::Pass, "{message}");
        }
        let without = format!("consensus_urls = [\"{header}\"]");
        let (status, message) = &answers(&without, true)[0];
        assert!(
            *status == Severity::Fail && message.contains("401"),
            "{message}"
        );
    }

    #[test]
    fn a_silent_endpoint_is_a_warning_if_another_source_answers() {
        let good = beacon("get /");
        let dead = "http://127.0.0.1:2";
        let one = format!("consensus_urls = [\"{dead}\"]");
        assert_eq!(answers(&one, true)[0].0, Severity::Fail);
        assert_eq!(answers(&one, false)[0].0, Severity::Warn);
        let two = format!("consensus_urls = [\"{dead}\", \"{good}\"]");
        let [first, second] = &answers(&two, true)[..] else {
            panic!("two endpoints");
        };
        assert_eq!((first.0, second.0), (Severity::Warn, Severity::Pass));
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
