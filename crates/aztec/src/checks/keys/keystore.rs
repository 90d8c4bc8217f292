//! The keystores of the services, as findings.

use std::path::Path;

use keys::keystore::survey::{About as Noted, Grade, Note, Survey};
use provision::Fault;
use provision::host::Probe;

use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::{About, Topic};
use crate::keystores::{ROOT, look};
use crate::names::KeystoreSpec;
use crate::settings::Settings;

/// The notes of a survey as findings.
pub fn findings(survey: &Survey) -> Vec<Finding> {
    survey.notes.iter().map(finding).collect()
}

fn finding(note: &Note) -> Finding {
    let finding = Finding::new(about(&note.about), severity(note.grade), &note.seen);
    finding.fix(note.fix.as_deref().unwrap_or_default())
}

/// The severity of a grade. The crate of keys knows nothing of checks.
fn severity(grade: Grade) -> Severity {
    match grade {
        Grade::Good => Severity::Pass,
        Grade::Odd => Severity::Warn,
        Grade::Bad => Severity::Fail,
    }
}

/// The topic of a note.
fn about(noted: &Noted) -> About {
    match noted {
        Noted::Directory => Topic::Keystore.named("directory"),
        Noted::File(name) => Topic::KeystoreFile.of(name),
        Noted::Keystores => Topic::Keystores.into(),
        Noted::Attesters => Topic::KeystoreAttesters.into(),
        Noted::Publishers => Topic::KeystorePublishers.into(),
        Noted::BlsKeys => Topic::BlsKeys.into(),
        Noted::Shared(other) => Topic::KeystoreShared.of(other),
    }
}

/// The keystores of the configured services.
pub(super) fn preflight(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    let mut surveys = Vec::new();
    let components = settings.components().into_iter();
    for spec in components.filter_map(|(component, _)| component.spec().keystores) {
        let survey = service(settings, spec, probe, &mut findings)?;
        surveys.extend(survey.map(|survey| (spec.directory, survey)));
    }
    findings.extend(shared(surveys));
    Ok(findings)
}

/// The attesters that two of these directories have in common.
fn shared(mut surveys: Vec<(&str, Survey)>) -> Vec<Finding> {
    let mut found = Vec::new();
    while let Some((directory, survey)) = surveys.pop() {
        for (_, other) in &mut surveys {
            other.notes.clear();
            other.against(directory, &survey.attesters());
            found.extend(findings(other));
        }
    }
    found
}

