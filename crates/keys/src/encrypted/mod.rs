//! Encrypted key files: Ethereum keys as JSON V3 ("Web3 Secret Storage"), BLS keys in the official tool's
//! variant of EIP-2335.
//!
//! Both formats consist of a key derivation, AES-128-CTR and a checksum over the other half of the derived key. The
//! algorithms come from RustCrypto. The `eth-keystore` crate is not used: it fixes scrypt at N = 2¹³, an eighth of
//! the value of the official tool, and writes its file itself, with the permissions that the umask leaves.

mod fields;
mod kdf;
mod password;
mod seal;

use aes::cipher::{KeyIvInit, StreamCipher};
use alloy_primitives::{Address, keccak256};
use const_hex as hex;
use serde_json::Value;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::fields::{blob, broken, number, word};
use self::kdf::{Derived, Kdf};
use super::{BlsKey, EthKey, KeyBytes};
use crate::error::{Error, Result};
pub use password::Password;
pub use seal::Sealer;

type Aes128Ctr = ctr::Ctr128BE<aes::Aes128>;

/// The format of an encrypted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An Ethereum key in JSON V3.
    JsonV3,
    /// A BLS key.
    Bls,
}

/// The format of these bytes, `None` if they have neither.
#[must_use]
pub fn format(bytes: &[u8]) -> Option<Format> {
    let file: Value = serde_json::from_slice(bytes).ok()?;
    match number(&file, "version").ok()? {
        3 => Some(Format::JsonV3),
        4 if file["crypto"]["kdf"].is_object() => Some(Format::Bls),
        _ => None,
    }
}

/// Opens a JSON V3 file.
///
/// # Errors
///
/// If it is not such a file, if the password is wrong, or if its key does not belong to the address that it names.
pub fn open_eth(bytes: &[u8], password: &Password) -> Result<EthKey> {
    let file: Value = serde_json::from_slice(bytes).map_err(|_| broken("it is not JSON"))?;
    if number(&file, "version").ok() != Some(3) {
        return Err(broken("its version is not 3"));
    }
    // ethers writes `Crypto`.
    let crypto = if file["crypto"].is_object() {
        &file["crypto"]
    } else {
        &file["Crypto"]
    };
    let parameters = &crypto["kdfparams"];
    let kdf = match crypto["kdf"].as_str() {
        Some("scrypt") => Kdf::scrypt(parameters)?,
        Some("pbkdf2") => Kdf::pbkdf2(parameters)?,
        _ => return Err(broken("its key derivation is neither scrypt nor PBKDF2")),
    };
    if crypto["cipher"] != "aes-128-ctr" {
        return Err(broken(&format!(
            "its cipher is {}, not aes-128-ctr",
            word(&crypto["cipher"])
        )));
    }
    let (text, mac) = (blob(crypto, "ciphertext")?, blob(crypto, "mac")?);
    let iv = blob(&crypto["cipherparams"], "iv")?;
    let fits = |derived: &Derived| keccak256([&derived[16..], &text].concat()).as_slice() == mac;
    let derived = fitting(password.derive(&kdf, password::ETH), fits)?;
    let key = EthKey::from_bytes(&*decrypt(&derived, &iv, &text)?)?;
    // ox writes no address, other wallets an empty one.
    if let Some(address) = file["address"].as_str().filter(|it| !it.is_empty()) {
        let named: Option<Address> = address.trim_start_matches("0x").parse().ok();
        if named != Some(key.address()) {
            return Err(broken(
                "its key does not belong to the address that it names",
            ));
        }
    }
    Ok(key)
}

