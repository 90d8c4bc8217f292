//! The variable that an operator probably meant.

use crate::data::{Common, Table};

/// The least similarity of two spellings of one name: `P2P_PROT` and `P2P_PORT` have 0.88, `SEQ_MIN_TX` and `SEQ_MAX_TX`,
/// which are different variables, 0.8.
const ALIKE: f64 = 0.81;

/// The variable that was probably meant by a name that nothing reads: an entry of the table of wrong names, then a flag
/// written in capitals, then the most similar spelling.
pub(super) fn likely<'a>(table: &'a Table, common: &'a Common, name: &str) -> Option<&'a str> {
    let upper = name.to_ascii_uppercase();
    if let Some(right) = common.renamed.get(&upper) {
        return Some(right);
    }
    let flag = table.variables.iter().find(|(_, variable)| {
        let mut names = variable.flags.iter().flat_map(|flag| capitals(flag));
        names.any(|flag| flag == upper)
    });
    flag.map(|(right, _)| right.as_str())
        .or_else(|| nearest(table, common, &upper))
}

/// `--sequencer.minTxsPerBlock` as `MIN_TXS_PER_BLOCK` and `SEQUENCER_MIN_TXS_PER_BLOCK`.
fn capitals(flag: &str) -> [String; 2] {
    let flag = flag.trim_start_matches('-');
    let name = flag.rsplit_once('.').map_or(flag, |(_, name)| name);
    [name, flag].map(|text| {
        let mut out = String::new();
        let mut after_lower = false;
        for c in text.chars() {
            if c == '-' || c == '.' {
                out.push('_');
            } else {
                if c.is_ascii_uppercase() && after_lower {
                    out.push('_');
                }
                out.push(c.to_ascii_uppercase());
            }
            after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        }
        out
    })
}

fn nearest<'a>(table: &'a Table, common: &'a Common, name: &str) -> Option<&'a str> {
    let known = table.variables.keys().chain(common.variables.keys());
    known
        .map(|right| (strsim::normalized_damerau_levenshtein(name, right), right))
        .filter(|(alike, _)| *alike >= ALIKE)
        // The first in the alphabet among equals.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, right)| right.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Releases, common};

    #[test]
    fn a_flag_in_capitals() {
        assert_eq!(
            capitals("--sequencer.minTxsPerBlock"),
            ["MIN_TXS_PER_BLOCK", "SEQUENCER_MIN_TXS_PER_BLOCK"]
        );
        assert_eq!(capitals("--l1-rpc-urls"), ["L1_RPC_URLS", "L1_RPC_URLS"]);
    }

    #[test]
    fn finds_the_right_name() {
        let cases = [
            ("PORT", Some("AZTEC_PORT")),
            ("ADMIN_PORT", Some("AZTEC_ADMIN_PORT")),
            (
                "L1_CONTRACTS_REGISTRY_ADDRESS",
                Some("REGISTRY_CONTRACT_ADDRESS"),
            ),
            ("ROLLUP_ADDRESS", Some("ROLLUP_VERSION")),
            ("SNAPSHOTS_URL", Some("SYNC_SNAPSHOTS_URLS")),
            ("L1_RPC_URLS", Some("ETHEREUM_HOSTS")),
            ("WORLD_STATE_DATA_DIRECTORY", Some("WS_DATA_DIRECTORY")),
            ("MIN_TXS_PER_BLOCK", Some("SEQ_MIN_TX_PER_BLOCK")),
            ("ETHEREUM_HOST", Some("ETHEREUM_HOSTS")),
            ("P2P_PROT", Some("P2P_PORT")),
            ("p2p_ip", Some("P2P_IP")),
            ("NODE_OPTION", Some("NODE_OPTIONS")),
            ("MY_OWN_THING", None),
            ("X", None),
        ];
        for (name, right) in cases {
            let release = Releases::carried().release("4.1.2", None).unwrap();
            let found = likely(release.table(), common(), name);
            assert_eq!(found, right, "{name}");
        }
    }
}
