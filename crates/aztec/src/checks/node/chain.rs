//! Whether the node is ready, and follows the rollup that it should follow.

use l1::Address;
use provision::Fault;
use serde_json::Value;

use super::target::Target;
use crate::checks::context::Context;
use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::names::Role;
use crate::settings::Settings;

/// Whether the node reports that it is ready.
pub(super) fn node_answers(cx: &Context<'_>) -> Result<Vec<Finding>, Fault> {
    if !follows(cx) {
        return Ok(Vec::new());
    }
    let topic = Topic::NodeAnswers;
    let target = Target::new(cx.settings, cx.probe())?;
    Ok(vec![match target.node("isReady") {
        Ok(Value::Bool(true)) => Finding::pass(topic, "it reports that it is ready"),
        Ok(_) => Finding::warn(topic, "it reports that it is not ready"),
        // The node listens only once its first sync is done. It is on standby if it does not know the rollup.
        Err(error) => Finding::warn(
            topic,
            format!("{error}. The node is starting, syncing, or on standby"),
        )
        .fix("Its log says which.")
        .command("aztec-kit explain"),
    }])
}

/// Whether this host has a node that is to follow a chain now. One that stands by has none yet.
fn follows(cx: &Context<'_>) -> bool {
    let unfit = || {
        cx.fit()
            .is_some_and(|fit| fit.verdict == crate::fit::Verdict::DoesNotFit)
    };
    cx.settings.has(Role::Node) && !(cx.settings.stands_by() && unfit())
}

/// Checks that the chain id and rollup of the node are those that the registry on the L1 names.
pub(super) fn right_rollup(cx: &Context<'_>) -> Result<Vec<Finding>, Fault> {
    if !follows(cx) {
        return Ok(Vec::new());
    }
    let target = Target::new(cx.settings, cx.probe())?;
    Ok(vec![rollup(cx.settings, &target)])
}

fn rollup(settings: &Settings, target: &Target) -> Finding {
    let about = Topic::NodeRollup.named(match settings.rollup() {
        Some(_) => "node follows its rollup",
        None => "node follows the canonical rollup",
    });
    let Some(registry) = target.registry else {
        return Finding::fail(about, "the contracts are not deployed").command("aztec-kit apply");
    };
    let registered = match target.l1(|l1| l1.rollup(registry, settings.rollup())) {
        Ok(rollup) => rollup,
        Err(error) => return Finding::warn(about, error.to_string()).fix(error.fix()),
    };
    let info = match target.node("getNodeInfo") {
        Ok(info) => info,
        Err(error) => return Finding::warn(about, error.to_string()),
    };
    let chain = info["l1ChainId"].as_u64();
    let rollup: Option<Address> = info["l1ContractAddresses"]["rollupAddress"]
        .as_str()
        .and_then(|text| text.parse().ok());
    if chain != Some(settings.network.l1_chain_id) {
        let chain = chain.map_or("unknown".into(), |chain| chain.to_string());
        return Finding::fail(about, format!("the node is on chain {chain}"));
    }
    match rollup {
        Some(rollup) if rollup == registered => Finding::pass(about, rollup.to_string()),
        Some(rollup) => Finding::fail(
            about,
            format!("it follows {rollup}, the registry names {registered}"),
        ),
        None => Finding::fail(about, "it names no rollup"),
    }
}