/// Opens a BLS file of the official tool.
///
/// # Errors
///
/// If it is not such a file, if the password is wrong, or if its key does not belong to the public key that it names.
pub fn open_bls(bytes: &[u8], password: &Password) -> Result<BlsKey> {
    let file: Value = serde_json::from_slice(bytes).map_err(|_| broken("it is not JSON"))?;
    let crypto = &file["crypto"];
    let (kdf, checksum, cipher) = (&crypto["kdf"], &crypto["checksum"], &crypto["cipher"]);
    if kdf["function"] != "pbkdf2"
        || checksum["function"] != "sha256"
        || cipher["function"] != "aes-128-ctr"
    {
        return Err(broken(
            "it does not use PBKDF2, SHA-256 and AES-128-CTR as the official tool does",
        ));
    }
    let kdf = Kdf::pbkdf2(&kdf["params"])?;
    let (text, sum) = (blob(cipher, "message")?, blob(checksum, "message")?);
    let iv = blob(&cipher["params"], "iv")?;
    let fits = |derived: &Derived| {
        Sha256::digest([&derived[16..], &text].concat()).as_slice() == sum.as_slice()
    };
    let derived = fitting(password.derive(&kdf, password::BLS), fits)?;
    let key = BlsKey::from_bytes(&*decrypt(&derived, &iv, &text)?)?;
    let public = file["pubkey"].as_str().unwrap_or_default();
    // The official tool writes the compressed point. Other lengths are other encodings, and are not checked.
    let public = hex::decode(public).unwrap_or_default();
    if public.len() == 32 && public != key.public_compressed() {
        return Err(broken(
            "its key does not belong to the public key that it names",
        ));
    }
    Ok(key)
}

/// The derived key that the checksum of a file confirms.
fn fitting(
    mut keys: impl Iterator<Item = Result<Derived>>,
    fits: impl Fn(&Derived) -> bool,
) -> Result<Derived> {
    let found = keys.find(|key| key.as_ref().map_or(true, &fits));
    found.unwrap_or(Err(Error::Password))
}

fn decrypt(derived: &Derived, iv: &[u8], text: &[u8]) -> Result<KeyBytes> {
    if text.len() != 32 {
        return Err(broken("its ciphertext does not have 32 bytes"));
    }
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(text);
    cipher(derived, iv)?.apply_keystream(&mut *key);
    Ok(key)
}

