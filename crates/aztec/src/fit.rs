//! Does a release fit a rollup? A node that does not fit starts, stands by and does nothing, for ever if need be.
//!
//! [`ask`] reads three values of the rollup that would be followed, and [`judge`] compares them with those of the release
//! as the node itself does. [`judge`] is pure.

use std::time::Duration;

use l1::reader::Identity;
use l1::{Address, B256, Reader};
use semver::Version;
use serde::Serialize;

use crate::data::{Fingerprint, Funded, Release, Releases, version};
use crate::settings::Settings;

/// A public endpoint across the world.
const CALL: Duration = Duration::from_secs(5);

/// What can be said of a release and a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The node will follow it.
    Fits,
    /// The node will stand by.
    DoesNotFit,
    /// Nobody knows.
    CannotTell,
}

/// A release and the rollup that it would follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// What can be said.
    pub verdict: Verdict,
    /// The rollup, where it is known.
    pub rollup: Option<Address>,
    /// The version of the rollup.
    pub version: Option<String>,
    /// The releases that fit it, oldest first.
    pub fitting: Vec<String>,
    /// What was found, as a clause.
    pub because: String,
    /// What to do, whole sentences; nothing when it fits.
    pub fix: String,
}

/// Asks the L1 which rollup would be followed, and judges. `None` where nothing follows a rollup that others deployed.
pub fn fit(settings: &Settings) -> Option<Fit> {
    let follows = settings.node || settings.prover || settings.archiver;
    if settings.is_local() || !follows {
        return None;
    }
    Some(judge(settings, ask(settings).as_ref()))
}

/// The rollup that a node with these settings follows, from the first execution endpoint that tells.
///
/// # Errors
///
/// Why no endpoint told it.
pub fn ask(settings: &Settings) -> Result<Identity, String> {
    let registry = settings.network.registry.as_deref();
    let registry: Address = registry
        .and_then(|registry| registry.parse().ok())
        .ok_or("the registry of this network is not known")?;
    let mut failure = "no L1 endpoint is known".to_owned();
    for url in &settings.l1_rpc_urls {
        let asked = Reader::connect(url.as_str(), CALL)
            .and_then(|reader| reader.identity(registry, settings.rollup));
        match asked {
            Ok(identity) => return Ok(identity),
            Err(error) => failure = format!("{error}. {}", error.fix()),
        }
    }
    Err(failure)
}

