//! Whether a release fits a rollup. A node that does not fit starts, stays on standby and does nothing.
//!
//! [`ask`] reads three values of the rollup that the node would follow, and [`judge`] compares them with those of the release
//! as the node itself does. [`judge`] is pure.

use std::sync::mpsc;
use std::time::Duration;

use l1::reader::Identity;
use l1::{Address, B256, Reader};
use serde::Serialize;
use url::Url;

use crate::data::{Fingerprint, Funded, Release, Releases, major};
use crate::names::L1Use;
use crate::settings::{Live, Settings};

/// Long enough for a public endpoint on another continent.
const CALL: Duration = Duration::from_secs(5);

/// Whether a release fits a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "FitVerdict")
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The node will follow it.
    Fits,
    /// The node will be on standby.
    DoesNotFit,
    /// aztec-kit cannot tell.
    CannotTell,
}

/// A release and the rollup that it would follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fit {
    /// The verdict.
    pub verdict: Verdict,
    /// The rollup, if it is known.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub rollup: Option<Address>,
    /// The version of the rollup.
    pub version: Option<String>,
    /// The releases that fit it, oldest first.
    pub fitting: Vec<String>,
    /// The reason, as a clause.
    pub because: String,
    /// What to do, in whole sentences; empty if the release fits.
    pub fix: String,
}

/// Asks the L1 which rollup the node would follow, and judges. `None` if this host follows no rollup that others deployed.
pub fn fit(settings: &Settings) -> Option<Fit> {
    let live = settings.live()?;
    let follows = settings.uses_l1(L1Use::Follows);
    follows.then(|| judge(settings, ask(settings, live).as_ref()))
}

/// The rollup that a node with these settings follows, from the first execution endpoint that answers.
///
/// # Errors
///
/// Why no endpoint answered.
pub fn ask(settings: &Settings, live: &Live) -> Result<Identity, String> {
    let registry = settings.network.registry.as_deref();
    let registry: Address = registry
        .and_then(|registry| registry.parse().ok())
        .ok_or("the registry of this network is not known")?;
    // An endpoint that hangs does not delay the others. Nothing waits for it once another one has answered.
    let (tell, answers) = mpsc::channel();
    for url in live.rpc_urls.clone() {
        let (tell, settings) = (tell.clone(), settings.clone());
        std::thread::spawn(move || {
            // The receiver is gone if another endpoint was faster.
            let _ = tell.send(ask_one(url.expose(), registry, &settings));
        });
    }
    drop(tell);
    let mut failure = "no L1 endpoint is known".to_owned();
    for answer in answers {
        match answer {
            Ok(identity) => return Ok(identity),
            Err(why) => failure = why,
        }
    }
    Err(failure)
}

fn ask_one(url: &Url, registry: Address, settings: &Settings) -> Result<Identity, String> {
    let text = |error: l1::Error| format!("{error}. {}", error.fix());
    let reader = Reader::connect(url.as_str(), CALL).map_err(text)?;
    // Another chain can have a registry at this address, with a rollup that does not belong to this network.
    let (found, configured) = (
        reader.chain_id().map_err(text)?,
        settings.network.l1_chain_id,
    );
    if found != configured {
        let (endpoint, name) = (reader.endpoint(), &settings.network_name);
        return Err(format!(
            "{endpoint} is on chain {found}, and {name} is on chain {configured}. Name an endpoint of the right chain."
        ));
    }
    reader.identity(registry, settings.rollup()).map_err(text)
}

