//! The reason why a call reverted, from the data that a client sends with it.

use alloy_primitives::Bytes;
use alloy_sol_types::{GenericContractError, SolInterface};
use serde_json::Value;

use crate::bindings::Reverts::RevertsErrors;

/// The bytes of a revert, wherever a client puts them: as the data itself, in a field of it, or after a word, as
/// OpenEthereum did ("Reverted 0x…").
pub(crate) fn bytes_in(data: &Value) -> Option<Bytes> {
    match data {
        Value::String(text) => {
            let (_, digits) = text.rsplit_once(' ').unwrap_or(("", text));
            const_hex::decode(digits.strip_prefix("0x")?)
                .ok()
                .map(Bytes::from)
        }
        Value::Object(fields) => fields.values().find_map(bytes_in),
        _ => None,
    }
}

/// The name of the error in revert data, with its arguments.
pub(crate) fn revert_reason(data: &[u8]) -> String {
    if data.is_empty() {
        return "no reason".to_owned();
    }
    if let Ok(error) = RevertsErrors::abi_decode(data) {
        // The text is `Name(Name { argument: … })`. The outer name is the variant of the generated enum.
        let text = format!("{error:?}");
        return match text.split_once('(') {
            Some((_, inner)) => inner.trim_end_matches(')').to_owned(),
            None => text,
        };
    }
    GenericContractError::abi_decode(data).map_or_else(
        |_| const_hex::encode_prefixed(data),
        |error| error.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverts_have_names() {
        let data = const_hex::decode(
            "e450d38c000000000000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000003",
        );
        let text = revert_reason(&data.unwrap());
        assert!(
            text.starts_with("ERC20InsufficientBalance { sender: 0x"),
            "{text}"
        );
        assert_eq!(revert_reason(&[]), "no reason");
        assert_eq!(revert_reason(&[1, 2]), "0x0102");
    }
}
