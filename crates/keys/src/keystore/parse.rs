//! Reads a whole keystore file, as strictly as the node reads it.
//!
//! An error names the place, such as `validators[0].feeRecipient`, and never a value, which could be a key.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::document::{Account, Attester, BlsAccount, Document, Entry, KeyFile};
use super::fields::{Fields, optional};
use super::tree::Tree;
use super::values::{
    SignerUrl, address, field_element, key_bytes, parse_address, signer_url, text, unexpected,
};
use crate::encrypted::Format;
use crate::error::{Result, refused};
use crate::{BlsKey, EthKey, Mnemonic};

/// The most keys that one entry with a mnemonic may stand for. Each key costs the node a derivation when it starts.
const MOST_DERIVED: u64 = 1000;

/// The error about a short text that should be a key or an address.
const NEITHER: &str =
    "is neither a private key (0x and 64 hexadecimal digits) nor an address (0x and 40)";

impl Document {
    /// Reads a keystore as strictly as the node.
    ///
    /// # Errors
    ///
    /// If the node would refuse it, or would start and then not work with it. The error names the place.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) || bytes.starts_with(&[0xFF, 0xFE]) {
            return Err(refused(
                "it begins with a byte order mark, as files of Windows do: save it as UTF-8 without one",
            ));
        }
        let tree: Tree = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            refused(match error.classify() {
                serde_json::error::Category::Data => {
                    format!("a name occurs twice before line {line} column {column}")
                }
                _ => format!("it is not JSON: see line {line} column {column}"),
            })
        })?;
        let mut reader = Reader::default();
        reader.document(&tree)
    }
}

/// Collects values from all over the document while it is read.
#[derive(Default)]
struct Reader {
    extras: Vec<&'static str>,
    funding: Vec<String>,
    mnemonics: Vec<String>,
    files: Vec<KeyFile>,
}

impl Reader {
    fn document(&mut self, tree: &Tree) -> Result<Document> {
        if let Tree::List(_) = tree {
            return Err(refused(
                "it is an array, like a staker output: that file does not belong in a keystore directory",
            ));
        }
        let root = Fields::of(tree, "")?;
        let schema_version = match root.get("schemaVersion").map(Tree::whole_number) {
            Some(Some(1)) => 1,
            Some(Some(2)) => 2,
            Some(_) => return Err(refused("schemaVersion is not the number 1 or 2")),
            None => return Err(refused("schemaVersion is missing")),
        };
        let mut known = vec![
            "schemaVersion",
            "validators",
            "slasher",
            "remoteSigner",
            "prover",
            "fundingAccount",
        ];
        if schema_version == 2 {
            known.extend(["publisher", "coinbase", "feeRecipient"]);
        }
        root.only(&known)?;
        let fee_recipient = optional(&root, "feeRecipient", field_element)?;
        let mut validators = Vec::new();
        match root.get("validators") {
            None => {}
            Some(Tree::List(entries)) => {
                for (index, entry) in entries.iter().enumerate() {
                    let place = format!("validators[{index}]");
                    let entry = self.entry(entry, &place)?;
                    if entry.fee_recipient.or(fee_recipient).is_none() {
                        return Err(refused(format!("{place}.feeRecipient is missing")));
                    }
                    validators.push(entry);
                }
            }
            Some(other) => return Err(unexpected("validators", "an array", other)),
        }
        let prover = root
            .get("prover")
            .map(|tree| self.prover(tree))
            .transpose()?;
        if root.get("validators").is_none() && prover.is_none() {
            return Err(refused("validators is missing"));
        }
        for extra in ["prover", "slasher", "fundingAccount"] {
            if root.get(extra).is_some() {
                self.extras.push(extra);
            }
        }
        if let Some(slasher) = root.get("slasher") {
            self.accounts(slasher, "slasher")?;
        }
        if let Some(funding) = root.get("fundingAccount") {
            self.account(funding, "fundingAccount")?;
            self.funding.push("fundingAccount".to_owned());
        }
        let publishers = root
            .get("publisher")
            .map(|tree| self.publishers(tree, "publisher"))
            .transpose()?;
        Ok(Document {
            schema_version,
            validators,
            prover,
            publishers,
            coinbase: optional(&root, "coinbase", address)?,
            fee_recipient,
            remote_signer: optional(&root, "remoteSigner", |tree, place| {
                self.remote_signer(tree, place)
            })?,
            extras: std::mem::take(&mut self.extras),
            funding: std::mem::take(&mut self.funding),
            mnemonics: std::mem::take(&mut self.mnemonics),
            files: std::mem::take(&mut self.files),
        })
    }