/// Compares the release with the rollup; pure.
pub fn judge(settings: &Settings, rollup: Result<&Identity, &String>) -> Fit {
    let release = &settings.release;
    let of = format!("Aztec {}", release.version);
    let rollup = match rollup {
        Ok(rollup) => rollup,
        Err(why) => return without_answer(settings, why),
    };
    let fitting = fitting(settings, rollup);
    let which = match settings.rollup() {
        Some(version) => format!("rollup {version} of {}", settings.network_name),
        None => format!("the canonical rollup of {}", settings.network_name),
    };
    let name = format!("{which} ({}, version {})", rollup.address, rollup.version);
    let fit = |verdict, because: String, fix: String| Fit {
        verdict,
        rollup: Some(rollup.address),
        version: Some(rollup.version.to_string()),
        fitting: fitting.clone(),
        because,
        fix,
    };
    let known = |own: &&Fingerprint| is_complete(own);
    let Some(own) = release.facts.fingerprint.as_ref().filter(known) else {
        let fix = match fitting.last() {
            Some(newest) => format!("Aztec {newest} fits it. {DESCRIBE}"),
            None => DESCRIBE.to_owned(),
        };
        let because =
            format!("aztec-kit cannot tell whether {of} fits {name}: its fingerprint is not known");
        return fit(Verdict::CannotTell, because, fix);
    };
    let differences = differences(own, settings.funded(), rollup);
    if differences.is_empty() && !is_genesis_known(own, settings.funded()) {
        let because = format!(
            "aztec-kit cannot tell whether {of} fits {name}: its genesis with the accounts of [env] is not known"
        );
        return fit(Verdict::CannotTell, because, FUNDED.to_owned());
    }
    if differences.is_empty() {
        let because = format!("{of} fits {name}");
        return fit(Verdict::Fits, because, String::new());
    }
    let difference_list = listed(&differences);
    if differences == [GENESIS] {
        let because = format!("{of} does not fit {name}: the genesis archive roots differ");
        let (verdict, fix) = genesis(own, rollup);
        return fit(verdict, because, fix);
    }
    if !own.verified && fitting.is_empty() {
        let because = format!(
            "aztec-kit cannot tell whether {of} fits {name}: the rollup differs in {difference_list} from the values that aztec-kit has for the release, which are not verified"
        );
        return fit(Verdict::CannotTell, because, WAIT.to_owned());
    }
    let because = format!("{of} does not fit {name}: they differ in {difference_list}");
    fit(Verdict::DoesNotFit, because, other(settings, &fitting))
}

const GENESIS: &str = "genesis archive root";
const DESCRIBE: &str = "To check that before a start, add the fingerprint to the release.toml of the release, as docs/reference/releases.md describes.";
const FUNDED: &str = "Live networks do not fund your accounts at genesis. Remove PREFUND_ADDRESSES, TEST_ACCOUNTS and SPONSORED_FPC from [env], unless the contracts were deployed with them.";
const WAIT: &str = "If the node reports standby mode, install a newer aztec-kit.";

/// The result if the L1 did not answer. The known facts about the network still count.
fn without_answer(settings: &Settings, why: &str) -> Fit {
    let network = &settings.network;
    let (name, release) = (&settings.network_name, &settings.release.version);
    let runs = network
        .release
        .as_deref()
        .filter(|_| settings.rollup().is_none());
    let older = runs.filter(|runs| major(release) < major(runs));
    let (verdict, because, fix) = match (older, &network.since) {
        (Some(runs), Some(since)) => (
            Verdict::DoesNotFit,
            format!(
                "{name} has run Aztec {runs} since {since}, and Aztec {release} would be on standby there"
            ),
            other(settings, &[runs.to_owned()]),
        ),
        _ => (
            Verdict::CannotTell,
            format!(
                "aztec-kit cannot tell whether Aztec {release} fits the rollup of {name}: {why}"
            ),
            String::new(),
        ),
    };
    Fit {
        verdict,
        rollup: None,
        version: None,
        fitting: Vec::new(),
        because,
        fix,
    }
}

/// Whether enough of the fingerprint is known to decide that it fits. No package contains the root of a genesis.
fn is_complete(own: &Fingerprint) -> bool {
    own.vk_tree.is_some() && own.protocol_contracts.is_some()
}