/// Compares the release with the rollup; pure.
pub fn judge(settings: &Settings, rollup: Result<&Identity, &String>) -> Fit {
    let release = &settings.release;
    let of = format!("Aztec {}", release.version);
    let rollup = match rollup {
        Ok(rollup) => rollup,
        Err(why) => return unasked(settings, why),
    };
    let fitting = fitting(settings, rollup);
    let which = match settings.rollup {
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
    let Some(own) = &release.facts.fingerprint else {
        let fix = match fitting.last() {
            Some(newest) => format!("Aztec {newest} fits it. {DESCRIBE}"),
            None => DESCRIBE.to_owned(),
        };
        let because =
            format!("whether {of} fits {name} cannot be told: its fingerprint is not known");
        return fit(Verdict::CannotTell, because, fix);
    };
    let differs = differences(own, settings.funded(), rollup);
    if differs.is_empty() {
        let because = format!("{of} fits {name}");
        return fit(Verdict::Fits, because, String::new());
    }
    let differs_in = listed(&differs);
    if differs == [GENESIS] {
        let because = format!("{of} does not fit {name}: its genesis archive root is another");
        let (verdict, fix) = genesis(own, rollup);
        return fit(verdict, because, fix);
    }
    if !own.verified && fitting.is_empty() {
        let because = format!(
            "whether {of} fits {name} cannot be told: its {differs_in} differ from those that this program has of it, which are not verified"
        );
        return fit(Verdict::CannotTell, because, WAIT.to_owned());
    }
    let because = format!("{of} does not fit {name}: {differs_in} of the two differ");
    fit(Verdict::DoesNotFit, because, other(settings, &fitting))
}

const GENESIS: &str = "genesis archive root";
const DESCRIBE: &str = "Add its fingerprint to its release.toml, as docs/reference/releases.md says, to be told before it is started.";
const WAIT: &str = "If the node says that it is in standby mode, take a newer aztec-kit.";

/// Why nothing was compared: the L1 was silent. What is known of the network still counts.
fn unasked(settings: &Settings, why: &str) -> Fit {
    let network = &settings.network;
    let (name, release) = (&settings.network_name, &settings.release.version);
    let runs = network
        .release
        .as_deref()
        .filter(|_| settings.rollup.is_none());
    let older = runs.filter(|runs| is_older_major(release, runs));
    let (verdict, because, fix) = match (older, &network.since) {
        (Some(runs), Some(since)) => (
            Verdict::DoesNotFit,
            format!(
                "{name} runs Aztec {runs} since {since}, and Aztec {release} would stand by there"
            ),
            other(settings, &[runs.to_owned()]),
        ),
        _ => (
            Verdict::CannotTell,
            format!("whether Aztec {release} fits the rollup of {name} cannot be told: {why}"),
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

fn is_older_major(release: &str, than: &str) -> bool {
    let major = |text: &str| version(text).map(|version: Version| version.major).ok();
    major(release) < major(than)
}

/// What of the two is known and differs, as the node names it.
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

/// Only the genesis is another one: perhaps one of the same release that gives funds to others.
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
        "Set TEST_ACCOUNTS = \"{}\" and SPONSORED_FPC = \"{}\" in [env]: the contracts were deployed with these.",
        funded.test_accounts, funded.sponsored_fpc
    );
    (Verdict::DoesNotFit, fix)
}

/// What to do instead.
fn other(settings: &Settings, fitting: &[String]) -> String {
    let standby = "To have it wait for a rollup of its own, say so with `standby = true`.";
    match fitting.last() {
        Some(newest) => format!("Set release = \"{newest}\", or take `release` out. {standby}"),
        None => format!(
            "{} has moved on to a release that this program does not know: take a newer aztec-kit, or describe that release in {}. {standby}",
            settings.network_name,
            crate::layout::RELEASES
        ),
    }
}

/// The known releases that fit a rollup, oldest first.
fn fitting(settings: &Settings, rollup: &Identity) -> Vec<String> {
    let fits = |release: &Release| {
        let own = release.facts.fingerprint.as_ref();
        own.is_some_and(|own| {
            own.vk_tree.is_some() && differences(own, settings.funded(), rollup).is_empty()
        })
    };
    let releases: &Releases = &settings.releases;
    let all = releases.versions();
    all.filter_map(|version| {
        // A folder that cannot be read is refused when it is asked for.
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
mod tests {
    use super::*;

    fn settings(more: &str) -> Settings {
        let text = format!(
            "network = \"mainnet\"\n{more}\n[l1]\nrpc_urls = [\"https://l1\"]\nconsensus_urls = [\"https://b\"]\n"
        );
        Settings::parse(&text).unwrap()
    }

    fn rollup(release: &str) -> Identity {
        let release = Releases::carried().release(release, None).unwrap();
        let own = release.facts.fingerprint.unwrap();
        Identity {
            address: Address::repeat_byte(7),
            version: l1::U256::from(42),
            genesis: own.genesis(Funded::default()).unwrap_or_default(),
            vk_tree: own.vk_tree.unwrap(),
            protocol_contracts: own.protocol_contracts.unwrap(),
        }
    }

    #[test]
    fn a_release_that_the_rollup_is_of_fits() {
        for release in ["4.1.2", "5.2.0", "6.0.0"] {
            let fit = judge(
                &settings(&format!("release = \"{release}\"")),
                Ok(&rollup(release)),
            );
            assert_eq!(fit.verdict, Verdict::Fits, "{release}: {}", fit.because);
            assert!(fit.fitting.contains(&release.to_owned()));
        }
    }

    #[test]
    fn another_one_is_named_with_what_differs() {
        let fit = judge(&settings("release = \"5.2.0\""), Ok(&rollup("6.0.0")));
        assert_eq!(fit.verdict, Verdict::DoesNotFit);
        assert!(
            fit.because
                .contains("Aztec 5.2.0 does not fit the canonical rollup of mainnet")
                && fit
                    .because
                    .contains("VK tree root and protocol contracts hash"),
            "{}",
            fit.because
        );
        assert!(
            fit.fix.contains("release = \"6.0.0\"") && fit.fix.contains("standby"),
            "{}",
            fit.fix
        );
        assert_eq!(fit.fitting, ["6.0.0"]);
    }

    #[test]
    fn a_genesis_with_other_accounts_is_told_by_its_variables() {
        let mut mine = rollup("4.1.2");
        let own = Releases::carried().release("4.1.2", None).unwrap();
        let own = own.facts.fingerprint.unwrap();
        let rich = Funded {
            test_accounts: true,
            sponsored_fpc: true,
        };
        mine.genesis = own.genesis(rich).unwrap();
        let fit = judge(&settings("release = \"4.1.2\""), Ok(&mine));
        assert_eq!(fit.verdict, Verdict::DoesNotFit);
        assert!(
            fit.because.contains("genesis archive root"),
            "{}",
            fit.because
        );
        assert!(fit.fix.contains("TEST_ACCOUNTS = \"true\""), "{}", fit.fix);
        let env = "release = \"4.1.2\"\nenv = { TEST_ACCOUNTS = \"1\", SPONSORED_FPC = \"true\" }";
        assert_eq!(judge(&settings(env), Ok(&mine)).verdict, Verdict::Fits);
        // Who else has funds is not known to this program.
        let env = "release = \"4.1.2\"\nenv = { PREFUND_ADDRESSES = \"0x1\" }";
        assert_eq!(judge(&settings(env), Ok(&mine)).verdict, Verdict::Fits);
    }

    #[test]
    fn a_network_that_moved_on_is_said_to_have() {
        let mut next = rollup("6.0.0");
        next.vk_tree = B256::repeat_byte(1);
        next.protocol_contracts = B256::repeat_byte(2);
        let fit = judge(&settings("release = \"5.2.0\""), Ok(&next));
        assert_eq!(fit.verdict, Verdict::DoesNotFit);
        assert!(
            fit.fix
                .contains("has moved on to a release that this program does not know"),
            "{}",
            fit.fix
        );
        // What is not verified is not held against a rollup.
        let fit = judge(&settings(""), Ok(&next));
        assert_eq!(fit.verdict, Verdict::CannotTell, "{}", fit.because);
    }

    #[test]
    fn a_silent_l1_leaves_what_is_known_of_the_network() {
        let silent = "nobody answers".to_owned();
        let fit = judge(&settings("release = \"5.2.0\""), Err(&silent));
        assert_eq!(fit.verdict, Verdict::DoesNotFit);
        assert!(
            fit.because
                .contains("mainnet runs Aztec 6.0.0 since 2026-10-26"),
            "{}",
            fit.because
        );
        for text in [
            "",
            "release = \"6.1.0\"",
            "release = \"5.3.0\"\nrollup = 4248422647",
        ] {
            let fit = judge(&settings(text), Err(&silent));
            assert_eq!(fit.verdict, Verdict::CannotTell, "{text}: {}", fit.because);
        }
    }

    #[test]
    fn a_release_without_a_fingerprint_cannot_be_judged() {
        let fit = judge(&settings("release = \"6.1.0\""), Ok(&rollup("6.0.0")));
        assert_eq!(fit.verdict, Verdict::CannotTell);
        assert!(fit.fix.contains("Aztec 6.0.0 fits it"), "{}", fit.fix);
    }
}