    fn entry(&mut self, tree: &Tree, place: &str) -> Result<Entry> {
        let fields = Fields::of(tree, place)?;
        fields.only(&[
            "attester",
            "publisher",
            "coinbase",
            "feeRecipient",
            "remoteSigner",
            "fundingAccount",
        ])?;
        let attester = fields.required("attester")?;
        let attesters = self.attesters(attester, &fields.place("attester"))?;
        if let Some(funding) = fields.get("fundingAccount") {
            self.extras.push("fundingAccount");
            self.account(funding, &fields.place("fundingAccount"))?;
            self.funding.push(fields.place("fundingAccount"));
        }
        Ok(Entry {
            attesters,
            publishers: fields
                .get("publisher")
                .map(|tree| self.publishers(tree, &fields.place("publisher")))
                .transpose()?,
            coinbase: optional(&fields, "coinbase", address)?,
            fee_recipient: optional(&fields, "feeRecipient", field_element)?,
            remote_signer: optional(&fields, "remoteSigner", |tree, place| {
                self.remote_signer(tree, place)
            })?,
        })
    }

    fn attesters(&mut self, tree: &Tree, place: &str) -> Result<Vec<Attester>> {
        if let Tree::List(items) = tree {
            if items.is_empty() {
                return Err(refused(format!("{place} is empty")));
            }
            let items = items.iter().enumerate();
            return items
                .map(|(index, item)| self.attester(item, &format!("{place}[{index}]")))
                .collect();
        }
        if tree.get("mnemonic").is_some() {
            let keys = self.mnemonic(tree, place)?;
            let attester = |eth| Attester { eth, bls: None };
            return Ok(keys.into_iter().map(attester).collect());
        }
        Ok(vec![self.attester(tree, place)?])
    }

    fn attester(&mut self, tree: &Tree, place: &str) -> Result<Attester> {
        let pair = matches!(tree, Tree::Map(_))
            && (tree.get("eth").is_some() || tree.get("bls").is_some());
        if !pair {
            let eth = self.account(tree, place)?;
            return Ok(Attester { eth, bls: None });
        }
        let fields = Fields::of(tree, place)?;
        fields.only(&["eth", "bls"])?;
        let eth = self.account(fields.required("eth")?, &fields.place("eth"))?;
        let bls = fields
            .get("bls")
            .map(|tree| self.bls(tree, &fields.place("bls")))
            .transpose()?;
        Ok(Attester { eth, bls })
    }

    fn bls(&mut self, tree: &Tree, place: &str) -> Result<BlsAccount> {
        match tree {
            Tree::Text(text) => {
                let bytes = key_bytes(text, place)?;
                BlsKey::from_bytes(&bytes)
                    .map(BlsAccount::Key)
                    .map_err(|error| refused(format!("{place}: {error}")))
            }
            _ => self.file(tree, place, Format::Bls).map(BlsAccount::File),
        }
    }

    fn prover(&mut self, tree: &Tree) -> Result<Vec<Account>> {
        if tree.get("id").is_none() {
            return Ok(vec![self.account(tree, "prover")?]);
        }
        let fields = Fields::of(tree, "prover")?;
        fields.only(&["id", "publisher"])?;
        optional(&fields, "id", address)?;
        self.publishers(fields.required("publisher")?, "prover.publisher")
    }

    /// Reads accounts, and refuses an empty list. The node accepts one, and then cannot publish.
    fn publishers(&mut self, tree: &Tree, place: &str) -> Result<Vec<Account>> {
        let accounts = self.accounts(tree, place)?;
        if accounts.is_empty() {
            let instead = match place {
                "prover.publisher" => "name the account that pays for the proofs",
                _ => "remove it to let the attester publish",
            };
            return Err(refused(format!("{place} is empty: {instead}")));
        }
        Ok(accounts)
    }

    fn accounts(&mut self, tree: &Tree, place: &str) -> Result<Vec<Account>> {
        if let Tree::List(items) = tree {
            let items = items.iter().enumerate();
            return items
                .map(|(index, item)| self.account(item, &format!("{place}[{index}]")))
                .collect();
        }
        if tree.get("mnemonic").is_some() {
            return self.mnemonic(tree, place);
        }
        Ok(vec![self.account(tree, place)?])
    }

