//! Encrypted key files: Ethereum keys as JSON V3 ("Web3 Secret Storage"), BLS keys in the official tool's
//! relative of EIP-2335.
//!
//! Both are a key derivation, AES-128-CTR and a checksum over the other half of the derived key; the parts
//! come from RustCrypto. The `eth-keystore` crate is not used: it fixes scrypt at N = 2¹³, an eighth of what
//! the official tool takes, and writes its file itself, with the permissions that the umask leaves.

use aes::cipher::{KeyIvInit, StreamCipher};
use alloy_primitives::{Address, keccak256};
use const_hex as hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{BlsKey, EthKey};
use crate::error::{Error, Result};

type Aes128Ctr = ctr::Ctr128BE<aes::Aes128>;
type Derived = Zeroizing<[u8; 32]>;

/// scrypt with N = 2¹⁷, r = 8, p = 1, as ethers and so the official tool: 128 MiB and about a second.
const LOG_N: u8 = 17;
/// Rounds of PBKDF2 in EIP-2335 and the official tool.
const ROUNDS: u32 = 262_144;
/// No more memory than this for a file of somebody else.
const MOST_MEMORY: u64 = 1 << 30;
/// No more rounds than this.
const MOST_ROUNDS: u64 = 1 << 24;

/// What a file would be that is opened with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An Ethereum key in JSON V3.
    JsonV3,
    /// A BLS key.
    Bls,
}

/// Tells the two formats apart, `None` for anything else.
#[must_use]
pub fn format(bytes: &[u8]) -> Option<Format> {
    let file: Value = serde_json::from_slice(bytes).ok()?;
    match file["version"].as_u64() {
        Some(3) => Some(Format::JsonV3),
        Some(4) if file["crypto"]["kdf"].is_object() => Some(Format::Bls),
        _ => None,
    }
}

/// Encrypts an Ethereum key as JSON V3.
///
/// # Errors
///
/// If the operating system gives no randomness.
pub fn seal_eth(key: &EthKey, password: &str) -> Result<Vec<u8>> {
    let (salt, iv) = (random::<32>()?, random::<16>()?);
    let derived = scrypt_key(&nfkc(password), &salt, LOG_N, 8, 1)?;
    let mut text = *key.expose();
    Aes128Ctr::new_from_slices(&derived[..16], &iv)
        .map_err(|_| broken("it has an initialisation vector of a wrong length"))?
        .apply_keystream(&mut text);
    pretty(&json!({
        "version": 3,
        "id": uuid()?,
        "address": hex::encode(key.address()),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex::encode(iv) },
            "ciphertext": hex::encode(text),
            "kdf": "scrypt",
            "kdfparams": { "dklen": 32, "n": 1u32 << LOG_N, "p": 1, "r": 8, "salt": hex::encode(salt) },
            "mac": hex::encode(keccak256([&derived[16..], &text].concat())),
        },
    }))
}

/// Encrypts a BLS key in the form of the official tool. `path` is how it was derived, if that is known.
///
/// # Errors
///
/// If the operating system gives no randomness.
pub fn seal_bls(key: &BlsKey, password: &str, path: &str) -> Result<Vec<u8>> {
    let (salt, iv) = (random::<32>()?, random::<16>()?);
    let derived = pbkdf2_key(&nfkd(password), &salt, ROUNDS);
    let mut text = *key.expose();
    Aes128Ctr::new_from_slices(&derived[..16], &iv)
        .map_err(|_| broken("it has an initialisation vector of a wrong length"))?
        .apply_keystream(&mut text);
    let public = hex::encode(key.public_compressed());
    pretty(&json!({
        "crypto": {
            "kdf": {
                "function": "pbkdf2",
                "params": { "dklen": 32, "c": ROUNDS, "prf": "hmac-sha256", "salt": hex::encode(salt) },
                "message": "",
            },
            "checksum": {
                "function": "sha256",
                "params": {},
                "message": hex::encode(Sha256::digest([&derived[16..], &text].concat())),
            },
            "cipher": {
                "function": "aes-128-ctr",
                "params": { "iv": hex::encode(iv) },
                "message": hex::encode(text),
            },
        },
        "description": public,
        "pubkey": format!("0x{public}"),
        "path": path,
        "uuid": uuid()?,
        "version": 4,
    }))
}