fn cipher(derived: &Derived, iv: &[u8]) -> Result<Aes128Ctr> {
    Aes128Ctr::new_from_slices(&derived[..16], iv)
        .map_err(|_| broken("its initialisation vector has the wrong length"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The test vectors of the Web3 Secret Storage definition.
    #[test]
    fn the_vectors_of_the_definition_open() {
        let pbkdf2 = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
            "kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256",
            "salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
            "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
            "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
        let scrypt = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
            "ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt",
            "kdfparams":{"dklen":32,"n":262144,"r":1,"p":8,
            "salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
            "mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},
            "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
        for file in [pbkdf2, scrypt] {
            assert_eq!(format(file.as_bytes()), Some(Format::JsonV3));
            let key = open_eth(file.as_bytes(), &password("testpassword")).unwrap();
            assert_eq!(
                hex::encode(key.expose()),
                "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
            );
        }
        let error = open_eth(pbkdf2.as_bytes(), &password("Testpassword")).unwrap_err();
        assert!(matches!(error, Error::Password), "{error}");
    }

    fn password(text: &str) -> Password {
        Password::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn sealed_files_open_with_their_password_only() {
        let eth = EthKey::from_bytes(&[7; 32]).unwrap();
        let bls = BlsKey::from_bytes(&[9; 32]).unwrap();
        let sealer = Sealer::new("p\u{e4}ss").unwrap();
        // The right one is the same letter in its other encoding.
        let (right, wrong) = (password("pa\u{308}ss"), password("pass"));
        let sealed = sealer.eth(&eth).unwrap();
        assert_eq!(format(&sealed), Some(Format::JsonV3));
        assert_eq!(open_eth(&sealed, &right).unwrap().expose(), eth.expose());
        assert!(open_bls(&sealed, &right).is_err());
        let sealed = sealer.bls(&bls, "").unwrap();
        assert_eq!(format(&sealed), Some(Format::Bls));
        assert_eq!(open_bls(&sealed, &right).unwrap().expose(), bls.expose());
        assert!(matches!(
            open_bls(&sealed, &wrong).unwrap_err(),
            Error::Password
        ));
        let text = String::from_utf8(sealed).unwrap();
        assert!(!text.contains(&"09".repeat(8)));
        // The files share a salt, but never a key stream.
        let other = EthKey::from_bytes(&[8; 32]).unwrap();
        let [one, two] = [&eth, &other].map(|key| {
            let file: Value = serde_json::from_slice(&sealer.eth(key).unwrap()).unwrap();
            file["crypto"].clone()
        });
        assert_eq!(one["kdfparams"], two["kdfparams"]);
        assert_ne!(one["cipherparams"], two["cipherparams"]);
    }

    /// A file of a wallet that uses the password in this form.
    fn sealed_by(form: &str, kdf: &Value, derived: &Derived) -> Vec<u8> {
        let (iv, mut text) = ([3; 16], [7; 32]);
        cipher(derived, &iv).unwrap().apply_keystream(&mut text);
        let mac = keccak256([&derived[16..], &text].concat());
        json!({"version": 3.0, "address": "", "form": form, "crypto": {
            "cipher": "aes-128-ctr", "cipherparams": {"iv": hex::encode(iv)},
            "ciphertext": hex::encode(text), "kdf": "pbkdf2", "kdfparams": kdf, "mac": hex::encode(mac),
        }})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn a_password_opens_files_of_every_form_that_wallets_use() {
        let parameters = json!({"dklen": 64, "c": 2.0, "prf": "hmac-sha256", "salt": "00"});
        let kdf = Kdf::pbkdf2(&parameters).unwrap();
        // Each pair is the typed password and the form that the wallet used: the one of ethers, as typed, the decomposed
        // form of another system, and the composed letter.
        for (typed, used) in [
            ("pass\u{b2}", "pass2"),
            ("pass\u{b2}", "pass\u{b2}"),
            ("p\u{e4}ss", "pa\u{308}ss"),
            ("pa\u{308}ss", "p\u{e4}ss"),
            ("\u{ff50}ass\u{2026}", "\u{ff50}ass\u{2026}"),
            ("", ""),
        ] {
            let file = sealed_by(used, &parameters, &kdf.derive(used).unwrap());
            let key = open_eth(&file, &password(typed)).unwrap();
            assert_eq!(key.expose(), &[7; 32], "{typed:?} for {used:?}");
        }
        let file = sealed_by("other", &parameters, &kdf.derive("pass2").unwrap());
        assert!(open_eth(&file, &password("pass3")).is_err());
    }

    #[test]
    fn a_password_that_wallets_treat_differently_is_refused() {
        for text in [
            "pass\u{b2}",
            "\u{ff50}ass",
            "a\u{a0}b",
            "pa\u{308}ss",
            "a\u{7}b",
        ] {
            let error = Sealer::new(text).unwrap_err();
            assert!(matches!(error, Error::Unportable), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_unsupported_algorithm_is_named() {
        let refusal = |crypto: Value| {
            let file = json!({"version": 3, "crypto": crypto}).to_string();
            let error = open_eth(file.as_bytes(), &password("x")).unwrap_err();
            error.to_string()
        };
        let parameters = json!({"dklen": 32, "c": 1, "prf": "hmac-sha512", "salt": "00"});
        let error = refusal(json!({"kdf": "pbkdf2", "kdfparams": parameters}));
        assert!(error.contains("hmac-sha512"), "{error}");
        let parameters = json!({"dklen": 32, "c": 1, "prf": "hmac-sha256", "salt": "00"});
        let error =
            refusal(json!({"kdf": "pbkdf2", "kdfparams": parameters, "cipher": "aes-128-cbc"}));
        assert!(error.contains("aes-128-cbc"), "{error}");
    }

    #[test]
    fn parameters_out_of_bounds_are_refused_at_once() {
        for (n, r, p) in [
            (1_u64 << 40, 8, 1),
            (3, 8, 1),
            (1024, 8, 1 << 20),
            // The blocks take eight GiB, the table one.
            (2, 1 << 22, 16),
        ] {
            let file = json!({"version": 3, "crypto": {"kdf": "scrypt",
                "kdfparams": {"dklen": 32, "n": n, "r": r, "p": p, "salt": "00"}}});
            let error = open_eth(file.to_string().as_bytes(), &password("x")).unwrap_err();
            assert!(error.to_string().ends_with("out of bounds"), "{error}");
        }
    }
}
