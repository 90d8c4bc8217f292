//! Directories of keystores, judged as `keys check` judges them and the node would.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keys::keystore::Document;
use keys::keystore::survey::{Grade, Note, Seen, Sort, Survey};
use l1::Address;
use provision::Fault;
use provision::host::{FileType, Probe};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Finding, Verdict};
use crate::layout;
use crate::settings::Settings;

/// Permission bits of a directory of keystores: for its owner alone.
pub const DIRECTORY: u32 = 0o700;
/// Permission bits of a keystore.
const FILE: u32 = 0o600;
/// Whom the keystores of the services belong to.
const ROOT: u32 = 0;

/// Looks at a directory of keystores that must belong to `owner`; `None` when there is none.
pub fn survey(dir: &Path, owner: u32, probe: &dyn Probe) -> Result<Option<Survey>, Fault> {
    look(dir, owner, None, probe)
}

/// What a directory would amount to with one more keystore of `owner` in it.
pub fn survey_with(
    dir: &Path,
    owner: u32,
    (name, bytes): (&str, &[u8]),
    probe: &dyn Probe,
) -> Result<Survey, Fault> {
    let mut seen = entries(dir, probe)?;
    seen.push(Seen {
        name: name.to_owned(),
        sort: Sort::File,
        mode: FILE,
        uid: owner,
        bytes: Some(Zeroizing::new(bytes.to_vec())),
    });
    Ok(Survey::of(seen, owner))
}

/// A keystore in a directory.
#[derive(Debug)]
pub(crate) struct Keystore {
    /// The name of its file.
    pub name: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// What it says.
    pub document: Document,
}

impl Keystore {
    /// Its attesters; `None` for one that an encrypted file hides.
    pub fn attesters(&self) -> impl Iterator<Item = Option<Address>> {
        let entries = self.document.validators.iter();
        entries
            .flat_map(|entry| &entry.attesters)
            .map(|attester| attester.eth.address())
    }

    /// The keys in it, by names that tell nothing of them; `None` when it holds more than those of validators.
    pub fn keys(&self) -> Option<BTreeSet<String>> {
        let Document {
            prover,
            publishers,
            extras,
            funding,
            mnemonics,
            files,
            ..
        } = &self.document;
        let plain = prover.is_none()
            && publishers.is_none()
            && extras.is_empty()
            && funding.is_empty()
            && mnemonics.is_empty()
            && files.is_empty();
        let names = self.document.keys().into_iter().map(|(name, _)| name);
        plain.then(|| names.collect())
    }
}

/// What the node would load of a directory, in the order of the names; `None` when there is no directory.
pub(crate) fn keystores(dir: &Path, probe: &dyn Probe) -> Result<Option<Vec<Keystore>>, Fault> {
    let meta = probe.meta(dir)?;
    if meta.is_none_or(|meta| meta.file_type != FileType::Directory) {
        return Ok(None);
    }
    let seen = entries(dir, probe)?;
    let digests: BTreeMap<_, _> = seen
        .iter()
        .filter_map(|entry| Some((entry.name.clone(), sha256(entry.bytes.as_ref()?))))
        .collect();
    let documents = Survey::of(seen, ROOT).documents.into_iter();
    Ok(Some(
        documents
            .map(|(name, document)| Keystore {
                sha256: digests.get(&name).cloned().unwrap_or_default(),
                name,
                document,
            })
            .collect(),
    ))
}

/// SHA-256 of a file, in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    const_hex::encode(Sha256::digest(bytes))
}

/// `made`: the keystore that this program made itself. It repairs owner and mode of that one, and of the
/// directory it is in, so that they are judged as they will be.
fn look(
    dir: &Path,
    owner: u32,
    made: Option<&Path>,
    probe: &dyn Probe,
) -> Result<Option<Survey>, Fault> {
    let Some(meta) = probe.meta(dir)? else {
        return Ok(None);
    };
    let shown = dir.display();
    let mut bad = Vec::new();
    if meta.file_type != FileType::Directory {
        bad.push(format!(
            "{shown} is a {}. Name the directory itself",
            meta.file_type.word()
        ));
        return Ok(Some(Survey {
            documents: Vec::new(),
            notes: directory(bad, dir),
        }));
    }
    if made.is_none() {
        if meta.mode & 0o777 != DIRECTORY {
            bad.push(format!(
                "{shown} has mode {:04o}, not {DIRECTORY:04o}. Run `chmod 700 {shown}`, and make new keys if others could read them",
                meta.mode
            ));
        }
        if meta.uid != owner {
            bad.push(format!(
                "{shown} belongs to user {}, not to {owner}. Run `chown {owner} {shown}`",
                meta.uid
            ));
        }
    }
    let mut seen = entries(dir, probe)?;
    for entry in &mut seen {
        if entry.sort == Sort::File && made == Some(dir.join(&entry.name).as_path()) {
            (entry.uid, entry.mode) = (owner, FILE);
        }
    }
    let mut survey = Survey::of(seen, owner);
    survey.notes.splice(0..0, directory(bad, dir));
    Ok(Some(survey))
}

