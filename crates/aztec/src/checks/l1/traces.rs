//! Whether an L1 endpoint traces transactions. Some releases do not start without one.

use l1::observe::TraceFacts;
use l1::{Cause, Traces};

use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::Topic;
use crate::names::L1Use;
use crate::settings::{NO_TRACES, Settings};

const CHECK: Topic = Topic::L1Traces;

/// Whether a host needs an endpoint with traces.
pub(super) fn is_needed(settings: &Settings) -> bool {
    let debug = |live: &crate::settings::Live| !live.debug_urls.is_empty();
    let wanted = settings.release.facts.needs_traces || settings.live().is_some_and(debug);
    wanted && settings.uses_l1(L1Use::Follows)
}

/// Judges the answers as a node does at its start. One endpoint with traces is enough.
pub(super) fn traces(settings: &Settings, observed: &[TraceFacts]) -> Option<Finding> {
    let live = settings.live().filter(|_| is_needed(settings))?;
    let mut best = None;
    let mut failures = Vec::new();
    for endpoint in observed {
        match answer(settings, endpoint) {
            Ok(found) if Some(found) > best => best = Some(found),
            Ok(_) => {}
            Err(why) => failures.push(why),
        }
        if best == Some(Traces::Old) {
            let seen = format!(
                "{} traces transactions, including old ones",
                endpoint.endpoint
            );
            return Some(Finding::pass(CHECK, seen));
        }
    }
    // Another check already reports an execution endpoint that does not answer.
    let is_reported = best.is_none() && live.debug_urls.is_empty();
    (!is_reported).then(|| judge(settings, best, &failures))
}

fn answer(settings: &Settings, endpoint: &TraceFacts) -> Result<Traces, String> {
    let configured = settings.network.l1_chain_id;
    match &endpoint.chain_id {
        Ok(found) if *found != configured => Err(format!(
            "{} is chain {found}, not {configured}",
            endpoint.endpoint
        )),
        Err(error) if error.cause() != Some(Cause::Quota) => Err(error.to_string()),
        _ => endpoint.summary().map_err(|error| error.to_string()),
    }
}

