//! A directory of keystores as a whole: how the node would read it, and who else could.
//!
//! This module is pure: the caller reads the directory and passes its content. systemd copies every file of the
//! directory, also those of sub-directories, into one directory that only the service can read. It skips links. The node
//! loads every `*.json` there, and does not start if one of them is not a keystore.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use alloy_primitives::Address;
use zeroize::Zeroizing;

use super::document::{Account, BlsAccount, Document, Entry};
use super::merged::{Defaults, Listed, listed};
use super::remote::remote_signers;

/// The largest total size of a unit's credentials, in bytes. systemd refuses to start a unit with more.
const MOST_CREDENTIALS: usize = 1 << 20;
/// The end of the name of a file that is still being written.
pub const STAGED: &str = ".aztec-kit-new";

/// One name in the directory.
#[derive(Debug)]
pub struct Seen {
    /// The name.
    pub name: String,
    /// The type of the file.
    pub sort: Sort,
    /// Permission bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// The content of a regular file.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
}

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Anything else.
    Other,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// No problem.
    Good,
    /// The node works with it, but not as it should.
    Odd,
    /// The node does not start with it, or a key is in danger.
    Bad,
}

/// The subject of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The directory itself.
    Directory,
    /// A file of the directory, by its name.
    File(String),
    /// All keystores together.
    Keystores,
    /// The attesters of all keystores.
    Attesters,
    /// The publishers of all keystores.
    Publishers,
    /// The BLS keys of all keystores.
    BlsKeys,
    /// The keys that another node has too, with the path of its directory or list.
    Shared(String),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "directory",
            Self::File(name) => name,
            Self::Keystores => "keystores",
            Self::Attesters => "attesters",
            Self::Publishers => "publishers",
            Self::BlsKeys => "BLS keys",
            Self::Shared(other) => return write!(f, "shared with {other}"),
        })
    }
}

impl From<&str> for About {
    /// A file.
    fn from(name: &str) -> Self {
        Self::File(name.to_owned())
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The subject of the finding.
    pub about: About,
    /// The result.
    pub grade: Grade,
    /// The text of the finding, with what to do about it. It contains no secret.
    pub message: String,
}

/// The result of the checks of a directory.
#[derive(Debug)]
pub struct Survey {
    /// The keystores, with the names of their files.
    pub documents: Vec<(String, Document)>,
    /// The findings.
    pub notes: Vec<Note>,
}

impl Survey {
    /// Checks a directory. Its files must belong to the user id `owner`.
    #[must_use]
    pub fn of(mut seen: Vec<Seen>, owner: u32) -> Self {
        // Node.js lists a directory in this order. It decides which file counts if two set a value for all validators.
        seen.sort_by(|a, b| a.name.cmp(&b.name));
        let mut survey = Self {
            documents: Vec::new(),
            notes: Vec::new(),
        };
        let size: usize = seen
            .iter()
            .filter_map(|seen| seen.bytes.as_ref())
            .map(|b| b.len())
            .sum();
        for seen in seen {
            survey.file(seen, owner);
        }
        survey.together(size);
        survey
    }

    /// Whether the node would start with it and no key is in danger.
    #[must_use]
    pub fn sound(&self) -> bool {
        self.notes.iter().all(|note| note.grade != Grade::Bad)
    }

    /// Every attester of every file, and the prover.
    #[must_use]
    pub fn attesters(&self) -> Vec<Listed> {
        listed(&self.by_name())
    }

    /// The keystores with their names, in the order in which the node reads them.
    #[must_use]
    pub fn by_name(&self) -> Vec<(&str, &Document)> {
        let documents = self.documents.iter();
        documents.map(|(name, it)| (name.as_str(), it)).collect()
    }

    /// Compares the directory with that of another node. Two nodes with one publisher use each other's nonces, and an
    /// attester on two nodes can be slashed.
    pub fn against(&mut self, other: &str, theirs: &[Listed]) {
        let ours = self.attesters();
        let about = About::Shared(other.to_owned());
        let before = self.notes.len();
        let publishers = |listed: &[Listed]| -> BTreeSet<Address> {
            listed
                .iter()
                .flat_map(|one| one.publishers.clone())
                .collect()
        };
        let attesters = |listed: &[Listed]| -> BTreeSet<Address> {
            listed.iter().filter_map(|one| one.attester).collect()
        };
        let (our_attesters, their_attesters) = (attesters(&ours), attesters(theirs));
        for address in publishers(&ours).intersection(&publishers(theirs)) {
            self.note(about.clone(), Grade::Bad, format!(
                "{address} pays for the transactions of both nodes: they would use each other's nonces. Give one of them a publisher of its own"
            ));
        }
        for address in our_attesters.intersection(&their_attesters) {
            self.note(about.clone(), Grade::Odd, format!(
                "attester {address} is on both nodes: it is slashed for signing twice, unless both share one signing database (VALIDATOR_HA_SIGNING_ENABLED)"
            ));
        }
        if self.notes.len() == before {
            self.note(about.clone(), Grade::Good, "no attester and no publisher");
        }
    }

