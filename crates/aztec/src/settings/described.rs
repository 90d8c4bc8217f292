//! Networks and releases that the operator describes, because aztec-kit does not know them:
//! `[networks.<name>]` and `[releases."<version>"]`, in the shape of the files under `data/`.
//!
//! Every description is checked, even if it is not used, so a mistake shows at once and not when it is needed.

use std::collections::BTreeMap;

use provision::Fault;
use url::Url;

use super::values::bad;
use crate::data::{self, Description, Network, Release, Releases, Store, Wrong};

/// The operator's descriptions, checked.
pub(super) struct Described {
    networks: BTreeMap<String, Network>,
    releases: BTreeMap<String, Description>,
    known: Releases,
}

impl Described {
    /// Checks every description.
    pub fn new(
        networks: BTreeMap<String, Network>,
        releases: BTreeMap<String, Description>,
        known: &Releases,
    ) -> Result<Self, Fault> {
        for (name, network) in &networks {
            check_network(name, network)?;
        }
        for (version, description) in &releases {
            check_release(version, description, known)?;
        }
        Ok(Self {
            networks,
            releases,
            known: known.clone(),
        })
    }

    /// A network by its name.
    pub fn network(&self, name: &str) -> Result<Network, Fault> {
        let known = data::networks();
        if let Some(network) = known.get(name).or_else(|| self.networks.get(name)) {
            return Ok(network.clone());
        }
        let known: Vec<_> = known.keys().chain(self.networks.keys()).collect();
        let known: Vec<_> = known.into_iter().map(String::as_str).collect();
        let fault = bad("network", format!("`{name}` is not a network"));
        Err(
            fault.fix(super::mistake::suggestion(name, &known).unwrap_or_else(|| {
                format!(
                    "Known networks: {}. To use another one, describe it in {}, [networks.<name>].",
                    known.join(", "),
                    crate::CONFIG
                )
            })),
        )
    }

    /// A release by its version.
    pub fn release(&self, version: &str) -> Result<Release, Fault> {
        check_version("release", version)?;
        self.known.release(version, self.releases.get(version))
    }
}

/// Checks that the release knows the network.
pub(super) fn check_pair(name: &str, network: &Network, release: &Release) -> Result<(), Fault> {
    let Some(known_as) = &network.known_as else {
        return Ok(());
    };
    if release.knows_network(known_as) {
        return Ok(());
    }
    let (version, known) = (&release.version, release.facts.networks.join(", "));
    let what = format!("Aztec {version} does not know the network `{known_as}`");
    if data::networks().contains_key(name) {
        // The file does not set known_as.
        return Err(bad("release", what).fix(format!(
            "Set another release, or add `{known_as}` to the networks of this release ({known})."
        )));
    }
    Err(bad(&format!("networks.{name}.known_as"), what)
        .fix(format!("Write one of {known}, or remove known_as.")))
}

fn is_word(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(word)
}

