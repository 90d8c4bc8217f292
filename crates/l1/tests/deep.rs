//! The deep questions of an observation.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod server;

use std::sync::atomic::{AtomicUsize, Ordering};

use l1::Cause;
use l1::observe::{
    BUDGET, BlobsApi, Consensus, Deep, Execution, Observed, Questions, Services, Syncing, Target,
    Targets, Trace, observe,
};
use serde_json::json;
use server::{Reply, Request, block, consensus, error, execution, json_reply, now, result, serve};

const ROLLUP: &str = "0x00000000000000000000000000000000000000aa";

fn deep(execution: &[&str], consensus: &[&str], blobs: BlobsApi) -> Observed {
    let target = |url: &&str| Target::new(url.parse().unwrap());
    let targets = Targets {
        execution: execution.iter().map(target).collect(),
        consensus: consensus.iter().map(target).collect(),
        traces: execution.iter().map(target).collect(),
    };
    let questions = Questions::Deep(Deep {
        chain_id: 11_155_111,
        rollup: Some(ROLLUP.parse().unwrap()),
        blobs,
    });
    observe(&targets, &questions, BUDGET).unwrap()
}

fn one(url: &str) -> Execution {
    deep(&[url], &[], BlobsApi::Blobs).execution.remove(0)
}

/// The facts of a consensus endpoint, with its services apart, and the slot by the clock.
fn consensus_of(url: &str, beacon: &str, blobs: BlobsApi) -> (Consensus, Services, Option<u64>) {
    let mut observed = deep(&[url], &[beacon], blobs).consensus.remove(0);
    let slot = observed.slot_by_clock();
    let services = observed.services.take().unwrap();
    (observed, services, slot)
}

/// A chain of 200 000 blocks, 12 s each. Every third block has three blobs and a transaction.
fn chain(request: &Request) -> Reply {
    let head = 200_000;
    match (request.call(), &request.body["params"][0]) {
        ("eth_getBlockByNumber", tag) => {
            let digits = tag.as_str().unwrap().trim_start_matches("0x").to_owned();
            let number = u64::from_str_radix(&digits, 16).unwrap_or(head);
            let mut block = block(number, now() - 12 * (head - number));
            let blobs = if number.is_multiple_of(3) { 3 } else { 0 };
            block["blobGasUsed"] = json!(format!("{:#x}", blobs * 131_072));
            if blobs > 0 {
                block["transactions"] = json!([format!("0x{number:064x}")]);
            }
            result(block)
        }
        ("eth_syncing", _) => result(json!(false)),
        ("web3_clientVersion", _) => result(json!("Geth/v1.16.7\u{1b}[2K")),
        ("eth_call", _) => result(json!(format!("0x{:064x}", 123))),
        ("eth_getLogs", filter) => {
            assert_eq!(filter["fromBlock"], "0x7b");
            result(json!([{"address": ROLLUP, "blockNumber": "0x7b"}]))
        }
        ("eth_simulateV1", _) => result(json!([{}])),
        ("debug_traceTransaction", _) => result(json!({"from": "0x01", "type": "CALL"})),
        _ => execution(request, 0),
    }
}

#[test]
fn a_good_execution_endpoint_has_all_capabilities() {
    let (url, _) = serve(|request, _| chain(request));
    let observed = deep(&[&url], &[], BlobsApi::Blobs);
    let capabilities = observed.execution[0].capabilities.as_ref().unwrap();
    assert_eq!(*capabilities.syncing.as_ref().unwrap(), Syncing::No);
    assert_eq!(capabilities.version.as_ref().unwrap(), "Geth/v1.16.7 [2K");
    let logs = capabilities.deployment_logs.as_ref().unwrap();
    let logs = logs.as_ref().unwrap();
    assert_eq!((logs.block, logs.logs), (123, 1));
    assert!(capabilities.simulates.is_ok());
    let burst = &capabilities.burst;
    assert_eq!((burst.calls, burst.refused, burst.failed), (20, 0, 0));
    let traces = &observed.traces[0];
    assert!(matches!(traces.recent, Ok(Trace::Traced)));
    assert!(matches!(traces.oldest, Some(Ok(Trace::Traced))));
}

