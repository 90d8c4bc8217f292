//! The content of one keystore: values that a service cannot use, and values that the node ignores or takes from
//! another file.

use alloy_primitives::Address;

use super::note::{Grade, Note};
use crate::keystore::document::{Account, Document, Entry};
use crate::keystore::merged::Defaults;
use crate::keystore::remote::remote_signers;

/// The findings about one of several files. `all` is the values that the files set for all validators.
pub(super) fn check(
    name: &str,
    document: &Document,
    all: &Defaults<'_>,
    files: usize,
) -> Vec<Note> {
    let mut notes = outside(name, document);
    notes.extend(no_signer(name, document, all));
    notes.extend(unread(name, document, files));
    notes.extend(inherited(name, document, all));
    notes
}

/// Values that are wrong in a service, even if the node could load the file elsewhere.
fn outside(name: &str, document: &Document) -> Vec<Note> {
    let mut notes = Vec::new();
    for file in &document.files {
        let beside = if file.password.is_some() {
            ", and its password is beside it"
        } else {
            ""
        };
        notes.push(
            Note::new(
                name,
                Grade::Bad,
                format!(
                    "{} names an encrypted file, which the service cannot reach{beside}",
                    file.place
                ),
            )
            .fix("Import the keys with `aztec-kit keys import --from`."),
        );
    }
    for place in &document.mnemonics {
        notes.push(Note::new(name, Grade::Odd, format!(
            "{place} is a whole mnemonic: whoever reads it has every key that was ever derived from it"
        )).fix("Import only the keys."));
    }
    if document.validators.is_empty() && document.prover.is_none() {
        let counts = document.publishers.is_some()
            || document.coinbase.is_some()
            || document.fee_recipient.is_some()
            || document.remote_signer.is_some();
        let (seen, fix) = match counts {
            true => (
                "has neither a validator nor a prover, and its values apply to the validators of other files",
                "Set them in validators[] there.",
            ),
            false => (
                "has neither a validator nor a prover: nothing signs with it",
                "Remove it.",
            ),
        };
        notes.push(Note::new(name, Grade::Odd, seen).fix(fix));
    }
    notes
}

/// Accounts that are only an address, without a remote signer that has the key; and rewards for nobody.
fn no_signer(name: &str, document: &Document, all: &Defaults<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    let lost = |account: &Account| match account {
        Account::Remote {
            address,
            signer: None,
        } if all.remote_signer.is_none() => Some(*address),
        _ => None,
    };
    for address in document.prover.iter().flatten().filter_map(lost) {
        notes.push(
            Note::new(
                name,
                Grade::Bad,
                format!(
                    "prover has only the address {address}, and no remote signer is named for it"
                ),
            )
            .fix("Set its remoteSigner."),
        );
    }
    for (index, entry) in document.validators.iter().enumerate() {
        if entry.coinbase.or(all.coinbase) == Some(Address::ZERO) {
            let seen = format!("validators[{index}].coinbase is zero: its rewards go to nobody");
            notes.push(Note::new(name, Grade::Odd, seen).fix("Set it to an address of yours."));
        }
        if entry.remote_signer.is_some() {
            continue;
        }
        for address in entry.accounts().filter_map(lost) {
            notes.push(Note::new(name, Grade::Bad, format!(
                "validators[{index}] has only the address {address}, and no remote signer is named for it"
            )).fix("Import it with --remote-signer."));
        }
        let shared = all.publishers.iter().flatten();
        let shared = shared.filter(|_| entry.publishers.is_none());
        for address in shared.filter_map(|account| lost(account)) {
            notes.push(Note::new(name, Grade::Bad, format!(
                "validators[{index}] is paid for by {address}, the publisher of all validators, and no remote signer is named for it"
            )).fix("Set its remoteSigner."));
        }
    }
    notes
}

/// Values that no release reads, or not from one of several files; and passwords in URLs.
fn unread(name: &str, document: &Document, files: usize) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut odd = |seen: String, fix: &str| {
        notes.push(Note::new(name, Grade::Odd, seen).fix(fix));
    };
    for place in &document.funding {
        if place != "fundingAccount" {
            odd(
                format!(
                    "no release reads {place}: the node tops up publishers from the fundingAccount of the whole file only"
                ),
                "Move it there.",
            );
        } else if files > 1 {
            odd(
                "its fundingAccount is dropped because there are several files: no publisher is topped up".into(),
                "Put everything into one file.",
            );
        }
    }
    if document.extras.contains(&"certPath") {
        odd(
            "it names a client certificate, which the node never sends: whoever reaches the remote signer can ask it for signatures".into(),
            "Let the signer accept connections from this host alone.",
        );
    }
    let signers = remote_signers([document]);
    if signers.keys().any(|url| url.password().is_some()) {
        odd(
            "the URL of a remote signer contains a password, and so does a backup".into(),
            "Let the signer recognise this host in another way.",
        );
    }
    notes
}

/// Values of the whole file that its own validators do not get, because other files set them too.
fn inherited(name: &str, document: &Document, all: &Defaults<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
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
                && document.remote_signer.as_deref() != all.remote_signer
                && uses_default_signer(document),
        ),
    ];
    for (field, _) in differ.iter().filter(|(_, differs)| *differs) {
        notes.push(Note::new(name, Grade::Odd, format!(
            "one of its validators sets no {field} of its own and gets that of another file: the last file with a {field} for all validators counts for every file"
        )).fix("Set it in validators[]."));
    }
    let own = document.publishers.iter().flatten().count();
    if inherit(|entry| entry.publishers.is_some())
        && all.publishers.as_ref().map_or(0, Vec::len) != own
    {
        let seen = "one of its validators sets no publisher of its own and gets those of other files: the node merges the publishers for all validators of every file into one list";
        notes.push(Note::new(name, Grade::Odd, seen).fix("Set them in validators[]."));
    }
    notes
}

/// Whether an account of a validator is only an address, whose signer is the default one.
fn uses_default_signer(document: &Document) -> bool {
    let entries = document.validators.iter();
    let entries = entries.filter(|entry| entry.remote_signer.is_none());
    let accounts = entries.flat_map(Entry::accounts);
    let mut accounts = accounts.chain(document.publishers.iter().flatten());
    accounts.any(|account| matches!(account, Account::Remote { signer: None, .. }))
}