    fn note(&mut self, about: impl Into<About>, grade: Grade, message: impl Into<String>) {
        self.notes.push(Note {
            about: about.into(),
            grade,
            message: message.into(),
        });
    }

    fn file(&mut self, seen: Seen, owner: u32) {
        let Seen {
            name,
            sort,
            mode,
            uid,
            bytes,
        } = seen;
        let json = name.to_ascii_lowercase().ends_with(".json");
        if name.starts_with('.') {
            if name.ends_with(STAGED) {
                self.note(
                    name.as_str(),
                    Grade::Odd,
                    "a killed run left it half written, with keys in it. Remove it",
                );
            }
            return;
        }
        let refusal = match sort {
            Sort::File if !json => {
                let message = "the node reads only *.json. Move it out of this directory";
                return self.note(name.as_str(), Grade::Odd, message);
            }
            Sort::File => None,
            Sort::Directory => Some(
                "is a directory: systemd passes its files to the node as keystores too. Move it out",
            ),
            Sort::Symlink => Some(
                "is a symlink: systemd skips it, so the node does not get the key. Put the file itself there",
            ),
            Sort::Other => Some("is not a regular file. Move it out of this directory"),
        };
        if let Some(refusal) = refusal {
            return self.note(name.as_str(), Grade::Bad, refusal);
        }
        if !name
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte) && byte != b':')
            || name.len() > 200
        {
            self.note(
                name.as_str(),
                Grade::Bad,
                "cannot be the name of a systemd credential. Rename it",
            );
        }
        if mode & 0o7177 != 0 {
            self.note(name.as_str(), Grade::Bad, format!(
                "has mode {mode:04o}: others can read or change it. If nobody has, `chmod 600` it; otherwise create new keys"
            ));
        }
        if uid != owner {
            self.note(
                name.as_str(),
                Grade::Bad,
                format!("belongs to user {uid}, not to {owner}. Run `chown {owner}` on it"),
            );
        }
        match Document::parse(bytes.as_ref().map_or(&[], |bytes| bytes.as_slice())) {
            Ok(document) => self.documents.push((name, document)),
            Err(error) => self.note(
                name.as_str(),
                Grade::Bad,
                format!("{error}. Put that right, or move the file out of this directory"),
            ),
        }
    }

    fn together(&mut self, size: usize) {
        let documents = std::mem::take(&mut self.documents);
        let before = self.notes.len();
        // A broken keystore has a finding already, and is not a missing one.
        let broken = self.notes.iter().any(|note| {
            let json = |name: &str| name.to_ascii_lowercase().ends_with(".json");
            note.grade == Grade::Bad && matches!(&note.about, About::File(name) if json(name))
        });
        if documents.is_empty() && !broken {
            self.note(
                About::Keystores,
                Grade::Bad,
                "there is none. Make one with `aztec-kit keys new`",
            );
        }
        if size > MOST_CREDENTIALS {
            self.note(About::Keystores, Grade::Bad, format!(
                "the files have {size} bytes in total, and systemd passes on at most {MOST_CREDENTIALS}. Spread the validators over several hosts"
            ));
        }
        // A file without validators may have either version.
        let second = documents.iter().any(|(_, it)| it.schema_version == 2);
        let first = |it: &Document| it.schema_version == 1 && !it.validators.is_empty();
        if second && documents.iter().any(|(_, it)| first(it)) {
            self.note(About::Keystores, Grade::Bad, "some have schemaVersion 1 and some 2, and the node refuses to mix them. Use one version");
        }
        let provers: Vec<_> = documents
            .iter()
            .filter(|(_, it)| it.prover.is_some())
            .collect();
        if let [(one, _), (two, _), ..] = provers[..] {
            self.note(
                About::Keystores,
                Grade::Bad,
                format!(
                    "{one} and {two} both have a prover, and the node accepts only one. Remove one"
                ),
            );
        }
        let by_name: Vec<_> = documents
            .iter()
            .map(|(name, it)| (name.as_str(), it))
            .collect();
        let all = Defaults::of(&by_name);
        for (name, document) in &by_name {
            self.alone(name, document, &all);
            self.merged(name, document, &all, documents.len());
        }
        if self.notes.len() == before && !documents.is_empty() {
            let count: usize = documents
                .iter()
                .flat_map(|(_, it)| &it.validators)
                .map(|entry| entry.attesters.len())
                .sum();
            self.note(
                About::Keystores,
                Grade::Good,
                format!(
                    "{} with {}",
                    counted(documents.len(), "file", "files"),
                    counted(count, "attester", "attesters")
                ),
            );
        }
        self.roles(&by_name, &all);
        self.registered(&by_name);
        self.documents = documents;
    }

    /// Checks of one file that hold for a service, even if the node could load the file elsewhere.
    fn alone(&mut self, name: &str, document: &Document, all: &Defaults<'_>) {
        for file in &document.files {
            let beside = if file.password.is_some() {
                ", and its password is beside it"
            } else {
                ""
            };
            self.note(name, Grade::Bad, format!(
                "{} names an encrypted file, which the service cannot reach{beside}. Import the keys with `aztec-kit keys import --from`",
                file.place
            ));
        }
        for place in &document.mnemonics {
            self.note(name, Grade::Odd, format!(
                "{place} is a whole mnemonic: whoever reads it has every key that was ever derived from it. Import only the keys"
            ));
        }
        if document.validators.is_empty() && document.prover.is_none() {
            let counts = document.publishers.is_some()
                || document.coinbase.is_some()
                || document.fee_recipient.is_some()
                || document.remote_signer.is_some();
            self.note(
                name,
                Grade::Odd,
                if counts {
                    "has neither a validator nor a prover, and its values apply to the validators of other files. Set them in validators[] there"
                } else {
                    "has neither a validator nor a prover: nothing signs with it. Remove it"
                },
            );
        }
        let lost = |account: &Account| match account {
            Account::Remote {
                address,
                signer: None,
            } if all.remote_signer.is_none() => Some(*address),
            _ => None,
        };
        for address in document.prover.iter().flatten().filter_map(lost) {
            self.note(name, Grade::Bad, format!(
                "prover has only the address {address}, and no remote signer is named for it. Set its remoteSigner"
            ));
        }
        for (index, entry) in document.validators.iter().enumerate() {
            if entry.coinbase.or(all.coinbase) == Some(Address::ZERO) {
                self.note(
                    name,
                    Grade::Odd,
                    format!("validators[{index}].coinbase is zero: its rewards go to nobody"),
                );
            }
            if entry.remote_signer.is_some() {
                continue;
            }
            let attesters = entry.attesters.iter().map(|one| &one.eth);
            for address in attesters
                .chain(entry.publishers.iter().flatten())
                .filter_map(lost)
            {
                self.note(name, Grade::Bad, format!(
                    "validators[{index}] has only the address {address}, and no remote signer is named for it. Import it with --remote-signer"
                ));
            }
            let inherited = all.publishers.iter().flatten();
            for address in inherited
                .filter(|_| entry.publishers.is_none())
                .filter_map(|account| lost(account))
            {
                self.note(name, Grade::Bad, format!(
                    "validators[{index}] is paid for by {address}, the publisher of all validators, and no remote signer is named for it. Set its remoteSigner"
                ));
            }
        }
    }

    /// Values of a file that the node does not use, because there are other files or because no release reads them.
    fn merged(&mut self, name: &str, document: &Document, all: &Defaults<'_>, files: usize) {
        for place in &document.funding {
            if place != "fundingAccount" {
                self.note(name, Grade::Odd, format!(
                    "no release reads {place}: the node tops up publishers from the fundingAccount of the whole file only. Move it there"
                ));
            } else if files > 1 {
                self.note(name, Grade::Odd, "its fundingAccount is dropped because there are several files: no publisher is topped up. Put everything into one file");
            }
        }
        if document.extras.contains(&"certPath") {
            self.note(name, Grade::Odd, "it names a client certificate, which the node never sends: whoever reaches the remote signer can ask it for signatures");
        }
        if remote_signers([document])
            .keys()
            .any(|url| url.password().is_some())
        {
            self.note(name, Grade::Odd, "the URL of a remote signer contains a password, and so does a backup. Let the signer recognise this host in another way");
        }
        let inherit = |own: fn(&Entry) -> bool| {
            let mut entries = document.validators.iter();
            !entries.all(own)
        };
        let differ = [
            (
                "coinbase",
                inherit(|entry| entry.coinbase.is_some()) && document.coinbase != all.coinbase,
            ),
            (
                "feeRecipient",
                inherit(|entry| entry.fee_recipient.is_some())
                    && document.fee_recipient != all.fee_recipient,
            ),
            (
                "remoteSigner",
                inherit(|entry| entry.remote_signer.is_some())
                    && document.remote_signer.as_ref() != all.remote_signer
                    && asks_a_default(document),
            ),
        ];
        for (field, _) in differ.iter().filter(|(_, differs)| *differs) {
            self.note(name, Grade::Odd, format!(
                "one of its validators sets no {field} of its own and gets that of another file: the last file with a {field} for all validators counts for every file. Set it in validators[]"
            ));
        }
        let own = document.publishers.iter().flatten().count();
        if inherit(|entry| entry.publishers.is_some())
            && all.publishers.as_ref().map_or(0, Vec::len) != own
        {
            self.note(name, Grade::Odd, "one of its validators sets no publisher of its own and gets those of other files: the node merges the publishers for all validators of every file into one list. Set them in validators[]");
        }
    }

    /// Finds attesters that occur twice, and publishers that are the attester of another validator.
    fn roles(&mut self, documents: &[(&str, &Document)], all: &Defaults<'_>) {
        let before = self.notes.len();
        let mut owners: BTreeMap<Address, String> = BTreeMap::new();
        for (place, entry) in entries(documents) {
            for address in entry.attesters.iter().filter_map(|one| one.eth.address()) {
                if let Some(first) = owners.get(&address) {
                    // The node refuses most of these when it starts, and signs twice with those of a mnemonic.
                    self.note(About::Attesters, Grade::Bad, format!(
                        "{address} is in {first} and in {place}: an attester may occur only once. Remove one"
                    ));
                } else {
                    owners.insert(address, place.clone());
                }
            }
        }
        if self.notes.len() == before && !owners.is_empty() {
            self.note(
                About::Attesters,
                Grade::Good,
                format!(
                    "{}, no duplicate",
                    counted(owners.len(), "address", "addresses")
                ),
            );
        }
        let before = self.notes.len();
        let (mut publishers, mut alone) = (BTreeSet::new(), true);
        for (place, entry) in entries(documents) {
            let named = entry.publishers.is_some() || all.publishers.is_some();
            alone &= !named && entry.attesters.len() == 1;
            let paying = all.publishers_of(entry).into_iter();
            for address in paying.filter_map(Account::address) {
                publishers.insert(address);
                let owner = owners
                    .get(&address)
                    .filter(|owner| named && **owner != place);
                if let Some(owner) = owner {
                    self.note(About::Publishers, Grade::Odd, format!(
                        "{address} publishes for {place} and is the attester of {owner}: one key has two roles. Use a separate key"
                    ));
                }
            }
        }
        if self.notes.len() == before && !owners.is_empty() {
            let message = if alone {
                "every attester pays for its own transactions".to_owned()
            } else {
                format!(
                    "{}, no key of another attester",
                    counted(publishers.len(), "address", "addresses")
                )
            };
            self.note(About::Publishers, Grade::Good, message);
        }
    }

    /// The escrow accepts each BLS key only once (`GSE__ProofOfPossessionAlreadySeen` of its ABI).
    fn registered(&mut self, documents: &[(&str, &Document)]) {
        let mut owners: BTreeMap<[u8; 32], String> = BTreeMap::new();
        for (place, entry) in entries(documents) {
            for attester in &entry.attesters {
                let Some(BlsAccount::Key(key)) = &attester.bls else {
                    continue;
                };
                if let Some(first) = owners.insert(key.public_compressed(), place.clone()) {
                    self.note(About::BlsKeys, Grade::Bad, format!(
                        "{first} and {place} have the same key: only one of them can be registered. Create new keys for the other"
                    ));
                }
            }
        }
    }
}

/// The validators of all files, each with its place.
fn entries<'a>(documents: &'a [(&str, &'a Document)]) -> impl Iterator<Item = (String, &'a Entry)> {
    documents.iter().flat_map(|(name, document)| {
        let entries = document.validators.iter().enumerate();
        entries.map(move |(index, entry)| (format!("{name} validators[{index}]"), entry))
    })
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Whether an account of a validator is only an address, whose signer is the default one.
fn asks_a_default(document: &Document) -> bool {
    let entries = document.validators.iter();
    let entries = entries.filter(|entry| entry.remote_signer.is_none());
    let attesters = entries.flat_map(|entry| {
        let attesters = entry.attesters.iter().map(|one| &one.eth);
        attesters.chain(entry.publishers.iter().flatten())
    });
    let mut accounts = attesters.chain(document.publishers.iter().flatten());
    accounts.any(|account| matches!(account, Account::Remote { signer: None, .. }))
}

#[cfg(test)]
#[path = "survey_tests.rs"]
mod tests;