/// Opens a JSON V3 file.
///
/// # Errors
///
/// If it is no such file, if the password is wrong, or if its key is not that of the address it names.
pub fn open_eth(bytes: &[u8], password: &str) -> Result<EthKey> {
    let file: Value = serde_json::from_slice(bytes).map_err(|_| broken("it is not JSON"))?;
    if file["version"].as_u64() != Some(3) {
        return Err(broken("its version is not 3"));
    }
    // ethers writes a capital letter.
    let crypto = if file["crypto"].is_object() {
        &file["crypto"]
    } else {
        &file["Crypto"]
    };
    let parameters = &crypto["kdfparams"];
    let salt = blob(parameters, "salt")?;
    if number(parameters, "dklen")? != 32 {
        return Err(broken("its derived key has not 32 bytes"));
    }
    let password = nfkc(password);
    let derived = match crypto["kdf"].as_str() {
        Some("scrypt") => {
            let (n, r, p) = (
                number(parameters, "n")?,
                number(parameters, "r")?,
                number(parameters, "p")?,
            );
            let memory = n.saturating_add(p).saturating_mul(r).saturating_mul(128);
            if !n.is_power_of_two() || memory > MOST_MEMORY || !(1..=16).contains(&p) {
                return Err(broken("its scrypt parameters are out of reason"));
            }
            let small = |number| u32::try_from(number).map_err(|_| broken("a number is too large"));
            let log_n = u8::try_from(n.ilog2()).map_err(|_| broken("a number is too large"))?;
            scrypt_key(&password, &salt, log_n, small(r)?, small(p)?)?
        }
        Some("pbkdf2") if parameters["prf"] == "hmac-sha256" => {
            pbkdf2_key(&password, &salt, rounds(parameters)?)
        }
        _ => return Err(broken("its key derivation is neither scrypt nor PBKDF2")),
    };
    if crypto["cipher"] != "aes-128-ctr" {
        return Err(broken("its cipher is not aes-128-ctr"));
    }
    let text = blob(crypto, "ciphertext")?;
    let mac = keccak256([&derived[16..], &text].concat());
    let key = EthKey::from_bytes(&*decrypt(
        &derived,
        &blob(&crypto["cipherparams"], "iv")?,
        &text,
        mac.as_slice() == blob(crypto, "mac")?,
    )?)?;
    if let Some(address) = file["address"].as_str() {
        let named: Option<Address> = address.trim_start_matches("0x").parse().ok();
        if named != Some(key.address()) {
            return Err(broken("its key is not that of the address it names"));
        }
    }
    Ok(key)
}

/// Opens a BLS file of the official tool.
///
/// # Errors
///
/// If it is no such file, if the password is wrong, or if its key is not that of the public key it names.
pub fn open_bls(bytes: &[u8], password: &str) -> Result<BlsKey> {
    let file: Value = serde_json::from_slice(bytes).map_err(|_| broken("it is not JSON"))?;
    let crypto = &file["crypto"];
    let (kdf, checksum, cipher) = (&crypto["kdf"], &crypto["checksum"], &crypto["cipher"]);
    if kdf["function"] != "pbkdf2"
        || checksum["function"] != "sha256"
        || cipher["function"] != "aes-128-ctr"
    {
        return Err(broken(
            "it is not the PBKDF2, SHA-256 and AES-128-CTR of the official tool",
        ));
    }
    let parameters = &kdf["params"];
    if number(parameters, "dklen")? != 32 {
        return Err(broken("its derived key has not 32 bytes"));
    }
    let derived = pbkdf2_key(
        &nfkd(password),
        &blob(parameters, "salt")?,
        rounds(parameters)?,
    );
    let text = blob(cipher, "message")?;
    let sum = Sha256::digest([&derived[16..], &text].concat());
    let key = BlsKey::from_bytes(&*decrypt(
        &derived,
        &blob(&cipher["params"], "iv")?,
        &text,
        sum.as_slice() == blob(checksum, "message")?,
    )?)?;
    let public = file["pubkey"].as_str().unwrap_or_default();
    // The official tool writes the compressed point; other lengths are other encodings, and not judged.
    let public = hex::decode(public).unwrap_or_default();
    if public.len() == 32 && public != key.public_compressed() {
        return Err(broken("its key is not that of the public key it names"));
    }
    Ok(key)
}