fn check_network(name: &str, network: &Network) -> Result<(), Fault> {
    let table = format!("networks.{name}");
    let key = |key: &str| format!("{table}.{key}");
    if !is_word(name) {
        return Err(bad(&table, "not the name of a network")
            .fix("Use lower case letters, digits and hyphens only."));
    }
    if data::networks().contains_key(name) {
        return Err(bad(&table, "aztec-kit already knows that network")
            .fix("Remove the description, or give the network another name."));
    }
    if network.l1_chain_id == 0 {
        return Err(bad(&key("l1_chain_id"), "no chain has the id 0")
            .fix("Write the `eth_chainId` of its L1 as a decimal number."));
    }
    let registry = network.registry.as_deref().map(str::parse::<l1::Address>);
    if !matches!(registry, Some(Ok(address)) if !address.is_zero()) {
        return Err(
            bad(&key("registry"), "it is not the address of a contract").fix(
                "Write the address of the network's registry, 0x and 40 hex digits. aztec-kit asks it for everything else.",
            ),
        );
    }
    if network.known_as.as_deref() == Some("local") {
        return Err(
            bad(&key("known_as"), "`local` is a chain of this host only")
                .fix("Remove known_as. The node then gets everything that is described here."),
        );
    }
    if let Some(version) = &network.release {
        check_version(&key("release"), version)?;
    }
    let enr = |text: &String| text.starts_with("enr:") && !text.contains([',', ' ']);
    if !network.bootnodes.iter().all(enr) {
        return Err(bad(&key("bootnodes"), "not a node record")
            .fix("Write each one as enr:…. A bootnode prints its record when it starts."));
    }
    for (name, urls) in [("snapshots", &network.snapshots), ("blobs", &network.blobs)] {
        let place = |store: &Store| {
            let schemes = ["http", "https", "s3", "gs", "file"];
            let url = Url::parse(store.expose());
            url.is_ok_and(|url| schemes.contains(&url.scheme())) && !store.expose().contains(',')
        };
        if !urls.iter().all(place) {
            return Err(bad(&key(name), "not the URL of a file store")
                .fix("Write it as https://…, s3://…, gs://… or file:///…"));
        }
    }
    Ok(())
}

fn check_version(key: &str, version: &str) -> Result<(), Fault> {
    data::version(version).map(drop).map_err(|fault| {
        let fix = fault.remedy().unwrap_or_default().to_owned();
        bad(key, fault.chain()).fix(fix)
    })
}

