//! The registry of the network, and whether it answers.

use std::panic::resume_unwind;
use std::time::Duration;

use l1::{Address, Reader};
use provision::Fault;
use provision::host::Probe;

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::kinds::recorded;
use crate::layout;
use crate::settings::{Endpoint, Settings};

/// The address of the registry: that of the network, or the one recorded on this host.
pub fn registry(settings: &Settings, probe: &dyn Probe) -> Result<Option<Address>, Fault> {
    match &settings.network.registry {
        Some(address) => Ok(address.parse().ok()),
        None => recorded(&layout::contracts_env(), probe),
    }
}

/// Long enough for a public endpoint on another continent.
const CALL: Duration = Duration::from_secs(10);

/// Asks every execution endpoint for the registry and its canonical rollup; the first in the list that answers counts.
pub(super) fn contracts(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    const CHECK: Topic = Topic::AztecRegistry;
    if settings.live().is_none() && settings.own_l1().is_none() {
        return Ok(Vec::new());
    }
    let Some(registry) = registry(settings, probe)? else {
        let missing = Finding::fail(CHECK, "its address is not recorded on this host yet");
        return Ok(vec![missing.command("aztec-kit apply")]);
    };
    let ask = |url: &Endpoint| {
        let reader = Reader::connect(url.expose().as_str(), CALL)?;
        reader.canonical_rollup(registry)
    };
    let answers: Vec<_> = std::thread::scope(|scope| {
        let urls = settings.l1_rpc_urls().iter();
        let threads: Vec<_> = urls.map(|url| scope.spawn(move || ask(url))).collect();
        let answers = threads.into_iter();
        answers
            .map(|thread| thread.join().unwrap_or_else(|it| resume_unwind(it)))
            .collect()
    });
    let rollup = answers.iter().find_map(|answer| answer.as_ref().ok());
    let found = match (rollup, answers.first()) {
        (Some(rollup), _) => {
            let seen = format!("{registry} answers: the canonical rollup is {rollup}");
            Some(Finding::pass(CHECK, seen))
        }
        (None, Some(Err(error))) => Some(Finding::fail(CHECK, error.to_string()).fix(error.fix())),
        _ => None,
    };
    Ok(found.into_iter().collect())
}
