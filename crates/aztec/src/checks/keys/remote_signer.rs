//! Whether the remote signers of a keystore have its keys. The node asks them when it starts, and exits if they do not.

use std::collections::BTreeSet;
use std::time::Duration;

use keys::keystore::remote_signers;
use keys::keystore::survey::Survey;
use l1::Address;
use l1::http_probe::{self, Reply};
use serde_json::json;
use url::Url;

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::settings::is_bad_port;

/// Long enough for a signer, which is near its node.
const CALL: Duration = Duration::from_secs(10);

/// Asks each signer as the node does: `validateAccess` of 4.1.2 (node-keystore/dest/signer.js). A signer that fails is
/// a warning and stops nothing, because it may be started later.
pub(super) fn findings(survey: &Survey) -> Vec<Finding> {
    let documents = survey.documents.iter().map(|(_, document)| document);
    remote_signers(documents)
        .iter()
        .map(|(url, addresses)| {
            let check = Topic::RemoteSigner.of(url.origin().ascii_serialization());
            match ask(url, addresses) {
                Ok(()) => Finding::pass(
                    check,
                    format!("it has the keys of {} addresses", addresses.len()),
                ),
                Err((seen, fix)) => Finding::warn(check, seen).fix(fix),
            }
        })
        .collect()
}

/// Asks a signer for its accounts; the error is what was seen, and what to do.
fn ask(url: &Url, addresses: &BTreeSet<Address>) -> Result<(), (String, &'static str)> {
    let ends = "the node asks it at its start and then ends";
    if url.port().is_some_and(is_bad_port) {
        return Err((
            "Node.js refuses requests to this port (\"bad port\")".into(),
            "Let the signer listen on another port.",
        ));
    }
    let reply =
        http_probe::call(url.as_str(), "eth_accounts", &json!([]), CALL).map_err(|error| {
            (
                format!("{error}; {ends}"),
                "Start the signer, or correct its URL.",
            )
        })?;
    let Some(has) = accounts(&reply) else {
        return Err((
            format!(
                "it answers eth_accounts with HTTP {} and no list of accounts; {ends}",
                reply.status
            ),
            "Check that this is the JSON-RPC of a Web3Signer.",
        ));
    };
    let missing: Vec<_> = addresses
        .iter()
        .map(ToString::to_string)
        .filter(|address| !has.contains(&address.to_lowercase()))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err((
        format!("it has no key of {}; {ends}", missing.join(", ")),
        "Load the keys into it.",
    ))
}

/// The accounts, in lower case because case does not matter.
fn accounts(reply: &Reply) -> Option<BTreeSet<String>> {
    let body = reply.body.as_ref().filter(|_| reply.status == 200)?;
    let accounts = body["result"].as_array()?;
    let texts = accounts.iter().filter_map(|account| account.as_str());
    Some(texts.map(str::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use keys::keystore::Document;

    use super::*;
    use crate::Severity;

    /// A signer that gives this answer to every request.
    fn signer(status: &'static str, body: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap();
            assert!(String::from_utf8_lossy(&request[..count]).contains("eth_accounts"));
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        });
        url
    }

    fn checked(url: &str) -> Finding {
        let text = format!(
            r#"{{"schemaVersion":1,"remoteSigner":"{url}","validators":[
                {{"attester":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8","feeRecipient":"0x{}"}}]}}"#,
            "0".repeat(64)
        );
        let document = Document::parse(text.as_bytes()).unwrap();
        let survey = Survey {
            documents: vec![("a.json".into(), document)],
            notes: Vec::new(),
        };
        findings(&survey).remove(0)
    }

    #[test]
    fn a_signer_is_asked_as_the_node_asks_it() {
        const OK: &str = "200 OK";
        let good = r#"{"result":["0x70997970C51812DC3A010C7D01B50E0D17DC79C8"]}"#;
        let cases = [
            (signer(OK, good), Severity::Pass, "1 addresses"),
            (
                signer(OK, r#"{"result":[]}"#),
                Severity::Warn,
                "no key of 0x7099",
            ),
            (
                signer(OK, r#"{"error":{}}"#),
                Severity::Warn,
                "no list of accounts",
            ),
            (signer("404 No", "<html>"), Severity::Warn, "HTTP 404"),
            (
                "http://127.0.0.1:2".into(),
                Severity::Warn,
                "Start the signer",
            ),
            ("http://127.0.0.1:10080".into(), Severity::Warn, "bad port"),
        ];
        for (url, status, text) in cases {
            let finding = checked(&url);
            assert_eq!(finding.severity, status, "{}", finding.text());
            assert!(finding.text().contains(text), "{}", finding.text());
        }
    }
}
