//! BN254 keys and their proofs of possession.
//!
//! arkworks does not multiply in constant time. That is acceptable here: a key is used only a few times,
//! on the operator's own host, and never in answer to requests of others.

use alloy_primitives::U256;
use ark_bn254::{Fq, Fr, G1Affine, G1Projective, G2Projective};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{BigInteger, PrimeField, Zero};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use serde::Serialize;
use sha2::Sha512;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};
use crate::secret::{KeyBytes, Seed};

/// A BN254 private key.
#[derive(Debug)]
pub struct BlsKey(SecretBox<[u8; 32]>);

/// An affine point of G1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct G1Point {
    /// x.
    #[serde(serialize_with = "word")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub x: U256,
    /// y.
    #[serde(serialize_with = "word")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub y: U256,
}

impl G1Point {
    /// The 32 bytes that the official tool shows: x, with the parity of y in the highest bit.
    #[must_use]
    pub fn compressed(&self) -> [u8; 32] {
        let mut bytes: [u8; 32] = self.x.to_be_bytes();
        if self.y.bit(0) {
            bytes[0] |= 0x80;
        }
        bytes
    }
}

/// An affine point of G2 in the order of the contracts: `x = x0 + x1·u`, `y = y0 + y1·u`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct G2Point {
    /// x, real part.
    #[serde(serialize_with = "word")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub x0: U256,
    /// x, imaginary part.
    #[serde(serialize_with = "word")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub x1: U256,
    /// y, real part.
    #[serde(serialize_with = "word")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub y0: U256,
    /// y, imaginary part.
    #[serde(serialize_with = "word")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub y1: U256,
}

impl BlsKey {
    /// Makes a key of 32 big-endian bytes.
    ///
    /// # Errors
    ///
    /// If the number is zero or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let refused = Error::SecretKey { what: "BLS key" };
        let scalar = Zeroizing::new(Fr::from_be_bytes_mod_order(bytes));
        let canonical = canonical(&scalar);
        if scalar.is_zero() || *canonical != *bytes {
            return Err(refused);
        }
        Ok(Self(SecretBox::init_with_mut(|secret: &mut [u8; 32]| {
            secret.copy_from_slice(bytes)
        })))
    }

    pub(super) fn derive(seed: &Seed, account: u32, address_index: u32) -> Self {
        // This is a text that goes into the hash, not a BIP-32 path. Nothing is hardened.
        let path = format!("m/12381/3600/{account}/0/{address_index}");
        let scalar = hash_to_scalar(seed, path.as_bytes());
        let bytes = canonical(&scalar);
        Self(SecretBox::init_with_mut(|secret: &mut [u8; 32]| {
            secret.copy_from_slice(&*bytes)
        }))
    }

    /// The public key in G1.
    #[must_use]
    pub fn public_g1(&self) -> G1Point {
        g1(G1Projective::generator() * *self.scalar())
    }

    /// The public key in G1 as 32 bytes: x, with the parity of y in the highest bit.
    #[must_use]
    pub fn public_compressed(&self) -> [u8; 32] {
        self.public_g1().compressed()
    }

    /// The public key in G2.
    #[must_use]
    pub fn public_g2(&self) -> G2Point {
        let point = (G2Projective::generator() * *self.scalar()).into_affine();
        G2Point {
            x0: to_u256(point.x.c0),
            x1: to_u256(point.x.c1),
            y0: to_u256(point.y.c0),
            y1: to_u256(point.y.c1),
        }
    }

    /// The proof of possession: `sk · digest`. The digest is the point that
    /// `GSE.getRegistrationDigest(public_g1)` returns.
    ///
    /// # Errors
    ///
    /// If the digest is not a point of the curve. To sign such a "point" could leak the key.
    pub fn prove_possession(&self, digest: G1Point) -> Result<G1Point> {
        let refused = Error::Digest {
            x: digest.x,
            y: digest.y,
        };
        let (Some(x), Some(y)) = (to_fq(digest.x), to_fq(digest.y)) else {
            return Err(refused);
        };
        // G1 of BN254 has cofactor 1, so every point on the curve is in the group. (0, 0) stands for infinity,
        // and a multiple of it proves nothing.
        let point = G1Affine::new_unchecked(x, y);
        if !point.is_on_curve() || (x.is_zero() && y.is_zero()) {
            return Err(refused);
        }
        Ok(g1(point * *self.scalar()))
    }

    /// A copy of the 32 bytes, wiped on drop.
    #[must_use]
    pub fn to_bytes(&self) -> KeyBytes {
        Zeroizing::new(*self.expose())
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    fn scalar(&self) -> Zeroizing<Fr> {
        Zeroizing::new(Fr::from_be_bytes_mod_order(self.expose()))
    }
}

/// `HMAC-SHA512("Aztec bn254 key", 0x00 ‖ seed ‖ path) mod r`. If that is zero, a counter byte
/// is appended to the path, as in the official tool.
fn hash_to_scalar(seed: &Seed, path: &[u8]) -> Zeroizing<Fr> {
    const KEY: &[u8] = b"Aztec bn254 key";
    /// Means that a seed follows. Other key material starts with 1.
    const SEED_PREFIX: u8 = 0;

    let mut counter: Option<u8> = None;
    loop {
        let mut mac = Hmac::<Sha512>::new_from_slice(KEY).expect("HMAC takes a key of any length");
        mac.update(&[SEED_PREFIX]);
        mac.update(seed.as_slice());
        mac.update(path);
        mac.update(counter.as_slice());
        let mut digest = mac.finalize().into_bytes();
        let scalar = Zeroizing::new(Fr::from_be_bytes_mod_order(&digest));
        digest.as_mut_slice().zeroize();
        if !scalar.is_zero() {
            return scalar;
        }
        counter = Some(counter.map_or(1, |counter| counter.wrapping_add(1)));
    }
}