/// Each is a fact of its own: logs are pruned, no method simulates, and half of the calls at once are too many.
#[test]
fn a_missing_capability_is_an_error_of_its_own() {
    let ids = AtomicUsize::new(0);
    let (url, _) = serve(move |request, _| match request.call() {
        "eth_getLogs" => error(4444, "pruned history unavailable"),
        "eth_simulateV1" | "trace_transaction" => error(-32601, "no such method"),
        "debug_traceTransaction" => result(json!({"structLogs": []})),
        "eth_chainId" if ids.fetch_add(1, Ordering::Relaxed) >= 12 => {
            error(-32005, "daily request count exceeded")
        }
        _ => chain(request),
    });
    let observed = deep(&[&url], &[], BlobsApi::Blobs);
    let capabilities = observed.execution[0].capabilities.as_ref().unwrap();
    let logs = capabilities.deployment_logs.as_ref().unwrap();
    let logs = logs.as_ref().unwrap_err().to_string();
    assert!(
        logs.contains("eth_getLogs of block 123") && logs.contains("pruned"),
        "{logs}"
    );
    let simulates = capabilities.simulates.as_ref().unwrap_err();
    assert_eq!(simulates.cause(), Some(Cause::NoMethod));
    let burst = &capabilities.burst;
    assert!(burst.refused >= 8 && burst.failed == 0, "{burst:?}");
    let reason = burst.reason.as_ref().unwrap();
    assert_eq!(reason.cause(), Some(Cause::Quota));
    assert!(capabilities.syncing.is_ok());
    let traces = &observed.traces[0];
    assert!(matches!(traces.recent, Ok(Trace::Refused(_))));
}

const BLOB: usize = 2 + 2 * 131_072;

/// A supernode: it knows every header, and serves three blobs for each slot.
fn supernode(request: &Request, genesis: u64) -> Reply {
    let path = request.path().to_owned();
    let blob = || format!("0x{}", "0".repeat(BLOB - 2));
    match path.trim_start_matches("/eth/v1/") {
        "beacon/genesis" => json_reply(&json!({"data": {"genesis_time": genesis.to_string()}})),
        "config/spec" => json_reply(&json!({"data": {"SECONDS_PER_SLOT": "12"}})),
        "node/version" => json_reply(&json!({"data": {"version": "Lighthouse/v8.0.0"}})),
        "node/identity" => {
            json_reply(&json!({"data": {"metadata": {"custody_group_count": "128"}}}))
        }
        "beacon/headers" => json_reply(&json!({"data": []})),
        path if path.starts_with("beacon/headers/0x") => json_reply(&json!({"data": {}})),
        path if path.starts_with("beacon/blobs/") => {
            json_reply(&json!({"data": [blob(), blob(), blob()]}))
        }
        path if path.starts_with("beacon/blob_sidecars/") => {
            let sidecar = json!({"index": "0", "blob": blob(), "kzg_commitment": "0x00"});
            json_reply(&json!({"data": [sidecar, sidecar, sidecar]}))
        }
        _ => consensus(request),
    }
}

#[test]
fn a_supernode_serves_old_and_new_blobs_in_both_ways() {
    let genesis = now() - 12 * 300_000;
    let (url, _) = serve(|request, _| chain(request));
    for (way, path) in [
        (BlobsApi::Blobs, "/eth/v1/beacon/blobs/"),
        (BlobsApi::Sidecars, "/eth/v1/beacon/blob_sidecars/"),
    ] {
        let (beacon, log) = serve(move |request, _| supernode(request, genesis));
        let (observed, services, slot) = consensus_of(&url, &beacon, way);
        let read_at = u64::try_from(observed.sync.as_ref().unwrap().read_at).unwrap();
        assert_eq!(slot, Some((read_at - genesis) / 12));
        assert_eq!(*services.custody_groups.as_ref().unwrap(), Some(128));
        assert_eq!(services.version.as_ref().unwrap(), "Lighthouse/v8.0.0");
        assert!(services.headers.is_ok());
        assert!(*services.same_chain.as_ref().unwrap().as_ref().unwrap());
        assert_eq!(*services.head_blobs.as_ref().unwrap().as_ref().unwrap(), 3);
        for (blobs, age) in [
            (services.recent_blobs.unwrap(), 64..80),
            (services.far_blobs.unwrap(), 120_000..124_000),
        ] {
            assert_eq!(
                (blobs.block.blobs, *blobs.served.as_ref().unwrap()),
                (Some(3), 3)
            );
            assert!(age.contains(&(200_000 - blobs.block.number)), "{blobs:?}");
            // The slot of a block follows from its time.
            assert_eq!(blobs.slot, (blobs.block.timestamp - genesis) / 12);
        }
        let asked = log
            .lock()
            .unwrap()
            .iter()
            .filter(|it| it.path().starts_with(path))
            .count();
        assert_eq!(asked, 3);
    }
}

