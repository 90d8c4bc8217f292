//! The content of a keystore file, in every form that the node accepts (schema versions 1 and 2).

use alloy_primitives::{Address, B256};
use zeroize::Zeroizing;

use super::values::SignerUrl;
use crate::encrypted::Format;
use crate::{BlsKey, EthKey};

/// A keystore file.
#[derive(Debug)]
pub struct Document {
    /// 1 or 2. All files of a directory must have the same one.
    pub schema_version: u8,
    /// Its validators.
    pub validators: Vec<Entry>,
    /// The publishers of its prover, if it has one.
    pub prover: Option<Vec<Account>>,
    /// The publishers of validators that name none (version 2).
    pub publishers: Option<Vec<Account>>,
    /// The receiver of the L1 rewards of validators that name none (version 2).
    pub coinbase: Option<Address>,
    /// The receiver of the L2 fees of validators that name none (version 2).
    pub fee_recipient: Option<B256>,
    /// The remote signer of accounts that name none.
    pub remote_signer: Option<SignerUrl>,
    /// Fields that [`Document::inlined`] cannot keep: everything except validators with keys or plain remote signers.
    pub extras: Vec<&'static str>,
    /// Places that name a funding account.
    pub funding: Vec<String>,
    /// Places that hold a whole mnemonic.
    pub mnemonics: Vec<String>,
    /// Places that name a file instead of holding a key.
    pub files: Vec<KeyFile>,
}

/// One element of `validators`.
#[derive(Debug)]
pub struct Entry {
    /// Usually one attester.
    pub attesters: Vec<Attester>,
    /// The accounts that pay for transactions. `None` means those of the file, or the attester.
    pub publishers: Option<Vec<Account>>,
    /// The receiver of the L1 rewards, if it is not the attester.
    pub coinbase: Option<Address>,
    /// The receiver of the L2 fees. It may be missing in version 2 only.
    pub fee_recipient: Option<B256>,
    /// The remote signer of accounts of this entry that name none.
    pub remote_signer: Option<SignerUrl>,
}

/// An attester, with its BLS key if the keystore has it.
#[derive(Debug)]
pub struct Attester {
    /// Signs duties.
    pub eth: Account,
    /// Needed for the registration.
    pub bls: Option<BlsAccount>,
}

/// Something that signs for an Ethereum address.
#[derive(Debug)]
pub enum Account {
    /// A key in the file, or derived from a mnemonic in it.
    Key(EthKey),
    /// A key in a remote signer.
    Remote {
        /// Its address.
        address: Address,
        /// The signer. `None` means the one of the entry or of the file.
        signer: Option<SignerUrl>,
    },
    /// A key in an encrypted file. The number is its index in [`Document::files`].
    File(usize),
}

/// A BLS key.
#[derive(Debug)]
pub enum BlsAccount {
    /// In the file.
    Key(BlsKey),
    /// In an encrypted file. The number is its index in [`Document::files`].
    File(usize),
}

/// A reference to an encrypted file, or to a directory of them.
pub struct KeyFile {
    /// The place in the keystore.
    pub place: String,
    /// The path, as the keystore writes it.
    pub path: String,
    /// Its password, if the keystore has it.
    pub password: Option<Zeroizing<String>>,
    /// The format that the file must have.
    pub format: Format,
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyFile({} at {})", self.path, self.place)
    }
}

impl Entry {
    /// Its attesters, then the publishers that it names.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        let attesters = self.attesters.iter().map(|one| &one.eth);
        attesters.chain(self.publishers.iter().flatten())
    }
}

impl Account {
    /// Its address, unless an encrypted file hides it.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::Key(key) => Some(key.address()),
            Self::Remote { address, .. } => Some(*address),
            Self::File(_) => None,
        }
    }
}

impl Document {
    /// Whether a reader of the file gets a key: one in the file itself, or one of an encrypted file whose password is beside
    /// its name.
    #[must_use]
    pub fn holds_secrets(&self) -> bool {
        let key = |account: &Account| matches!(account, Account::Key(_));
        let entries = self.validators.iter();
        let mut accounts = entries
            .flat_map(Entry::accounts)
            .chain(self.prover.iter().flatten())
            .chain(self.publishers.iter().flatten());
        let mut bls = self.validators.iter().flat_map(|entry| &entry.attesters);
        accounts.any(key)
            || bls.any(|one| matches!(one.bls, Some(BlsAccount::Key(_))))
            || !self.mnemonics.is_empty()
            // A slasher or a funding account may have a key, which `Document` does not keep.
            || !self.extras.is_empty()
            || self.files.iter().any(|file| file.password.is_some())
    }
}
