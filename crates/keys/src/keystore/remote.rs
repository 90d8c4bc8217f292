//! The remote signers that the node asks for signatures, and the addresses of each: `validateSigners` of 4.1.2
//! (node-keystore/dest/keystore_manager.js), which the node calls when it starts.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use url::Url;

use super::document::{Account, Document, Entry};

/// The remote signers of these files, each with the addresses that it must have keys for. The files are in the order of
/// their names.
#[must_use]
pub fn remote_signers<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
) -> BTreeMap<Url, BTreeSet<Address>> {
    let mut signers: BTreeMap<Url, BTreeSet<Address>> = BTreeMap::new();
    let documents: Vec<&Document> = documents.into_iter().collect();
    // The node merges all files into one keystore, and the last signer counts.
    let mut last = documents.iter().rev();
    let default = last.find_map(|document| document.remote_signer.as_deref());
    for document in documents {
        let mut add = |accounts: &[Account], entry: Option<&Entry>| {
            for account in accounts {
                if let (Account::Remote { address, .. }, Some(url)) =
                    (account, signer_of(account, entry, default))
                {
                    signers.entry(url.clone()).or_default().insert(*address);
                }
            }
        };
        for entry in &document.validators {
            for attester in &entry.attesters {
                add(std::slice::from_ref(&attester.eth), Some(entry));
            }
            add(entry.publishers.as_deref().unwrap_or_default(), Some(entry));
        }
        for accounts in [&document.prover, &document.publishers] {
            add(accounts.as_deref().unwrap_or_default(), None);
        }
    }
    signers
}

/// The signer of an account: its own, otherwise that of its entry, otherwise the default of all files.
pub(super) fn signer_of<'a>(
    account: &'a Account,
    entry: Option<&'a Entry>,
    default: Option<&'a Url>,
) -> Option<&'a Url> {
    let Account::Remote { signer, .. } = account else {
        return None;
    };
    let of_entry = entry.and_then(|entry| entry.remote_signer.as_deref());
    signer.as_deref().or(of_entry).or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signer_has_its_own_addresses() {
        let [one, two, three] =
            [1, 2, 3].map(|byte| format!("0x{}", format!("{byte:02x}").repeat(20)));
        let zero = format!("0x{}", "0".repeat(64));
        let text = format!(
            r#"{{"schemaVersion":1,"remoteSigner":"http://file:9000","validators":[
                {{"attester":"{one}","publisher":{{"address":"{two}","remoteSignerUrl":"http://own:9000"}},"feeRecipient":"{zero}"}},
                {{"attester":"{three}","remoteSigner":"http://entry:9000","feeRecipient":"{zero}"}}]}}"#
        );
        let document = Document::parse(text.as_bytes()).unwrap();
        let signers = remote_signers([&document]);
        let shown: Vec<_> = signers
            .iter()
            .map(|(url, addresses)| (url.host_str().unwrap(), addresses.len()))
            .collect();
        assert_eq!(shown, [("entry", 1), ("file", 1), ("own", 1)]);
        let at = |host: &str| signers[&Url::parse(&format!("http://{host}:9000")).unwrap()].clone();
        assert!(at("file").contains(&one.parse::<Address>().unwrap()));
        assert!(at("own").contains(&two.parse::<Address>().unwrap()));
        assert!(at("entry").contains(&three.parse::<Address>().unwrap()));
    }
}