/// The words of clients without enough custody: Lodestar 1.44, Prysm (#16091), Lighthouse 8.0 (#8569), and an empty list
/// (status-im/nimbus-eth2#8918).
#[test]
fn an_endpoint_without_blobs_says_why() {
    let genesis = now() - 12 * 300_000;
    let (url, _) = serve(|request, _| chain(request));
    for (status, message) in [
        (
            "503 Service Unavailable",
            "Custody group count of 4 is not sufficient to serve blobs",
        ),
        (
            "404 Not Found",
            "the node does not custody enough data columns, use --supernode",
        ),
        (
            "400 Bad Request",
            "Insufficient data columns to reconstruct blobs: required 64, but only 4",
        ),
    ] {
        let (beacon, _) = serve(move |request, _| match request.path().contains("/blob") {
            true => {
                let body = json!({"code": 0, "message": message}).to_string();
                Reply::Http(status, String::new(), body.into_bytes())
            }
            false => supernode(request, genesis),
        });
        let (_, services, _) = consensus_of(&url, &beacon, BlobsApi::Blobs);
        let why = services
            .recent_blobs
            .unwrap()
            .served
            .unwrap_err()
            .to_string();
        assert!(why.contains(message) && why.contains(&status[..3]), "{why}");
    }
    let (beacon, _) = serve(move |request, _| match request.path().contains("/blob") {
        true => json_reply(&json!({"data": []})),
        false => supernode(request, genesis),
    });
    let (_, services, _) = consensus_of(&url, &beacon, BlobsApi::Blobs);
    assert_eq!(services.recent_blobs.unwrap().served.unwrap(), 0);
}

/// The sync status of a consensus endpoint may lack flags, or have words in place of booleans.
#[test]
fn an_unclear_sync_status_is_not_taken_for_a_good_one() {
    let (url, _) = serve(|request, _| chain(request));
    let (beacon, _) = serve(|request, _| match request.path() {
        "/eth/v1/node/syncing" => json_reply(&json!({"data": {
            "head_slot": "1", "sync_distance": "200000", "is_syncing": "false", "el_offline": true,
        }})),
        path if path.contains("headers/") => server::status("404 Not Found"),
        _ => supernode(request, 0),
    });
    let (observed, services, _) = consensus_of(&url, &beacon, BlobsApi::Blobs);
    let sync = observed.sync.as_ref().unwrap().sync;
    assert_eq!((sync.syncing, sync.optimistic), (None, None));
    assert_eq!(
        (sync.execution_offline, sync.distance),
        (Some(true), 200_000)
    );
    assert!(!services.same_chain.unwrap().unwrap());
    let (beacon, _) = serve(|request, _| match consensus(request) {
        Reply::Http("200 OK", headers, body) => Reply::Http("206 Partial Content", headers, body),
        reply => reply,
    });
    let (observed, _, _) = consensus_of(&url, &beacon, BlobsApi::Blobs);
    assert_eq!(observed.sync.unwrap().sync.syncing, Some(true));
}

#[test]
fn an_endpoint_of_the_other_api_is_recognised() {
    let (url, _) = serve(|request, _| chain(request));
    let (beacon, _) = serve(|request, _| supernode(request, 0));
    let swapped = deep(&[&beacon], &[&url], BlobsApi::Blobs);
    let execution = swapped.execution[0].chain_id.as_ref().unwrap_err();
    assert_eq!(execution.cause(), Some(Cause::IsConsensus));
    assert!(
        execution
            .to_string()
            .contains("this is a consensus endpoint"),
        "{execution}"
    );
    let consensus = swapped.consensus[0].chain_id.as_ref().unwrap_err();
    assert_eq!(consensus.cause(), Some(Cause::IsExecution), "{consensus}");
    assert!(consensus.fix().contains("l1.rpc_urls"));
    assert!(one(&url).chain_id.is_ok());
}
