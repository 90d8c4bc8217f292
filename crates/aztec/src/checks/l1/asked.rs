//! What the endpoints of the L1 are asked, once for all checks.

use std::time::Duration;

use l1::Address;
use l1::observe::{BUDGET, BlobsApi, Deep, Observed, Questions, Target, Targets, observe};
use secrecy::ExposeSecret;

use crate::data::major;
use crate::settings::{Endpoint, Settings};

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The chain and its head.
    Light,
    /// Everything that a node may need.
    Deep,
}

/// Asks all endpoints of a host at once. The answer is there after 12 s at the latest.
///
/// # Errors
///
/// If the HTTP client cannot be made.
pub fn ask(settings: &Settings, depth: Depth, rollup: Option<Address>) -> l1::Result<Observed> {
    let questions = match depth {
        Depth::Light => Questions::Light,
        Depth::Deep => Questions::Deep(Deep {
            chain_id: settings.network.l1_chain_id,
            rollup,
            blobs: blobs(settings),
        }),
    };
    observe(&targets(settings, depth), &questions, BUDGET)
}

/// How the release asks for blobs: 4.1.2 blob-client/dest/client/http.js, and blob-client/src/client/http.ts of the sources
/// of 6. No release between them was seen.
fn blobs(settings: &Settings) -> BlobsApi {
    match major(&settings.release.version) {
        Some(..5) => BlobsApi::Sidecars,
        _ => BlobsApi::Blobs,
    }
}

fn targets(settings: &Settings, depth: Depth) -> Targets {
    let plain = |url: &Endpoint| Target::new(url.expose().clone());
    let execution = settings.l1_rpc_urls().iter().map(plain).collect();
    let Some(live) = settings.live().filter(|_| depth == Depth::Deep) else {
        return Targets {
            execution,
            ..Targets::default()
        };
    };
    let keys = live.consensus_keys.iter().map(Option::as_ref);
    let keys = keys.chain(std::iter::repeat(None));
    let consensus = live.consensus_urls.iter().zip(keys);
    let consensus = consensus.map(|(url, key)| match key {
        Some(key) => plain(url).with_key(key.value.expose_secret(), key.header.as_deref()),
        None => plain(url),
    });
    // Without debug endpoints, the node asks its execution endpoints.
    let traces = match live.debug_urls.as_slice() {
        [] => &live.rpc_urls,
        urls => urls,
    };
    Targets {
        consensus: consensus.collect(),
        traces: match super::traces::is_needed(settings) {
            true => traces.iter().map(plain).collect(),
            false => Vec::new(),
        },
        execution,
    }
}

/// How long the address of the rollup is waited for before the endpoints are asked without it.
pub const ROLLUP: Duration = Duration::from_millis(1500);
