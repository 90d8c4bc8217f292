//! Variables and networks.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::Complaints;
use super::data::{Release, read, texts};
use super::js::{blocks, literal, quoted, words};
use super::packages::Packages;

/// Types that intentionally differ from the parser's.
const EXCUSED: &[(&str, &str)] = &[
    // Read as text, and used as a port.
    ("*", "P2P_BROADCAST_PORT"),
    // A word is also accepted, and means the canonical rollup.
    ("4.1.2", "ROLLUP_VERSION"),
];

/// The names are exactly those of `EnvVar`.
pub fn names(release: &Release, packages: &Packages, wrong: &mut Complaints) -> usize {
    let declared = packages.read("@aztec/foundation/dest/config/env_var.d.ts");
    let theirs: BTreeSet<_> = declared.split('\'').skip(1).step_by(2).collect();
    let ours = release.variables().keys().map(String::as_str);
    wrong.same("EnvVar", ours, theirs.iter().copied());
    theirs.len()
}

/// Types, defaults, older names and lists are those of the packages' tables of settings.
pub fn settings(release: &Release, packages: &Packages, wrong: &mut Complaints) -> usize {
    let mut seen = BTreeSet::new();
    for (file, text) in packages.below("@aztec/") {
        for block in blocks(text) {
            let Some(variable) = block
                .env()
                .and_then(|name| release.variables().get_key_value(name))
            else {
                continue;
            };
            let (name, variable) = (variable.0.as_str(), variable.1.as_table().unwrap());
            let ours = |key: &str| variable.get(key).and_then(Value::as_str);
            let kind = ours("type").unwrap_or("text");
            match block.kind() {
                Some(theirs) if theirs != kind && !excused(release, name) => {
                    wrong.add(format!("{name} is {kind}, and {theirs} in {file}"));
                }
                Some(_) => {
                    seen.insert(name);
                }
                None => {}
            }
            if let (Some(default), Some(theirs)) = (ours("default"), block.default())
                && !same(default, &theirs)
            {
                wrong.add(format!(
                    "{name} has the default {default}, and {theirs} in {file}"
                ));
            }
            for older in block.fallbacks() {
                let alias = release
                    .variables()
                    .get(older)
                    .and_then(|older| older.get("alias_of"));
                if alias.and_then(Value::as_str) != Some(name) {
                    wrong.add(format!("{older} is an older name of {name} in {file}"));
                }
            }
        }
    }
    proof_types(release, packages, wrong);
    empty(release, packages, wrong);
    seen.len()
}

fn excused(release: &Release, name: &str) -> bool {
    let mut excused = EXCUSED.iter();
    excused
        .any(|(version, known)| *known == name && (*version == "*" || *version == release.version))
}

fn same(ours: &str, theirs: &str) -> bool {
    match (ours.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(ours), Ok(theirs)) => ours.total_cmp(&theirs).is_eq(),
        _ => ours == theirs,
    }
}

/// The types of proofs are those of the controller of the agents.
fn proof_types(release: &Release, packages: &Packages, wrong: &mut Complaints) {
    let text = packages.read("@aztec/prover-client/dest/proving_broker/proving_job_controller.js");
    let ours = texts(release.variables()["PROVER_AGENT_PROOF_TYPES"].get("list_of"));
    wrong.same(
        "PROVER_AGENT_PROOF_TYPES",
        ours,
        words(text, "case ProvingRequestType."),
    );
}

/// Whether an empty value counts as not set.
fn empty(release: &Release, packages: &Packages, wrong: &mut Complaints) {
    let text = packages.read("@aztec/foundation/dest/config/index.js");
    let theirs = if text.contains("value !== undefined && value !== ''") {
        "unset"
    } else {
        "value"
    };
    let ours = release.env["empty"].as_str().unwrap();
    if ours != theirs {
        wrong.add(format!(
            "an empty variable counts as {theirs}, not as {ours}"
        ));
    }
}

/// The presets of the networks, by the name of their table.
fn tables<'t>(packages: &'t Packages) -> Vec<(&'t str, Vec<(&'t str, &'t str)>)> {
    let text = packages.read("@aztec/cli/dest/config/generated/networks.js");
    let tables = text.split("export const ").skip(1);
    let read = |table: &'t str| {
        let (name, rest) = table.split_once(" = {")?;
        let lines = rest
            .lines()
            .filter_map(|line| line.trim().trim_end_matches(',').split_once(": "));
        Some((name, lines.collect()))
    };
    tables.filter_map(read).collect()
}

/// Exactly the variables with values of the networks are marked.
pub fn presets(release: &Release, packages: &Packages, wrong: &mut Complaints) -> usize {
    // Variables that only a devnet has are not.
    let tables = tables(packages);
    let live = tables.iter().filter(|(name, _)| *name != "devnetConfig");
    let mut theirs: BTreeSet<_> = live
        .flat_map(|(_, table)| table.iter().map(|(name, _)| *name))
        .collect();
    theirs.extend(quoted(
        packages.read("@aztec/cli/dest/config/network_config.js"),
        "enrichVar(",
    ));
    theirs.extend(quoted(
        packages.read("@aztec/cli/dest/config/network_config.js"),
        "enrichEthAddressVar(",
    ));
    // Some are not variables of the release.
    theirs.retain(|name| release.variables().contains_key(*name));
    let marked = |variable: &Value| variable.get("preset").and_then(Value::as_bool) == Some(true);
    let ours = release
        .variables()
        .iter()
        .filter(|(_, variable)| marked(variable));
    wrong.same(
        "preset",
        ours.map(|(name, _)| name.as_str()),
        theirs.iter().copied(),
    );
    theirs.len()
}

/// The networks that it knows, those that it has presets for, and the L1 of each.
pub fn networks(release: &Release, packages: &Packages, wrong: &mut Complaints) -> usize {
    let text = packages.read("@aztec/foundation/dest/config/network_name.js");
    let mut theirs: Vec<_> = quoted(text, "network === ")
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let chain = packages.read("@aztec/cli/dest/config/chain_l2_config.js");
    // The character class of a regular expression that both files contain.
    let numbered = r"^v\d+-devnet-\d+$";
    theirs.extend(text.contains(numbered).then_some("v#-devnet-#"));
    let ours = texts(release.facts.get("networks"));
    wrong.same("networks", ours, theirs.iter().copied());

    let known = chain
        .split_once("NetworkConfigs = {")
        .map_or("", |(_, rest)| rest);
    let known = known.split('}').next().unwrap_or_default();
    let mut presets: Vec<_> = known
        .lines()
        .filter_map(|line| line.split_once(':').map(|(name, _)| name.trim()))
        .collect();
    presets.extend(chain.contains(numbered).then_some("v#-devnet-#"));
    // Another name of testnet, which `getActiveNetworkName` replaces.
    presets.extend(theirs.contains(&"alpha-testnet").then_some("alpha-testnet"));
    wrong.same("presets", texts(release.facts.get("presets")), presets);

    let networks = read("networks.toml");
    for (name, table) in tables(packages) {
        let network = name.trim_end_matches("Config");
        let id = networks
            .get(network)
            .and_then(Value::as_table)
            .and_then(|network: &Table| network.get("l1_chain_id"));
        let theirs = table
            .iter()
            .find(|(name, _)| *name == "L1_CHAIN_ID")
            .and_then(|(_, value)| literal(value));
        if id.map(ToString::to_string) != theirs {
            wrong.add(format!(
                "{network} has the L1 {id:?}, and {theirs:?} in its presets"
            ));
        }
    }
    theirs.len()
}