/// Whether the genesis with these funds is known, or is the one of every live network.
fn is_genesis_known(own: &Fingerprint, funded: Option<Funded>) -> bool {
    funded.is_some_and(|funded| funded == Funded::default() || own.genesis(funded).is_some())
}

/// The known values that differ between the two, as the node names them.
fn differences(own: &Fingerprint, funded: Option<Funded>, rollup: &Identity) -> Vec<&'static str> {
    let genesis = funded.and_then(|funded| own.genesis(funded));
    let pairs = [
        (GENESIS, genesis, rollup.genesis),
        ("VK tree root", own.vk_tree, rollup.vk_tree),
        (
            "protocol contracts hash",
            own.protocol_contracts,
            rollup.protocol_contracts,
        ),
    ];
    let differ = |(_, own, theirs): &(_, Option<B256>, B256)| own.is_some_and(|own| own != *theirs);
    pairs
        .into_iter()
        .filter(differ)
        .map(|(name, ..)| name)
        .collect()
}

/// The result if only the genesis differs: it may be one of the same release with other funds.
fn genesis(own: &Fingerprint, rollup: &Identity) -> (Verdict, String) {
    let Some(funded) = own.funded(rollup.genesis) else {
        let verdict = if own.verified {
            Verdict::DoesNotFit
        } else {
            Verdict::CannotTell
        };
        return (verdict, WAIT.to_owned());
    };
    let fix = format!(
        "Set TEST_ACCOUNTS = \"{}\" and SPONSORED_FPC = \"{}\" in [env]: the contracts were deployed with these values.",
        funded.test_accounts, funded.sponsored_fpc
    );
    (Verdict::DoesNotFit, fix)
}

/// The alternatives to a release that does not fit, in whole sentences.
fn other(settings: &Settings, fitting: &[String]) -> String {
    let standby = "To let the node wait for a rollup of its own, set `standby = true`.";
    match fitting.last() {
        Some(newest) if settings.usual_release() == Some(newest) => {
            format!("Set release = \"{newest}\", or remove `release`. {standby}")
        }
        Some(newest) => format!("Set release = \"{newest}\". {standby}"),
        None if settings.rollup().is_some() => format!(
            "That rollup needs a release that aztec-kit does not know. Install a newer aztec-kit, or describe that release in {}. {standby}",
            crate::layout::RELEASES
        ),
        None => format!("{} {standby}", moved_on(settings)),
    }
}

/// The advice if no known release is certain to fit the canonical rollup.
fn moved_on(settings: &Settings) -> String {
    let name = &settings.network_name;
    let moved = format!(
        "{name} has moved to a release that aztec-kit does not know. Install a newer aztec-kit, or describe that release in {}.",
        crate::layout::RELEASES
    );
    let version = &settings.release.version;
    // The facts about the newest release may not be verified. In that case, another fingerprint proves nothing.
    let newer = |usual: &&String| {
        let release = settings.releases.release(usual, None).ok();
        let own = release.and_then(|release| release.facts.fingerprint);
        major(version) < major(usual) && own.is_none_or(|own| !own.verified)
    };
    match settings.usual_release().filter(newer) {
        Some(usual) => format!(
            "As far as aztec-kit knows, {name} runs Aztec {usual}. Set release = \"{usual}\", or remove `release`. If that is on standby too, {moved}"
        ),
        None => moved,
    }
}

/// The known releases that fit a rollup, oldest first.
fn fitting(settings: &Settings, rollup: &Identity) -> Vec<String> {
    let fits = |release: &Release| {
        let own = release.facts.fingerprint.as_ref();
        own.is_some_and(|own| {
            let funded = settings.funded();
            is_complete(own)
                && is_genesis_known(own, funded)
                && differences(own, funded, rollup).is_empty()
        })
    };
    let releases: &Releases = &settings.releases;
    let all = releases.versions();
    all.filter_map(|version| {
        // A folder that cannot be read is refused when its release is configured.
        let release = releases.release(version, None).ok()?;
        fits(&release).then_some(release.version)
    })
    .collect()
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
