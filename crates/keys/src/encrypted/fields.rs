//! Fields of an encrypted file. No error quotes a value, because any field may contain a secret.

use const_hex as hex;
use serde_json::Value;

use crate::error::{Error, Result};

/// A whole number. Some programs write it with a fraction of zero.
pub(super) fn number(object: &Value, name: &str) -> Result<u64> {
    let number = &object[name];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the filter leaves whole numbers that both types hold exactly"
    )]
    let whole_number = || {
        let number = number.as_f64()?;
        (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
    };
    number
        .as_u64()
        .or_else(whole_number)
        .ok_or_else(|| broken(&format!("{name} is not a number")))
}

pub(super) fn blob(object: &Value, name: &str) -> Result<Vec<u8>> {
    object[name]
        .as_str()
        .and_then(|text| hex::decode(text).ok())
        .ok_or_else(|| broken(&format!("{name} is not hexadecimal")))
}

/// Algorithms that other tools offer and that this crate does not support.
const OTHERS: [&str; 6] = [
    "aes-128-cbc",
    "aes-192-ctr",
    "aes-256-cbc",
    "aes-256-ctr",
    "hmac-sha1",
    "hmac-sha512",
];

/// The name of an algorithm. Anything else is not quoted, because any field may contain a secret.
pub(super) fn word(value: &Value) -> &'static str {
    let known = OTHERS.into_iter().find(|name| *value == **name);
    known.unwrap_or("an unknown algorithm")
}

pub(super) fn broken(problem: &str) -> Error {
    Error::Keystore {
        problem: problem.to_owned(),
    }
}
