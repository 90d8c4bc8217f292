//! The judgement of each answer of the L1 and of the node.

use std::time::Duration;

use l1::Address;
use provision::host::Probe;
use serde_json::Value;

use super::report::{Check, check};
use super::target::Target;
use crate::checks::endpoints;
use crate::checks::l1::OLDEST_L1_HEAD;
use crate::checks::topic::Topic;
use crate::health::Health;
use crate::settings::Settings;

/// Whether the L1 is the right chain and its head is recent.
pub(super) fn l1_answers(settings: &Settings, probe: &dyn Probe, target: &Target) -> Check {
    let topic = Topic::L1Answers;
    let answer = target
        .l1
        .chain_id()
        .and_then(|chain| Ok((chain, target.l1.head()?)));
    let (chain, head) = match answer {
        Ok(answer) => answer,
        Err(error) => return check(topic, Health::Down, format!("{error}. {}", error.fix())),
    };
    let configured = settings.network.l1_chain_id;
    if chain != configured {
        return check(
            topic,
            Health::Down,
            format!("it is chain {chain}, not {configured}"),
        );
    }
    let age = endpoints::age_of(&head, probe.clock().realtime_us / 1_000_000);
    let detail = endpoints::head_of(chain, head.number, age);
    let health = if age.abs() > OLDEST_L1_HEAD {
        Health::Degraded
    } else {
        Health::Ok
    };
    check(topic, health, detail)
}

/// Whether the node reports that it is ready.
pub(super) fn node_answers(target: &Target) -> Check {
    let topic = Topic::NodeAnswers;
    match target.node("isReady") {
        Ok(Value::Bool(true)) => check(topic, Health::Ok, "it reports that it is ready"),
        Ok(_) => check(topic, Health::Degraded, "it reports that it is not ready"),
        // The node listens only once its first sync is done. It is on standby if it does not know the rollup.
        Err(error) => check(
            topic,
            Health::Degraded,
            format!(
                "{error}. The node is starting, syncing, or on standby. Run `aztec-kit explain` to see which."
            ),
        ),
    }
}

/// Checks that the chain id and rollup of the node are those that the registry on the L1 names.
pub(super) fn right_chain(settings: &Settings, target: &Target) -> Check {
    let about = Topic::NodeRollup.named(match settings.rollup() {
        Some(_) => "node follows its rollup",
        None => "node follows the canonical rollup",
    });
    let Some(registry) = target.registry else {
        return check(
            about,
            Health::Down,
            "the contracts are not deployed. Run `aztec-kit apply`.",
        );
    };
    let registered = match target.l1.rollup(registry, settings.rollup()) {
        Ok(rollup) => rollup,
        Err(error) => return check(about, Health::Degraded, error.to_string()),
    };
    let info = match target.node("getNodeInfo") {
        Ok(info) => info,
        Err(error) => return check(about, Health::Degraded, error.to_string()),
    };
    let chain = info["l1ChainId"].as_u64();
    let rollup: Option<Address> = info["l1ContractAddresses"]["rollupAddress"]
        .as_str()
        .and_then(|text| text.parse().ok());
    if chain != Some(settings.network.l1_chain_id) {
        let chain = chain.map_or("unknown".into(), |chain| chain.to_string());
        return check(about, Health::Down, format!("the node is on chain {chain}"));
    }
    match rollup {
        Some(rollup) if rollup == registered => check(about, Health::Ok, format!("{rollup}")),
        Some(rollup) => check(
            about,
            Health::Down,
            format!("it follows {rollup}, the registry names {registered}"),
        ),
        None => check(about, Health::Down, "it names no rollup"),
    }
}

/// Whether a block number grew from `first` to `last`.
pub(super) fn advances(
    topic: Topic,
    first: Option<u64>,
    last: Option<u64>,
    waited: Duration,
) -> Check {
    let seconds = waited.as_secs();
    match (first, last) {
        (Some(first), Some(last)) if last > first => check(
            topic,
            Health::Ok,
            format!("{first} → {last} within {seconds} s"),
        ),
        (_, Some(last)) => check(
            topic,
            Health::Degraded,
            format!("at {last}, not seen to advance within {seconds} s"),
        ),
        // The check that asks for an answer judges a chain that does not answer.
        (_, None) => check(topic, Health::Degraded, "unknown"),
    }
}