fn directory(bad: Vec<String>, dir: &Path) -> Vec<Note> {
    let note = |grade, message| Note {
        check: "directory".into(),
        grade,
        message,
    };
    if bad.is_empty() {
        let good = format!("{}, for its owner alone", dir.display());
        return vec![note(Grade::Good, good)];
    }
    let bad = bad.into_iter();
    bad.map(|message| note(Grade::Bad, message)).collect()
}

fn entries(dir: &Path, probe: &dyn Probe) -> Result<Vec<Seen>, Fault> {
    let mut entries = Vec::new();
    for name in probe.list(dir)?.unwrap_or_default() {
        let path = dir.join(&name);
        let Some(meta) = probe.meta(&path)? else {
            continue;
        };
        let sort = match meta.file_type {
            FileType::File => Sort::File,
            FileType::Directory => Sort::Directory,
            FileType::Symlink => Sort::Symlink,
            FileType::Other => Sort::Other,
        };
        let bytes = match sort {
            Sort::File => probe.read(&path)?.map(Zeroizing::new),
            _ => None,
        };
        entries.push(Seen {
            name,
            sort,
            mode: meta.mode,
            uid: meta.uid,
            bytes,
        });
    }
    Ok(entries)
}

/// What a survey found, as findings.
pub fn findings(survey: &Survey) -> Vec<Finding> {
    let verdict = |grade| match grade {
        Grade::Good => Verdict::Pass,
        Grade::Odd => Verdict::Warn,
        Grade::Bad => Verdict::Fail,
    };
    let notes = survey.notes.iter();
    notes
        .map(|note| Finding::new(&note.check, verdict(note.grade), &note.message))
        .collect()
}

/// The keystores of the services that this host shall run.
pub(super) fn preflight(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    let mut sequencer = None;
    if settings.sequencer {
        let (made, missing) = (
            layout::validator_key(),
            "Make keys with `aztec-kit keys new`, or bring yours in with `aztec-kit keys import`",
        );
        sequencer = service(
            settings,
            layout::KEYSTORE,
            &made,
            missing,
            probe,
            &mut findings,
        )?;
    }
    if settings.prover {
        let (made, missing) = (
            layout::prover_key(),
            "Put a keystore there with the key that pays for the proofs (directory 0700, file 0600, both root)",
        );
        let prover = service(
            settings,
            layout::PROVER_KEYSTORE,
            &made,
            missing,
            probe,
            &mut findings,
        )?;
        if let (Some(mut sequencer), Some(prover)) = (sequencer, prover) {
            sequencer.notes.clear();
            sequencer.against(layout::PROVER_KEYSTORE, &prover.attesters());
            findings.extend(self::findings(&sequencer));
        }
    }
    Ok(findings)
}

/// The directory of one service. On a local network its key is made; on a live one keys are the operator's
/// business, and none is made up.
fn service(
    settings: &Settings,
    dir: &str,
    made: &Path,
    missing: &str,
    probe: &dyn Probe,
    findings: &mut Vec<Finding>,
) -> Result<Option<Survey>, Fault> {
    let local = settings.is_local();
    let survey = look(Path::new(dir), ROOT, local.then_some(made), probe)?;
    let Some(mut survey) = survey else {
        if !local {
            findings.push(Finding::new(
                "keystore",
                Verdict::Fail,
                format!("{dir} is not there. {missing}"),
            ));
        }
        return Ok(None);
    };
    if local && survey.documents.is_empty() {
        // The one that will be made.
        survey.notes.retain(|note| note.check != "keystores");
    }
    let remote = super::remote_signer::findings(&survey);
    findings.extend(self::findings(&survey).into_iter().map(|finding| {
        let place = match finding.check.as_str() {
            name if name.to_ascii_lowercase().ends_with(".json") => {
                format!("keystore {dir}/{name}")
            }
            check => format!("keystore {check}"),
        };
        Finding::new(place, finding.status, finding.message)
    }));
    findings.extend(remote);
    Ok(Some(survey))
}

#[cfg(test)]
mod tests {
    use provision::host::fake::FakeHost;

    use super::*;

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

    /// What is wrong, a line each.
    fn refused(kit_toml: &str, host: &FakeHost) -> Vec<String> {
        let settings = Settings::parse(kit_toml).unwrap();
        let findings = preflight(&settings, host).unwrap();
        let bad = findings
            .into_iter()
            .filter(|finding| finding.status == Verdict::Fail);
        bad.map(|finding| format!("{}: {}", finding.check, finding.message))
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
    fn what_this_program_repairs_is_no_obstacle() {
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