/// The finding if no endpoint traces old transactions.
fn judge(settings: &Settings, best: Option<Traces>, failures: &[String]) -> Finding {
    let version = &settings.release.version;
    let what = match best {
        Some(Traces::Old | Traces::Recent) => {
            let seen = "transactions of new blocks are traced, and those of 512 blocks ago are not";
            return Finding::warn(CHECK, seen).fix(
                "The node starts, and may have trouble while it catches up. Name an archive node with l1.debug_urls.",
            );
        }
        Some(Traces::None) => {
            "no endpoint traces transactions (debug_traceTransaction or trace_transaction)"
                .to_owned()
        }
        Some(Traces::Untried) => {
            "the last blocks have no transaction to test traces with".to_owned()
        }
        None => format!(
            "no endpoint answered a request for traces ({})",
            failures.join("; ")
        ),
    };
    let name = "Name an endpoint that traces transactions with l1.debug_urls: a node with an open debug or trace API, or a \
                provider's plan that includes it.";
    let allowed = settings.allows_no_traces() || !settings.release.facts.needs_traces;
    if allowed {
        return Finding::warn(CHECK, what).fix(format!(
            "The node starts, and stops at a proposal that it cannot read without traces. {name}"
        ));
    }
    let seen = format!("{what}, and Aztec {version} does not start without traces");
    Finding::new(CHECK, Severity::Fail, seen).fix(format!(
        "{name} Or set {NO_TRACES} = \"true\" under [env]: the node then starts, and stops at a proposal that it cannot read \
         without traces."
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::super::asked;
    use super::*;

    /// A chain whose newest block has these transactions. It answers requests for traces with `trace`, or refuses them.
    fn chain(trace: Option<&'static str>, transactions: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut length = 0;
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                        length = text.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let call: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let answer = match call["method"].as_str().unwrap() {
                    "eth_chainId" => "\"result\":\"0xaa36a7\"".to_owned(),
                    "eth_getBlockByNumber" => format!("\"result\":{}", block(transactions)),
                    "debug_traceTransaction" if trace.is_some() => {
                        format!("\"result\":{}", trace.unwrap())
                    }
                    _ => "\"error\":{\"code\":-32601,\"message\":\"no\"}".to_owned(),
                };
                let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":{},{answer}}}", call["id"]);
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
                    answer.len()
                )
                .unwrap();
            }
        });
        url
    }

    fn block(transactions: &str) -> String {
        let zero = |bytes: usize| format!("0x{}", "0".repeat(2 * bytes));
        serde_json::json!({
            "number": "0x5", "hash": zero(32), "parentHash": zero(32), "sha3Uncles": zero(32), "miner": zero(20),
            "stateRoot": zero(32), "transactionsRoot": zero(32), "receiptsRoot": zero(32), "logsBloom": zero(256),
            "difficulty": "0x0", "gasLimit": "0x1", "gasUsed": "0x0", "timestamp": "0x1", "extraData": "0x",
            "mixHash": zero(32), "nonce": zero(8), "size": "0x1", "uncles": [],
            "transactions": serde_json::from_str::<serde_json::Value>(transactions).unwrap(),
        })
        .to_string()
    }

    const ONE: &str = "[\"0x0000000000000000000000000000000000000000000000000000000000000001\"]";
    const CALL_TRACE: &str = "{\"from\":\"0x01\",\"type\":\"CALL\"}";

    fn found(release: &str, l1: &str, more: &str) -> Option<Finding> {
        let text = format!(
            "network = \"testnet\"\nrelease = \"{release}\"\n[l1]\nconsensus_urls = [\"http://b\"]\n{l1}{more}"
        );
        let settings = Settings::parse(&text).unwrap();
        let observed = asked::ask(&settings, asked::Depth::Deep, None).unwrap();
        traces(&settings, &observed.traces)
    }

    #[test]
    fn one_endpoint_that_traces_is_enough() {
        let (good, bad) = (chain(Some(CALL_TRACE), ONE), chain(None, ONE));
        let rpc = format!("rpc_urls = [\"http://127.0.0.1:2\", \"{bad}\", \"{good}\"]\n");
        let finding = found("6.0.0", &rpc, "").unwrap();
        assert_eq!(finding.severity, Severity::Pass, "{}", finding.text());
        // If there are debug endpoints, the execution endpoints are not asked.
        let debug = format!("{rpc}debug_urls = [\"{bad}\"]\n");
        assert_eq!(found("6.0.0", &debug, "").unwrap().severity, Severity::Fail);
        let debug = format!("rpc_urls = [\"{bad}\"]\ndebug_urls = [\"{good}\"]\n");
        assert_eq!(found("6.0.0", &debug, "").unwrap().severity, Severity::Pass);
    }

    #[test]
    fn a_release_that_needs_traces_is_refused_without_them_unless_the_operator_allows_it() {
        let allowed = format!("[env]\n{NO_TRACES} = \"true\"\n");
        let other = chain(Some("{\"structLogs\":[]}"), ONE);
        for (url, why) in [
            (chain(None, ONE), "no endpoint traces"),
            (other, "no endpoint traces"),
            (chain(Some(CALL_TRACE), "[]"), "have no transaction"),
        ] {
            let l1 = format!("rpc_urls = [\"{url}\"]\n");
            let finding = found("6.0.0", &l1, "").unwrap();
            assert_eq!(finding.severity, Severity::Fail, "{}", finding.text());
            for word in [why, "l1.debug_urls", NO_TRACES] {
                assert!(finding.text().contains(word), "{}", finding.text());
            }
            let finding = found("6.0.0", &l1, &allowed).unwrap();
            assert_eq!(finding.severity, Severity::Warn, "{}", finding.text());
            assert_eq!(found("5.2.0", &l1, ""), None);
        }
        let silent = "rpc_urls = [\"http://127.0.0.1:2\"]\n";
        assert_eq!(found("6.0.0", silent, ""), None);
        let silent = format!("{silent}debug_urls = [\"http://127.0.0.1:2\"]\n");
        let finding = found("6.0.0", &silent, "").unwrap();
        assert!(
            finding.text().contains("no endpoint answered"),
            "{}",
            finding.text()
        );
    }
}