fn canonical(scalar: &Fr) -> KeyBytes {
    let mut number = scalar.into_bigint();
    let big_endian = Zeroizing::new(number.to_bytes_be());
    number.zeroize();
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(&big_endian);
    bytes
}

fn g1(point: G1Projective) -> G1Point {
    let point = point.into_affine();
    G1Point {
        x: to_u256(point.x),
        y: to_u256(point.y),
    }
}

fn to_u256(element: Fq) -> U256 {
    U256::from_limbs(element.into_bigint().0)
}

fn to_fq(number: U256) -> Option<Fq> {
    Fq::from_bigint(ark_ff::BigInt(number.into_limbs()))
}

/// Writes all 64 digits, as the official tool pads its public keys.
fn word<S: serde::Serializer>(
    number: &U256,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{number:#066x}"))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;
    use ark_bn254::{Bn254, Fq2, G2Affine};
    use ark_ec::{AffineRepr, pairing::Pairing};

    use super::*;
    use crate::{AttesterKeys, Mnemonic, derive_attester};

    fn junk(index: u32) -> AttesterKeys {
        let mnemonic =
            Mnemonic::parse("test test test test test test test test test test test junk").unwrap();
        derive_attester(&mnemonic, 0, index).unwrap()
    }

    fn number(text: &str) -> U256 {
        text.parse().unwrap()
    }

    #[test]
    fn keys_equal_those_of_the_official_tool() {
        let first = junk(0);
        assert_eq!(
            first.address(),
            address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
        );
        assert_eq!(
            U256::from_be_bytes(*first.bls.expose()),
            number("0x285526323b860bde9d845bed1bcaffe6a0da0373b3cf08f45f5ee3c85e095da5")
        );
        assert_eq!(
            first.bls.public_g1(),
            G1Point {
                x: number("0xbc32126860a70c71bc6b37ff9aa7d0eabfae432d5c9f08db63dab0072e2620e"),
                y: number("0x1b27e9a4cff9fd28c660a6e947f6b349b22f1044492eb1ff3b12e190a620d2e1"),
            }
        );
        assert_eq!(
            const_hex::encode(first.bls.public_compressed()),
            "8bc32126860a70c71bc6b37ff9aa7d0eabfae432d5c9f08db63dab0072e2620e"
        );
        assert_eq!(
            first.bls.public_g2(),
            G2Point {
                x0: number("0x277525d7cb825f9f3ab0a2fcb9eb9b4f6b9303363bc542f10bb4ba14c06bc2e9"),
                x1: number("0x211ec8e5673b25a7896d4c1dc3bf1bb8019c10ab00f327f67de1193ed6e0e2f9"),
                y0: number("0x1de0ed3551d4227c03d9ba48ff9ec5577a417a45699676f1616776478fc7c8c3"),
                y1: number("0x10db2b889121932d47028e88602780b1bb0c7fb56e208ea0ba073712757f494b"),
            }
        );
        let second = junk(1);
        assert_eq!(
            second.address(),
            address!("70997970C51812dc3A010C7d01b50e0d17dc79C8")
        );
        assert_eq!(
            U256::from_be_bytes(*second.bls.expose()),
            number("0x23ef9bdaf48228f4479ade66987623a161ccb66f69e128fa70c155ff0dcc4f2f")
        );
    }

    #[test]
    fn the_proof_of_possession_satisfies_the_pairing() {
        let keys = junk(0);
        let digest = (G1Projective::generator() * Fr::from(1234u64)).into_affine();
        let proof = keys
            .bls
            .prove_possession(G1Point {
                x: to_u256(digest.x),
                y: to_u256(digest.y),
            })
            .unwrap();
        let proof = G1Affine::new(to_fq(proof.x).unwrap(), to_fq(proof.y).unwrap());
        let g2 = keys.bls.public_g2();
        let public = G2Affine::new(
            Fq2::new(to_fq(g2.x0).unwrap(), to_fq(g2.x1).unwrap()),
            Fq2::new(to_fq(g2.y0).unwrap(), to_fq(g2.y1).unwrap()),
        );
        assert_eq!(
            Bn254::pairing(proof, G2Affine::generator()),
            Bn254::pairing(digest, public)
        );
    }

    #[test]
    fn a_digest_off_the_curve_is_not_signed() {
        let keys = junk(0);
        for (x, y) in [
            (U256::from(1), U256::from(1)),
            (U256::ZERO, U256::ZERO),
            (U256::MAX, U256::from(2)),
        ] {
            let error = keys.bls.prove_possession(G1Point { x, y }).unwrap_err();
            assert!(matches!(error, Error::Digest { .. }), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_not_a_scalar_are_refused() {
        for bytes in [[0; 32], [0xff; 32]] {
            assert!(BlsKey::from_bytes(&bytes).is_err());
            assert!(crate::EthKey::from_bytes(&bytes).is_err());
        }
    }

    #[test]
    fn debug_prints_no_secret() {
        let text = format!("{:?}", junk(0));
        assert!(text.contains("REDACTED"), "{text}");
        for secret in ["ac0974be", "285526323b860b", "172, 9, 116", "40, 85, 38"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
