//! Where preflight and the node disagree, each with the reason. A row that agrees must not be here, so that the list
//! shrinks with the differences.

/// The limit of the memory of preflight.
pub(super) const MEMORY: &str = "memory of preflight";
/// The limit of its time.
pub(super) const TIME: &str = "time of preflight";

/// The name of a row or of a limit, and why preflight is not as it should be.
pub(super) const DISAGREES: &[(&str, &str)] = &[
    // They are right to disagree.
    (
        "wrong chain id",
        "the node reads the chain id only from its configuration, and no real endpoint has another chain with these contracts",
    ),
    (
        "consensus: other chain",
        "the node never asks for the chain of a consensus endpoint, and no real one of another chain has its blobs",
    ),
    (
        "consensus: 502 at first",
        "the node asks once and exits, and its unit starts it again, when the endpoint works",
    ),
    // To be built.
    (
        "slow 3 s",
        "preflight shows how long an answer takes, and does not judge it",
    ),
    (
        "no eth_getLogs",
        "preflight only warns, and the node repeats the call for ever",
    ),
    (
        "eth_call at latest only",
        "preflight calls at the latest block, and the node at a number",
    ),
    (
        "hardhat",
        "preflight only warns about a registry that is not there",
    ),
    (
        "ganache",
        "preflight only warns about a registry that is not there",
    ),
    (
        "consensus: no blobs",
        "preflight does not notice that the blobs of the rollup are missing",
    ),
    (
        "consensus: custody",
        "preflight does not notice that the blobs of the rollup are missing",
    ),
];

/// What is wrong about a row or a limit, if it is not as the list says. `what` is what was seen.
pub(super) fn wrong(name: &str, agrees: bool, what: &str) -> Option<String> {
    let listed = DISAGREES.iter().any(|(known, _)| *known == name);
    match (agrees, listed) {
        (false, false) => Some(format!("{name}: {what}")),
        (true, true) => Some(format!(
            "{name} is as it should be: remove it from the list of those that disagree. {what}"
        )),
        _ => None,
    }
}

/// The entries of the list that are about nothing. `rows` are the names of the rows.
pub(super) fn unknown(rows: &[&str]) -> Vec<String> {
    let names = [rows, &[MEMORY, TIME]].concat();
    let listed = DISAGREES.iter().map(|(name, _)| *name);
    let unknown = listed.filter(|name| !names.contains(name));
    unknown
        .map(|name| format!("no row is called {name}"))
        .collect()
}
