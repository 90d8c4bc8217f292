//! Whether each consensus endpoint is of the right chain, synced, and serves blobs.

use l1::observe::{Consensus, ServedBlobs, Services, SyncStatus};

use super::execution::named;
use crate::checks::context::Context;
use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::Topic;
use crate::settings::Settings;

/// Slots between the head of an endpoint and the clock that are normal.
const NEAR: u64 = 4;
/// Custody groups with which an endpoint can serve every blob (half of 128: consensus-specs, Fulu).
const ENOUGH: u64 = 64;

/// A finding for each endpoint. If one does not work, a spare is missing. If none works and no file store serves blobs, the
/// node cannot work; with file stores, it starts without any.
pub(super) fn consensus(cx: &Context<'_>, observed: &[Consensus]) -> Vec<Finding> {
    let found = observed.iter().enumerate();
    let mut found: Vec<_> = found
        .map(|(at, endpoint)| answer(cx.settings, at, endpoint))
        .collect();
    let needed = cx.settings.network.blobs.is_empty();
    if needed && !found.iter().any(|(works, _)| *works) {
        for (_, finding) in &mut found {
            finding.severity = Severity::Fail;
        }
    }
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// Whether an endpoint works, and the finding about it.
fn answer(settings: &Settings, at: usize, endpoint: &Consensus) -> (bool, Finding) {
    let about = || named(Topic::L1Consensus, at, &endpoint.endpoint);
    let (chain, status) = match (&endpoint.chain_id, &endpoint.sync) {
        (Ok(chain), Ok(status)) => (*chain, status),
        (Err(error), _) | (_, Err(error)) => {
            let silent = Finding::warn(about(), error.to_string());
            return (false, silent.fix(error.fix()));
        }
    };
    let configured = settings.network.l1_chain_id;
    if chain != configured {
        let name = &settings.network_name;
        let seen = format!("it follows chain {chain}, and {name} is on chain {configured}");
        let wrong = Finding::warn(about(), seen);
        return (false, wrong.fix("Name an endpoint of the right chain."));
    }
    if let Some((seen, fix)) = behind(status, endpoint.slot_by_clock()) {
        return (true, Finding::warn(about(), seen).fix(fix));
    }
    let slot = status.sync.head_slot;
    let version = endpoint
        .services
        .as_ref()
        .and_then(|it| it.version.as_ref().ok());
    let version = version.map_or(String::new(), |version| format!(", {version}"));
    let seen = format!("chain {chain}, synced at slot {slot}{version}");
    (true, Finding::pass(about(), seen))
}

/// Why an endpoint is not synced, and what to do.
fn behind(status: &SyncStatus, clock: Option<u64>) -> Option<(String, &'static str)> {
    const WAIT: &str = "Wait until it is synced, or name another one.";
    let sync = &status.sync;
    let distance = sync.distance;
    match (sync.syncing, sync.optimistic, sync.execution_offline) {
        (Some(true), ..) => {
            return Some((format!("it is syncing, {distance} slots behind"), WAIT));
        }
        (_, _, Some(true)) => {
            return Some((
                "its execution client does not answer it (el_offline)".into(),
                "Start the execution client that it uses.",
            ));
        }
        (_, Some(true), _) => {
            return Some((
                "its execution client has not verified its head yet (is_optimistic)".into(),
                "Wait until its execution client is synced.",
            ));
        }
        (None, ..) => {
            return Some((
                "it does not say whether it is synced".into(),
                "Check that the URL is that of a Beacon API.",
            ));
        }
        _ => {}
    }
    let late = clock.map_or(0, |clock| clock.saturating_sub(sync.head_slot));
    let far = late.max(distance);
    (far > NEAR).then(|| {
        (
            format!("it says that it is synced, and its head is {far} slots old"),
            WAIT,
        )
    })
}

/// Whether endpoints follow the chain of the execution endpoints.
pub(super) fn same_chain(observed: &[Consensus]) -> Vec<Finding> {
    let services = services(observed);
    let found = services.filter_map(|(at, endpoint, services)| {
        let about = named(Topic::L1SameChain, at, &endpoint.endpoint);
        match services.same_chain.as_ref()? {
            Ok(true) => Some(Finding::pass(about, "it has the block that belongs to the execution chain")),
            Ok(false) => Some(
                Finding::warn(about, "it does not have the block that belongs to the execution chain")
                    .fix("It follows another chain or another fork, or lacks old blocks. Name one that follows the chain of l1.rpc_urls."),
            ),
            Err(_) => None,
        }
    });
    found.collect()
}

/// Whether endpoints serve blobs: of a recent block, and of one near the end of the time for which blobs are kept.
pub(super) fn blobs(cx: &Context<'_>, observed: &[Consensus]) -> Vec<Finding> {
    let services = services(observed);
    let mut found: Vec<_> = services
        .filter_map(|(at, endpoint, services)| {
            let about = named(Topic::L1Blobs, at, &endpoint.endpoint);
            let (severity, seen, fix) = served(services)?;
            Some(Finding::new(about, severity, seen).fix(fix))
        })
        .collect();
    // With a file store, the node follows without blobs of its own.
    let needed = cx.settings.network.blobs.is_empty();
    let refused = |finding: &Finding| finding.severity == Severity::Fail;
    if !needed || !found.iter().all(refused) {
        for finding in found.iter_mut().filter(|finding| refused(finding)) {
            finding.severity = Severity::Warn;
        }
    }
    found
}

const SUPERNODE: &str = "Run the beacon node as a supernode or semi-supernode (since Fusaka only these keep all blobs), or name one \
                         that serves blobs.";

/// What an endpoint served; `None` if the chain has no blobs to ask for.
fn served(services: &Services) -> Option<(Severity, String, &'static str)> {
    let custody = services.custody_groups.as_ref().ok().copied().flatten();
    let recent = services.recent_blobs.as_ref().map(complete);
    let Some(recent) = recent else {
        return custody.filter(|count| *count < ENOUGH).map(|count| {
            let seen = format!("it keeps {count} of 128 custody groups, and serves no blobs with less than {ENOUGH}");
            (Severity::Fail, seen, SUPERNODE)
        });
    };
    let slot = services.recent_blobs.as_ref()?.slot;
    if let Err(why) = recent {
        return Some((
            Severity::Fail,
            format!("blobs of slot {slot}: {why}"),
            SUPERNODE,
        ));
    }
    let Some(far) = &services.far_blobs else {
        return Some((
            Severity::Pass,
            format!("it serves the blobs of slot {slot}"),
            "",
        ));
    };
    match complete(far) {
        Ok(()) => Some((
            Severity::Pass,
            format!(
                "it serves the blobs of slot {slot}, and those of slot {}, 17 days ago",
                far.slot
            ),
            "",
        )),
        Err(why) => Some((
            Severity::Warn,
            format!(
                "it serves the blobs of slot {slot}; of slot {}, 17 days ago: {why}",
                far.slot
            ),
            "It was synced from a checkpoint, or became a supernode, less than 18 days ago. A node that syncs from further back needs \
             another source: wait, or name a second endpoint.",
        )),
    }
}

/// Whether all blobs of a block were served, or why not.
fn complete(blobs: &ServedBlobs) -> Result<(), String> {
    let expected = blobs.block.blobs.unwrap_or(0);
    match &blobs.served {
        Ok(served) if *served >= expected => Ok(()),
        Ok(served) => Err(format!("it served {served} of {expected} blobs")),
        Err(error) => Err(error.to_string()),
    }
}

fn services(observed: &[Consensus]) -> impl Iterator<Item = (usize, &Consensus, &Services)> {
    let endpoints = observed.iter().enumerate();
    endpoints.filter_map(|(at, endpoint)| Some((at, endpoint, endpoint.services.as_ref()?)))
}