fn decrypt(
    derived: &Derived,
    iv: &[u8],
    text: &[u8],
    checksum: bool,
) -> Result<Zeroizing<[u8; 32]>> {
    if !checksum {
        return Err(broken("the password is wrong, or the file is damaged"));
    }
    if text.len() != 32 {
        return Err(broken("what is in it has not 32 bytes"));
    }
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(text);
    Aes128Ctr::new_from_slices(&derived[..16], iv)
        .map_err(|_| broken("it has an initialisation vector of a wrong length"))?
        .apply_keystream(&mut *key);
    Ok(key)
}

fn scrypt_key(password: &str, salt: &[u8], log_n: u8, r: u32, p: u32) -> Result<Derived> {
    let parameters = scrypt::Params::new(log_n, r, p)
        .map_err(|_| broken("its scrypt parameters are out of reason"))?;
    let mut derived = Derived::default();
    scrypt::scrypt(password.as_bytes(), salt, &parameters, &mut *derived)
        .expect("32 bytes are a length that scrypt gives");
    Ok(derived)
}

fn pbkdf2_key(password: &str, salt: &[u8], rounds: u32) -> Derived {
    let mut derived = Derived::default();
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, &mut *derived);
    derived
}

/// As ethers normalises passwords.
fn nfkc(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.nfkc().collect())
}

/// As EIP-2335 and the official tool normalise passwords.
fn nfkd(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.nfkd().collect())
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Entropy {
        reason: error.to_string(),
    })?;
    Ok(bytes)
}

fn uuid() -> Result<String> {
    Ok(uuid::Builder::from_random_bytes(random()?)
        .into_uuid()
        .to_string())
}

fn rounds(parameters: &Value) -> Result<u32> {
    let rounds = number(parameters, "c")?;
    u32::try_from(rounds)
        .ok()
        .filter(|_| (1..=MOST_ROUNDS).contains(&rounds))
        .ok_or_else(|| broken("its PBKDF2 rounds are out of reason"))
}

fn number(object: &Value, name: &str) -> Result<u64> {
    object[name]
        .as_u64()
        .ok_or_else(|| broken(&format!("{name} is not a number")))
}

fn blob(object: &Value, name: &str) -> Result<Vec<u8>> {
    object[name]
        .as_str()
        .and_then(|text| hex::decode(text).ok())
        .ok_or_else(|| broken(&format!("{name} is not hexadecimal")))
}

fn broken(problem: &str) -> Error {
    Error::Keystore {
        problem: problem.to_owned(),
    }
}

fn pretty(file: &Value) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(file).map_err(|error| broken(&error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
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
            let key = open_eth(file.as_bytes(), "testpassword").unwrap();
            assert_eq!(
                hex::encode(key.expose()),
                "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
            );
        }
        let error = open_eth(pbkdf2.as_bytes(), "Testpassword").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the keystore is not usable: the password is wrong, or the file is damaged"
        );
    }

    #[test]
    fn what_is_sealed_opens_with_its_password_alone() {
        let eth = EthKey::from_bytes(&[7; 32]).unwrap();
        let bls = BlsKey::from_bytes(&[9; 32]).unwrap();
        let sealed = seal_eth(&eth, "p\u{e4}ss").unwrap();
        assert_eq!(format(&sealed), Some(Format::JsonV3));
        // The same letter in its other encoding.
        let opened = open_eth(&sealed, "pa\u{308}ss").unwrap();
        assert_eq!(opened.expose(), eth.expose());
        assert!(open_bls(&sealed, "p\u{e4}ss").is_err());
        let sealed = seal_bls(&bls, "p\u{e4}ss", "").unwrap();
        assert_eq!(format(&sealed), Some(Format::Bls));
        let opened = open_bls(&sealed, "pa\u{308}ss").unwrap();
        assert_eq!(opened.expose(), bls.expose());
        assert!(open_bls(&sealed, "pass").is_err());
        let text = String::from_utf8(sealed).unwrap();
        assert!(!text.contains(&"09".repeat(8)));
    }

    #[test]
    fn parameters_out_of_reason_are_refused_at_once() {
        for (n, r, p) in [
            (1_u64 << 40, 8, 1),
            (3, 8, 1),
            (1024, 8, 1 << 20),
            // Eight GiB of blocks beside a table of one.
            (2, 1 << 22, 16),
        ] {
            let file = json!({"version": 3, "crypto": {"kdf": "scrypt",
                "kdfparams": {"dklen": 32, "n": n, "r": r, "p": p, "salt": "00"}}});
            let error = open_eth(file.to_string().as_bytes(), "x").unwrap_err();
            assert!(error.to_string().ends_with("out of reason"), "{error}");
        }
    }
}