/// The directory of one service. On a local network, setup creates its key. On a live network, the operator provides the
/// keys, and none is created.
fn service(
    settings: &Settings,
    spec: &KeystoreSpec,
    probe: &dyn Probe,
    findings: &mut Vec<Finding>,
) -> Result<Option<Survey>, Fault> {
    let local = settings.local().is_some();
    let (dir, created) = (spec.directory, local.then_some(Path::new(spec.local_key)));
    let Some(mut survey) = look(Path::new(dir), ROOT, created, probe)? else {
        if !local {
            let missing = Finding::fail(Topic::Keystore, format!("{dir} does not exist"));
            findings.push(missing.fix(spec.advice));
        }
        return Ok(None);
    };
    if local && survey.documents.is_empty() {
        // The directory that will be created.
        survey.notes.retain(|note| note.about != Noted::Keystores);
    }
    let remote = super::remote_signer::findings(&survey);
    findings.extend(self::findings(&survey).into_iter().map(|finding| {
        let (subject, place) = match (finding.id, finding.subject) {
            (Topic::KeystoreFile, Some(name)) => {
                let path = format!("{dir}/{name}");
                (Some(path.clone()), path)
            }
            (_, subject) => (subject, finding.check),
        };
        Finding {
            subject,
            check: format!("keystore {place}"),
            ..finding
        }
    }));
    findings.extend(remote);
    Ok(Some(survey))
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;
    use crate::layout;

    const LIVE: &str = "network = \"testnet\"\n[l1]\nrpc_urls = [\"https://l1.example\"]\n\
        consensus_urls = [\"https://beacon.example\"]\n[sequencer]\nenabled = true\n";
    const LOCAL: &str = "network = \"local\"\n[sequencer]\nenabled = true\n";

    /// A keystore of the first attester of the mnemonic that everybody knows.
    fn keystore() -> Vec<u8> {
        use keys::keystore::{Validator, render};
        use keys::{Mnemonic, derive_attester};
        let words = "test test test test test test test test test test test junk";
        let attester = derive_attester(&Mnemonic::parse(words).unwrap(), 0, 0).unwrap();
        let validator = Validator {
            attester: &attester,
            publishers: &[],
            coinbase: None,
            fee_recipient: l1::B256::ZERO,
        };
        render(&[validator]).to_vec()
    }

    fn host(mode: u32, files: &[(&str, &[u8], u32)]) -> FakeHost {
        let mut host = FakeHost::debian();
        host.plant(layout::ETC, FileType::Directory, b"", 0o750);
        host.plant(layout::KEYSTORE, FileType::Directory, b"", mode);
        for (name, bytes, mode) in files {
            let path = format!("{}/{name}", layout::KEYSTORE);
            host.plant(&path, FileType::File, bytes, *mode);
        }
        host
    }

    /// The failed findings, one line each.
    fn refused(kit_toml: &str, host: &FakeHost) -> Vec<String> {
        let settings = Settings::parse(kit_toml).unwrap();
        let findings = preflight(&settings, host).unwrap();
        let bad = findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Fail);
        bad.map(|finding| format!("{}: {}", finding.check, finding.text()))
            .collect()
    }

    #[test]
    fn a_live_sequencer_needs_a_keystore_that_the_node_loads() {
        let good = keystore();
        assert!(refused(LIVE, &host(0o700, &[("one.json", &good, 0o600)])).is_empty());
        let empty = refused(LIVE, &host(0o700, &[]));
        assert!(
            empty[0].contains("there is none. Make one with"),
            "{empty:?}"
        );
        let absent = refused(LIVE, &FakeHost::debian());
        assert!(absent[0].contains("`aztec-kit keys import`"), "{absent:?}");
        let open = refused(LIVE, &host(0o700, &[("one.json", &good, 0o644)]));
        assert!(
            open[0].starts_with("keystore /etc/aztec/keystore/one.json: has mode 0644"),
            "{open:?}"
        );
        let closed = refused(LIVE, &host(0o300, &[("one.json", &good, 0o600)]));
        assert!(
            closed[0].contains("mode 0300") && closed[0].contains("chmod 700"),
            "{closed:?}"
        );
    }

    #[test]
    fn a_key_in_two_directories_is_refused() {
        let (key, both) = (keystore(), format!("{LIVE}[prover]\nenabled = true\n"));
        let mut host = host(0o700, &[("one.json", &key, 0o600)]);
        let shared = |host: &FakeHost| {
            let mut found = refused(&both, host).into_iter();
            found.find(|it| it.starts_with("shared with /etc/aztec/keystore-prover: "))
        };
        assert_eq!(shared(&host), None);
        host.plant(layout::PROVER_KEYSTORE, FileType::Directory, b"", 0o700);
        let copy = format!("{}/copy.json", layout::PROVER_KEYSTORE);
        host.plant(&copy, FileType::File, &key, 0o600);
        assert!(shared(&host).is_some(), "{:?}", refused(&both, &host));
    }

    #[test]
    fn a_mode_that_a_run_repairs_is_not_an_obstacle() {
        let (good, made) = (keystore(), "validator.json");
        assert!(refused(LOCAL, &host(0o755, &[(made, &good, 0o644)])).is_empty());
        assert!(refused(LOCAL, &host(0o755, &[])).is_empty());
        assert!(refused(LOCAL, &FakeHost::debian()).is_empty());
        let other = refused(LOCAL, &host(0o700, &[("mine.json", &good, 0o644)]));
        assert_eq!(other.len(), 1, "{other:?}");
        let twice = [(made, good.as_slice(), 0o600), ("mine.json", &good, 0o600)];
        let twice = refused(LOCAL, &host(0o700, &twice));
        assert!(
            twice[0].contains("is in mine.json validators[0] and in"),
            "{twice:?}"
        );
    }
}