fn check_release(version: &str, description: &Description, known: &Releases) -> Result<(), Fault> {
    let table = format!("releases.\"{version}\"");
    check_version(&table, version)?;
    let versions: Vec<_> = known.versions().collect();
    if !versions.contains(&description.like.as_str()) {
        let what = format!("aztec-kit does not know {}", description.like);
        return Err(bad(&format!("{table}.like"), what)
            .fix(format!("Write one of {}.", versions.join(", "))));
    }
    let release = known.release(version, Some(description))?;
    match data::wrong_fact(&release.facts) {
        Some(Wrong { key, what, fix }) => Err(bad(&format!("{table}.{key}"), what).fix(fix)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    fn refused(text: &str) -> (String, String) {
        let fault = Settings::parse(text).unwrap_err();
        (fault.chain(), fault.remedy().unwrap_or_default().to_owned())
    }

    const MINE: &str = "network = \"mine\"\nrelease = \"5.9.0\"\n[l1]\nrpc_urls = [\"https://l1\"]\n\
    [networks.mine]\nl1_chain_id = 17000\nregistry = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n\
    blobs = [\"https://blobs.example\"]\nbootnodes = [\"enr:-one\"]\n\
    [releases.\"5.9.0\"]\nlike = \"5.2.0\"\ntips = \"getTips\"\n\
    roles.txe.refused = [{ why = \"it is gone\", instead = \"Take it out.\" }]\n";

    #[test]
    fn a_network_and_a_release_can_be_described() {
        let settings = Settings::parse(MINE).unwrap();
        assert_eq!(settings.network.l1_chain_id, 17000);
        assert!(settings.live().is_some() && !settings.has_presets());
        assert_eq!(settings.release.facts.tips, "getTips");
        assert_eq!(settings.release.facts.rpc, "aztec");
        let (message, remedy) = refused(&format!("{MINE}[txe]\nenabled = true\n"));
        assert!(
            message.contains("Aztec 5.9.0 on mine: it is gone"),
            "{message}"
        );
        assert_eq!(remedy, "Take it out.");
    }

    #[test]
    fn a_bad_description_is_refused_with_its_place_and_the_remedy() {
        let cases: &[(&str, &str, &str, &str)] = &[
            (
                "[networks.mine]",
                "[networks.Mine]",
                "networks.Mine: not the name",
                "lower case",
            ),
            (
                "[networks.mine]",
                "[networks.mainnet]",
                "networks.mainnet: aztec-kit already knows",
                "another name",
            ),
            ("17000", "0", "networks.mine.l1_chain_id", "eth_chainId"),
            ("17000", "-1", "line 6", ""),
            (
                "0x5FbDB2315678afecb367f032d93F642f64180aa3",
                "0x1234",
                "networks.mine.registry",
                "40 hex",
            ),
            (
                "0x5FbDB2315678afecb367f032d93F642f64180aa3",
                "0x0000000000000000000000000000000000000000",
                "networks.mine.registry",
                "40 hex",
            ),
            (
                "registry = ",
                "regstry = ",
                "regstry",
                "Did you mean `registry`?",
            ),
            ("enr:-one", "enode://x", "networks.mine.bootnodes", "enr:"),
            (
                "https://blobs.example",
                "blobs.example",
                "networks.mine.blobs",
                "file:///",
            ),
            (
                "l1_chain_id",
                "known_as = \"mars\"\nl1_chain_id",
                "does not know the network `mars`",
                "mainnet",
            ),
            (
                "l1_chain_id",
                "known_as = \"local\"\nl1_chain_id",
                "networks.mine.known_as",
                "Remove known_as",
            ),
            (
                "l1_chain_id",
                "release = \"latest\"\nl1_chain_id",
                "networks.mine.release",
                "exact version",
            ),
            (
                "[releases.\"5.9.0\"]",
                "[releases.next]",
                "releases.\"next\": `next`",
                "exact version",
            ),
            (
                "like = \"5.2.0\"",
                "like = \"9.0.0\"",
                "does not know 9.0.0",
                "4.1.2, 5.2.0",
            ),
            ("like = \"5.2.0\"\n", "", "missing field `like`", ""),
            (
                "getTips",
                "get tips",
                "releases.\"5.9.0\".tips",
                "letters and digits",
            ),
            (
                "tips =",
                "image = \"two words\"\ntips =",
                "image",
                "without its tag",
            ),
            ("tips =", "stop_seconds = 0\ntips =", "stop_seconds", "180"),
            (
                "tips =",
                "roles.bot = { flags = [\"--bot\"], stop_seconds = 0 }\ntips =",
                "roles.bot.stop_seconds",
                "180",
            ),
            (
                "tips =",
                "agent = { cpus = 0, memory_gib = 1 }\ntips =",
                "agent",
                "memory_gib",
            ),
            (
                "roles.txe.refused = [{",
                "roles.txy.refused = [{",
                "txy",
                "Did you mean `txe`?",
            ),
            (
                "roles.txe.refused",
                "roles.txe.flags = [\"; rm\"]\nroles.txe.refused",
                "roles.txe",
                "--name",
            ),
            (
                "why = \"it is gone\"",
                "on = \"live\", why = \"\"",
                "roles.txe: the role has neither flags",
                "refused",
            ),
            (
                "roles.txe",
                "roles.pxe.flags = [\"--pxe\"]\nroles.txe",
                "does not have a service for a PXE",
                "Remove",
            ),
        ];
        for (old, new, what, fix) in cases {
            assert!(MINE.contains(old), "{old}");
            let text = MINE.replacen(old, new, 1);
            let (message, remedy) = refused(&text);
            assert!(
                message.starts_with("kit.toml: ") && message.contains(what),
                "{new}: {message}"
            );
            assert!(remedy.contains(fix), "{new}: {remedy}");
        }
    }

    #[test]
    fn a_release_that_does_not_know_a_built_in_network_is_the_mistake() {
        let (message, remedy) = refused(
            "network = \"mainnet\"\nrelease = \"5.9.0\"\n[l1]\nrpc_urls = [\"https://l1\"]\n\
             [releases.\"5.9.0\"]\nlike = \"5.2.0\"\nnetworks = [\"testnet\"]\npresets = []\n",
        );
        assert!(
            message
                .starts_with("kit.toml: release: Aztec 5.9.0 does not know the network `mainnet`"),
            "{message}"
        );
        assert!(!remedy.contains("known_as"), "{remedy}");
    }
}
