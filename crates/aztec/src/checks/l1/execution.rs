//! Whether each execution endpoint is of the right chain, and its head is new.

use l1::observe::{Execution, Head, Syncing};

use crate::checks::context::Context;
use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::{About, Topic};
use crate::settings::Settings;

/// The greatest age of the head of an L1, seconds. The node refuses to start on an older one
/// (`MAX_ALLOWED_ETH_CLIENT_DRIFT_SECONDS`, 4.1.2 and 5.2.0). It accepts one in the future.
const OLDEST_L1_HEAD: i64 = 300;

/// What an endpoint is to a node that asks for chain and head.
enum Answer {
    /// It can work with it.
    Works(Finding),
    /// It answers, and the node takes its answer, which is wrong.
    Wrong(Finding),
    /// It does not answer, and the node asks the next one.
    Silent(Finding),
}

/// A finding for each endpoint.
pub(super) fn execution(cx: &Context<'_>, observed: &[Execution]) -> Vec<Finding> {
    let answers = observed.iter().enumerate();
    let answers = answers.map(|(at, endpoint)| answer(cx.settings, at, endpoint));
    listed(answers.collect())
}

/// The name of an endpoint: its place in its list, and scheme, host and port.
pub(super) fn named(topic: Topic, at: usize, endpoint: &str) -> About {
    topic.of(format!("{} {endpoint}", at + 1))
}

fn answer(settings: &Settings, at: usize, endpoint: &Execution) -> Answer {
    let about = || named(Topic::L1Execution, at, &endpoint.endpoint);
    let (chain, head) = match (&endpoint.chain_id, &endpoint.head) {
        (Ok(chain), Ok(head)) => (*chain, head),
        (Err(error), _) | (_, Err(error)) => {
            return Answer::Silent(Finding::warn(about(), error.to_string()).fix(error.fix()));
        }
    };
    let configured = settings.network.l1_chain_id;
    if chain != configured {
        let name = &settings.network_name;
        let seen = format!("it is chain {chain}, and {name} is on chain {configured}");
        let wrong = Finding::warn(about(), seen);
        return Answer::Wrong(wrong.fix("Name an endpoint of the right chain."));
    }
    let seen = head_of(chain, head);
    if head.age > OLDEST_L1_HEAD {
        let fix = format!(
            "The node does not start on a head that is more than {OLDEST_L1_HEAD} s old. Check that the endpoint is synced, and that the clock of this host is right."
        );
        return Answer::Wrong(Finding::warn(about(), seen).fix(fix));
    }
    if head.age < -OLDEST_L1_HEAD {
        let ahead = Finding::warn(about(), seen);
        return Answer::Works(ahead.fix("Check the clock of this host."));
    }
    let syncing = endpoint.capabilities.as_ref().map(|it| &it.syncing);
    if let Some(Ok(Syncing::Yes { current, highest })) = syncing {
        let number = |number: &Option<u64>| number.map_or("?".into(), |number| number.to_string());
        let (current, highest) = (number(current), number(highest));
        let seen = format!("{seen}; it is syncing, at block {current} of {highest}");
        let syncing = Finding::warn(about(), seen);
        return Answer::Works(syncing.fix("Wait until it is synced, or name another one."));
    }
    let latency = endpoint.latency.map(|it| it.as_millis());
    let latency = latency.map_or(String::new(), |millis| format!(", answered in {millis} ms"));
    Answer::Works(Finding::pass(about(), seen + &latency))
}

/// The node takes the answer of the first endpoint that answers, right or wrong (4.1.2, seen with the real node). If none
/// answers, it cannot work. An endpoint behind the first is a spare.
fn listed(answers: Vec<Answer>) -> Vec<Finding> {
    let works = |answer: &Answer| matches!(answer, Answer::Works(_));
    let any = answers.iter().any(works);
    let first = answers
        .iter()
        .position(|answer| !matches!(answer, Answer::Silent(_)));
    let answers = answers.into_iter().enumerate();
    answers
        .map(|(at, answer)| match answer {
            Answer::Works(finding) => finding,
            Answer::Wrong(finding) if first == Some(at) => failed(finding),
            Answer::Wrong(finding) | Answer::Silent(finding) if any => finding,
            Answer::Wrong(finding) | Answer::Silent(finding) => failed(finding),
        })
        .collect()
}

fn failed(finding: Finding) -> Finding {
    Finding {
        severity: Severity::Fail,
        ..finding
    }
}

/// The head of a chain and its age, for people. The head of a local chain can be ahead of the clock.
fn head_of(chain: u64, head: &Head) -> String {
    let when = match head.age {
        age @ 0.. => format!("{age} s old"),
        age => format!("{} s ahead of this clock", age.unsigned_abs()),
    };
    format!("chain {chain}, head {} is {when}", head.block.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severities(answers: &str) -> Vec<Severity> {
        let finding = || Finding::warn(Topic::L1Execution, "");
        let answers = answers.chars().map(|answer| match answer {
            'o' => Answer::Works(Finding::pass(Topic::L1Execution, "")),
            'x' => Answer::Wrong(finding()),
            _ => Answer::Silent(finding()),
        });
        let found = listed(answers.collect()).into_iter();
        found.map(|finding| finding.severity).collect()
    }

    #[test]
    fn the_first_that_answers_decides() {
        use Severity::{Fail, Pass, Warn};
        for (answers, expected) in [
            ("o", vec![Pass]),
            ("-o", vec![Warn, Pass]),
            ("o-", vec![Pass, Warn]),
            ("--", vec![Fail, Fail]),
            ("xo", vec![Fail, Pass]),
            ("ox", vec![Pass, Warn]),
            ("-xo", vec![Warn, Fail, Pass]),
            ("-x", vec![Fail, Fail]),
        ] {
            assert_eq!(severities(answers), expected, "{answers}");
        }
    }
}