    fn account(&mut self, tree: &Tree, place: &str) -> Result<Account> {
        match tree {
            Tree::Text(text) => {
                // Only an address has this length, with or without its prefix.
                if text.len() <= 42 && !text.is_empty() {
                    // A short text in this field is meant to be a key more often than an address.
                    let address = parse_address(text).map_err(|problem| match problem {
                        problem if problem.starts_with("is not an address") => {
                            refused(format!("{place} {NEITHER}"))
                        }
                        problem => refused(format!("{place} {problem}")),
                    })?;
                    return Ok(Account::Remote {
                        address,
                        signer: None,
                    });
                }
                let bytes = key_bytes(text, place)?;
                EthKey::from_bytes(&bytes)
                    .map(Account::Key)
                    .map_err(|error| refused(format!("{place}: {error}")))
            }
            Tree::Map(_) if tree.get("path").is_some() => {
                self.file(tree, place, Format::JsonV3).map(Account::File)
            }
            Tree::Map(_) => {
                let fields = Fields::of(tree, place)?;
                fields.only(&["address", "remoteSignerUrl", "certPath", "certPass"])?;
                let address = address(fields.required("address")?, &fields.place("address"))?;
                let signer = signer_url(
                    fields.required("remoteSignerUrl")?,
                    &fields.place("remoteSignerUrl"),
                )?;
                self.certificate(&fields)?;
                Ok(Account::Remote {
                    address,
                    signer: Some(signer),
                })
            }
            other => Err(unexpected(place, "a key, an address or an object", other)),
        }
    }

    fn file(&mut self, tree: &Tree, place: &str, format: Format) -> Result<usize> {
        let fields = Fields::of(tree, place)?;
        fields.only(&["path", "password"])?;
        let path = text(fields.required("path")?, &fields.place("path"))?;
        self.files.push(KeyFile {
            place: place.to_owned(),
            path: path.to_owned(),
            password: optional(&fields, "password", |tree, place| {
                text(tree, place).map(|text| Zeroizing::new(text.to_owned()))
            })?,
            format,
        });
        Ok(self.files.len() - 1)
    }

    fn remote_signer(&mut self, tree: &Tree, place: &str) -> Result<SignerUrl> {
        if let Tree::Text(_) = tree {
            return signer_url(tree, place);
        }
        let fields = Fields::of(tree, place)?;
        fields.only(&["remoteSignerUrl", "certPath", "certPass"])?;
        self.certificate(&fields)?;
        signer_url(
            fields.required("remoteSignerUrl")?,
            &fields.place("remoteSignerUrl"),
        )
    }

    fn certificate(&mut self, fields: &Fields<'_>) -> Result<()> {
        for name in ["certPath", "certPass"] {
            if fields.get(name).is_some() {
                self.extras.push("certPath");
            }
            optional(fields, name, |tree, place| text(tree, place).map(drop))?;
        }
        Ok(())
    }

    fn mnemonic(&mut self, tree: &Tree, place: &str) -> Result<Vec<Account>> {
        let fields = Fields::of(tree, place)?;
        fields.only(&[
            "mnemonic",
            "addressIndex",
            "accountIndex",
            "addressCount",
            "accountCount",
        ])?;
        let phrase = text(fields.required("mnemonic")?, &fields.place("mnemonic"))?;
        if !single_spaces(phrase) {
            return Err(refused(format!(
                "{place}: exactly one space must separate two words"
            )));
        }
        let mnemonic =
            Mnemonic::parse(phrase).map_err(|error| refused(format!("{place}: {error}")))?;
        // Unlike everywhere else, the node does not treat `null` as missing here.
        let number = |name: &str, default| match tree.get(name) {
            None => Ok(default),
            Some(tree) => tree
                .whole_number()
                .ok_or_else(|| refused(format!("{} is not a whole number", fields.place(name)))),
        };
        let (account, accounts) = (number("accountIndex", 0)?, number("accountCount", 1)?);
        let (address, addresses) = (number("addressIndex", 0)?, number("addressCount", 1)?);
        if accounts == 0 || addresses == 0 || accounts.saturating_mul(addresses) > MOST_DERIVED {
            return Err(refused(format!(
                "{place} stands for zero keys or for more than {MOST_DERIVED}"
            )));
        }
        let seed = mnemonic.seed();
        let mut keys = Vec::new();
        for account in account..account.saturating_add(accounts) {
            for address in address..address.saturating_add(addresses) {
                let index = |index| u32::try_from(index).unwrap_or(u32::MAX);
                let key = EthKey::derive(&seed, index(account), index(address))
                    .map_err(|error| refused(format!("{place}: {error}")))?;
                keys.push(Account::Key(key));
            }
        }
        self.mnemonics.push(place.to_owned());
        Ok(keys)
    }
}

/// Whether the node finds the words of a phrase. viem (@scure/bip39) applies NFKD, trims the ends, and splits the phrase at
/// each space.
fn single_spaces(phrase: &str) -> bool {
    let phrase: Zeroizing<String> = Zeroizing::new(phrase.nfkd().collect());
    let mut words = phrase.trim().split(' ');
    words.all(|word| !word.is_empty() && !word.contains(char::is_whitespace))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
