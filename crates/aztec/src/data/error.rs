//! The error dictionary: known errors in the logs of processes.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::severity::Severity;

/// One entry of the dictionary.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownError {
    /// A short name, for people and for tools; part of the contract with them.
    pub id: String,
    /// A line that contains one of these is this error.
    pub lines: Vec<String>,
    /// The files of 4.1.2 that contain such words, relative to its `node_modules`.
    #[serde(default)]
    pub files: Vec<String>,
    /// The files of a later release that contain them, if 4.1.2 does not.
    #[serde(default)]
    pub later: Vec<String>,
    /// The lines that no published package contains, although it contains others.
    #[serde(default)]
    pub unseen: Vec<String>,
    /// The severity of a process that logs it. Some lines only look bad.
    pub severity: Severity,
    /// What the error means.
    pub means: String,
    /// What to do.
    pub fix: String,
}

impl KnownError {
    /// Whether a line of a log is this error.
    pub fn is_said_by(&self, line: &str) -> bool {
        self.lines.iter().any(|words| line.contains(words))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dictionary {
    known: Vec<KnownError>,
}

static DICTIONARY: LazyLock<Vec<KnownError>> = LazyLock::new(|| {
    let text = include_str!("../../data/errors.toml");
    let dictionary: Dictionary = toml::from_str(text).expect("data/errors.toml is tested");
    dictionary.known
});

/// Every entry, in the order in which they are tried.
pub fn known_errors() -> &'static [KnownError] {
    &DICTIONARY
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Complete lines of real processes, each with the entry that it belongs to. Those of LMDB were seen on a full, a damaged
    /// and a read-only disk with the database of 4.1.2.
    #[test]
    fn lines_that_were_seen_are_known() {
        let seen = [
            (
                "disk-full",
                "ERROR: kv-store Failed to commit transaction: [Error: Failed to commit data Error: mdb_txn_commit: 28 - No space left on device",
            ),
            (
                "database-full",
                "Error: mdb_txn_commit: -30792 - MDB_MAP_FULL: Environment mapsize limit reached",
            ),
            (
                "database-damaged",
                "  what():  mdb_env_open: -30793 - MDB_INVALID: File is not an LMDB file",
            ),
            (
                "keystore-not-claimed",
                "/etc/aztec/keystore/a.json is not the keystore that was claimed; aztec-kit apply asks anew",
            ),
            (
                "assertion",
                "aztec-sequencer.service: Starting requested but asserts failed.",
            ),
            (
                "assertion",
                "Assertion failed for aztec-sequencer.service - Aztec sequencer.",
            ),
            (
                "assertion-of-unit",
                "prometheus.service: Starting requested but asserts failed.",
            ),
            ("disk-read-only", "mdb_env_open: 30 - Read-only file system"),
            (
                "no-sandbox",
                "aztec-collector.service: Main process exited, code=exited, status=226/NAMESPACE",
            ),
            (
                "no-credentials",
                "aztec-sequencer.service: Main process exited, code=exited, status=243/CREDENTIALS",
            ),
            (
                "no-directory",
                "aztec-l1.service: Main process exited, code=exited, status=200/CHDIR",
            ),
            (
                "no-program",
                "aztec-l1.service: Main process exited, code=exited, status=203/EXEC",
            ),
            (
                "no-account",
                "aztec-node.service: Main process exited, code=exited, status=217/USER",
            ),
            (
                "no-environment-file",
                "aztec-node.service: Failed to load environment files: No such file or directory",
            ),
            ("log-level", "Error: Invalid log level: INFO"),
            (
                "url-credentials",
                "Error reaching L1 consensus host: Request cannot be constructed from a URL that includes credentials",
            ),
            (
                "world-state",
                "Error: World state trees are out of sync, please delete your data directory and re-sync",
            ),
            (
                "job-given-up",
                "ERROR: prover-client:proving-broker Proving job id=7:PARITY_BASE:1 timed out after 3 attempts. Marking as failed.",
            ),
            (
                "config-value",
                "Error: Failed to parse config 'blockCheckIntervalMS' (env: WS_BLOCK_CHECK_INTERVAL_MS): Invalid integer config value '1.5'; expected a whole number",
            ),
            (
                "l1-no-contract",
                "ContractFunctionExecutionError: The contract function \"getCanonicalRollup\" returned no data (\"0x\").",
            ),
            (
                "l1-not-json",
                "Details: Unexpected token '<', \"<html>\" is not valid JSON",
            ),
            ("l1-refused", "Status: 401"),
            ("l1-quota", "Details: Request exceeds defined limit"),
            ("l1-gateway", "Status: 502"),
            (
                "l1-silent",
                "TimeoutError: The request took too long to respond.",
            ),
            ("bad-port", "  [cause]: Error: bad port"),
            (
                "l1-no-method",
                "Error: The method \"eth_getLogs\" does not exist / is not available.",
            ),
            (
                "traces-required",
                "Ethereum debug client does not support debug_traceTransaction or trace_transaction methods. Set ETHEREUM_ALLOW_NO_DEBUG_HOSTS=true to bypass this check.",
            ),
            (
                "traces-missing",
                "Ethereum debug client does not support debug_traceTransaction or trace_transaction methods. Continuing because ETHEREUM_ALLOW_NO_DEBUG_HOSTS is set to true.",
            ),
        ];
        for (id, line) in seen {
            let found = known_errors().iter().find(|it| it.is_said_by(line));
            assert_eq!(found.map(|it| it.id.as_str()), Some(id), "{line}");
        }
    }

    /// The record of what a sequencer signed is in the data directory.
    #[test]
    fn nothing_says_to_delete_a_data_directory() {
        for known in known_errors() {
            let words = known.fix.replace("Never move or delete", "");
            assert!(!words.contains("delete"), "{}: {words}", known.id);
            if words.contains("move") && words.contains("data directory") {
                assert!(
                    known.fix.contains("record of what it signed"),
                    "{}",
                    known.id
                );
            }
        }
    }

    #[test]
    fn every_entry_can_be_found_under_its_own_name() {
        let mut ids = BTreeSet::new();
        for (at, known) in known_errors().iter().enumerate() {
            assert!(ids.insert(&known.id), "{} is there twice", known.id);
            assert!(!known.lines.is_empty(), "{} has no lines", known.id);
            for line in &known.lines {
                // Shorter words also occur in lines with another meaning.
                assert!(line.len() >= 6, "{}: `{line}` is too short", known.id);
                let first = known_errors().iter().position(|it| it.is_said_by(line));
                assert_eq!(first, Some(at), "`{line}` matches another entry first");
            }
            for sentence in [&known.means, &known.fix] {
                assert!(sentence.ends_with('.'), "{}: `{sentence}`", known.id);
            }
        }
        assert!(ids.len() > 30);
    }
}
