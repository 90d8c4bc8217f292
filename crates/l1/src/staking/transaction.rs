//! The encoding of a transaction.

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use alloy_rlp::{EMPTY_LIST_CODE, Encodable, Header};

/// The type of a transaction with a fee cap and a tip, [EIP-1559](https://eips.ethereum.org/EIPS/eip-1559).
const TYPE: u8 = 2;

/// A call of a contract, with a fee cap and a tip, and without an access list. Amounts are in wei.
#[derive(Debug)]
pub(super) struct Transaction {
    pub chain_id: u64,
    pub nonce: u64,
    pub max_priority_fee_per_gas: u128,
    pub max_fee_per_gas: u128,
    pub gas_limit: u64,
    pub to: Address,
    pub value: U256,
    pub input: Bytes,
}

impl Transaction {
    /// The hash that the sender signs.
    pub(super) fn hash(&self) -> B256 {
        keccak256(self.encoded(None))
    }

    /// The bytes for `eth_sendRawTransaction`.
    pub(super) fn signed(&self, signature: &Signature) -> Bytes {
        self.encoded(Some(signature)).into()
    }

    fn encoded(&self, signature: Option<&Signature>) -> Vec<u8> {
        let mut fields = Vec::new();
        let mut add = |field: &dyn Encodable| field.encode(&mut fields);
        add(&self.chain_id);
        add(&self.nonce);
        add(&self.max_priority_fee_per_gas);
        add(&self.max_fee_per_gas);
        add(&self.gas_limit);
        add(&self.to);
        add(&self.value);
        add(&self.input);
        // The access list.
        fields.push(EMPTY_LIST_CODE);
        if let Some(signature) = signature {
            let mut add = |field: &dyn Encodable| field.encode(&mut fields);
            add(&signature.v());
            add(&signature.r());
            add(&signature.s());
        }
        let mut encoded = vec![TYPE];
        let list = Header {
            list: true,
            payload_length: fields.len(),
        };
        list.encode(&mut encoded);
        encoded.extend(fields);
        encoded
    }
}

#[cfg(test)]
mod tests {
    use alloy_consensus::{SignableTransaction, TxEip1559};

    use super::*;

    #[test]
    fn it_is_encoded_as_alloy_does() {
        let long = U256::MAX >> 1;
        for (number, value, input, odd) in [
            (0, U256::ZERO, vec![], false),
            (1, U256::from(127), vec![0x7f], true),
            (128, U256::from(1u64 << 40), vec![0x80; 55], false),
            (u64::MAX, U256::MAX, vec![1; 70_000], true),
        ] {
            let ours = Transaction {
                chain_id: number,
                nonce: number,
                max_priority_fee_per_gas: number.into(),
                max_fee_per_gas: u128::from(number) << 64,
                gas_limit: number,
                to: Address::repeat_byte(7),
                value,
                input: input.into(),
            };
            let theirs = TxEip1559 {
                chain_id: ours.chain_id,
                nonce: ours.nonce,
                max_priority_fee_per_gas: ours.max_priority_fee_per_gas,
                max_fee_per_gas: ours.max_fee_per_gas,
                gas_limit: ours.gas_limit,
                to: ours.to.into(),
                value: ours.value,
                input: ours.input.clone(),
                ..TxEip1559::default()
            };
            assert_eq!(ours.hash(), theirs.signature_hash());
            let signature = Signature::new(value, long, odd);
            let mut raw = Vec::new();
            let signed = theirs.into_signed(signature);
            signed.eip2718_encode(&mut raw);
            assert_eq!(ours.signed(&signature), Bytes::from(raw));
        }
    }
}
