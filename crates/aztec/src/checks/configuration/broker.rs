//! Whether the configured broker of the agents is a prover broker of their release.

use std::time::Duration;

use l1::http_probe::{self, Reply};
use serde_json::json;
use url::Url;

use crate::checks::finding::Finding;
use crate::checks::topic::{About, Topic};
use crate::data::{Release, major};
use crate::names::Role;
use crate::settings::Settings;

/// Long enough for a busy broker on another continent.
const CALL: Duration = Duration::from_secs(10);
/// This call changes nothing: an unknown job is `not-found`. The other calls of a broker take jobs out of its queue
/// (4.1.2 prover-client/dest/proving_broker/proving_broker.js).
const QUESTION: &str = "proverBroker_getProvingJobStatus";
const JOB: &str = "aztec-kit";
/// The header in which every server names its release (4.1.2 and 5.2.0, `getVersioningMiddleware` of stdlib).
const VERSION: &str = "x-aztec-packageversion";

/// The kind of server that answers.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// A broker, with its release if it reports one.
    Broker(Option<String>),
    /// A process on standby. A broker on standby answers `/status` only (4.1.2 standby.js).
    Waiting,
    /// Another server, with a description.
    Other(String),
}

/// Checks the broker of agents if this host does not run it itself.
pub(super) fn broker(settings: &Settings) -> Option<Finding> {
    let url = settings
        .broker_url
        .as_ref()
        .filter(|_| settings.has(Role::ProverAgent))?;
    let check = Topic::Broker.of(url.host());
    Some(match ask(url.expose()) {
        Ok(answer) => judge(check, &answer, &settings.release),
        // A broker may start after its agents.
        Err(error) => Finding::warn(
            check,
            format!("{error}; the agents repeat their requests until it answers"),
        )
        .fix("Start the broker, let this host connect to it, or correct prover_agent.broker_url."),
    })
}

fn ask(url: &Url) -> Result<Answer, l1::Error> {
    let reply = http_probe::call(url.as_str(), QUESTION, &json!([JOB]), CALL)?;
    if reply.status == 404 && reply.body.is_none() {
        let status = http_probe::get(url.as_str(), "status", CALL)?;
        if status.status == 200 {
            return Ok(Answer::Waiting);
        }
    }
    Ok(answer_of(&reply))
}

fn answer_of(reply: &Reply) -> Answer {
    let version = reply.headers.get(VERSION);
    let body = reply.body.as_ref();
    if body.is_some_and(|body| body["result"]["status"].is_string()) {
        return Answer::Broker(version.cloned());
    }
    Answer::Other(match (version, body) {
        (Some(version), _) => format!("an Aztec {version} process, but not a broker"),
        (None, Some(body)) if body["jsonrpc"].is_string() => "another JSON-RPC server".into(),
        _ => format!(
            "a server that answers HTTP {} and not JSON-RPC",
            reply.status
        ),
    })
}

fn judge(check: About, answer: &Answer, release: &Release) -> Finding {
    let own = &release.version;
    match answer {
        Answer::Broker(Some(version)) => of_release(check, version, own),
        Answer::Broker(None) => {
            Finding::warn(check, "it is a prover broker that does not report its release")
                .fix(format!("Make sure that its release is {own}."))
        }
        Answer::Waiting => Finding::warn(
            check,
            "it answers status requests only, like a broker on standby",
        )
        .fix("Read the log of the broker."),
        Answer::Other(description) => Finding::fail(check, format!("it is {description}")).fix(
            "Set prover_agent.broker_url to a prover broker. On a host of aztec-kit, its port is ports.broker (8180).",
        ),
    }
}

/// Whether a broker of this version can serve agents of the release `own`.
fn of_release(check: About, version: &str, own: &str) -> Finding {
    let broker = format!("it is a prover broker of Aztec {version}");
    if version == own {
        return Finding::pass(check, broker);
    }
    let finding = match major(version) == major(own) {
        true => Finding::warn(
            check,
            format!(
                "{broker}, and this host runs {own}: they work together only while both serve the same rollup"
            ),
        ),
        false => Finding::fail(
            check,
            format!("{broker}, which cannot use proofs of agents of {own}"),
        ),
    };
    finding.fix("Set release to that of the broker.")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::Severity;

    /// An answer of HTTP.
    fn http(status: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }

    fn header_of(version: &str) -> String {
        format!("x-aztec-packageVersion: {version}\r\n")
    }

    fn broker_of(version: &str) -> String {
        let body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"status\":\"not-found\"}}";
        http("200 OK", &header_of(version), body)
    }

    /// The finding about a server that gives these answers, one to each request.
    fn found(answers: &[&str]) -> Finding {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Vec<_> = answers.iter().map(ToString::to_string).collect();
        let server = std::thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream);
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let line = line.trim().to_ascii_lowercase();
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        });
        let found = broker(&settings(&url)).unwrap();
        server.join().unwrap();
        found
    }

    fn settings(url: &str) -> Settings {
        let text = "[node]\nenabled = false\n[prover_agent]\nenabled = true\n";
        Settings::parse(&format!("{text}broker_url = \"{url}\"\n")).unwrap()
    }

    #[test]
    fn a_broker_of_the_same_release_is_fine() {
        let found = found(&[&broker_of("4.1.2")]);
        assert_eq!(found.severity, Severity::Pass, "{}", found.text());
    }

    #[test]
    fn a_broker_of_another_release_is_refused_or_reported() {
        let other = found(&[&broker_of("5.2.0")]);
        assert_eq!(other.severity, Severity::Fail);
        assert!(other.text().contains("Aztec 5.2.0") && other.text().contains("4.1.2"));
        let near = found(&[&broker_of("4.3.1")]);
        assert_eq!(near.severity, Severity::Warn, "{}", near.text());
    }

    #[test]
    fn another_server_is_refused_with_its_description() {
        let unknown = "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"\"}}";
        let node = http("400 Bad Request", &header_of("4.1.2"), unknown);
        let ethereum = http("200 OK", "", unknown);
        let page = http("200 OK", "", "<html>");
        let nothing = http("404 Not Found", "", "Not Found");
        let cases: &[(&[&str], &str)] = &[
            (&[&node], "an Aztec 4.1.2 process, but not a broker"),
            (&[&ethereum], "another JSON-RPC server"),
            (&[&page], "a server that answers HTTP 200 and not JSON-RPC"),
            (
                &[&nothing, &nothing],
                "a server that answers HTTP 404 and not JSON-RPC",
            ),
        ];
        for (answers, what) in cases {
            let found = found(answers);
            assert_eq!(found.severity, Severity::Fail, "{}", found.text());
            assert_eq!(found.seen, format!("it is {what}"));
            assert!(found.text().contains("prover_agent.broker_url"));
        }
    }

    #[test]
    fn a_broker_on_standby_is_a_warning() {
        let (nothing, status) = (
            http("404 Not Found", "", "Not Found"),
            http("200 OK", "", "OK"),
        );
        let found = found(&[&nothing, &status]);
        assert_eq!(found.severity, Severity::Warn, "{}", found.text());
    }

    #[test]
    fn a_broker_that_does_not_answer_may_come_later() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let found = broker(&settings(&url)).unwrap();
        assert_eq!(found.severity, Severity::Warn);
        assert!(found.text().contains("refused") && found.text().contains("repeat their requests"));
    }
}
