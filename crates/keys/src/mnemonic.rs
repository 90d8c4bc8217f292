//! BIP-39 mnemonics.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::Seed;

/// An English BIP-39 mnemonic. Its debug output is redacted, and it is wiped on drop.
pub struct Mnemonic(bip39::Mnemonic);

/// The length of a new mnemonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordCount {
    /// 128 bits.
    Twelve,
    /// 256 bits.
    TwentyFour,
}

/// Creates a mnemonic from the randomness of the operating system.
///
/// # Errors
///
/// If the operating system does not return random bytes.
pub fn generate_mnemonic(words: WordCount) -> Result<Mnemonic> {
    let mut entropy = Zeroizing::new([0u8; 32]);
    let bytes = match words {
        WordCount::Twelve => &mut entropy[..16],
        WordCount::TwentyFour => &mut entropy[..],
    };
    getrandom::fill(bytes).map_err(|error| Error::Entropy {
        reason: error.to_string(),
    })?;
    bip39::Mnemonic::from_entropy(bytes)
        .map(Mnemonic)
        .map_err(refused)
}

impl Mnemonic {
    /// Reads a mnemonic and checks its checksum. Any white space separates words.
    ///
    /// # Errors
    ///
    /// If BIP-39 does not accept it. The error contains none of its words.
    pub fn parse(phrase: &str) -> Result<Self> {
        let parsed = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, phrase);
        parsed.map(Self).map_err(|error| match error {
            // Words that are stamped into steel are in capital letters.
            bip39::Error::UnknownWord(_) if phrase.chars().any(char::is_uppercase) => {
                Error::Mnemonic {
                    reason: "it has capital letters, but BIP-39 words are in lower case".to_owned(),
                }
            }
            other => refused(other),
        })
    }

    /// The words, for the one moment in which they are written down.
    #[must_use]
    pub fn phrase(&self) -> Zeroizing<String> {
        // The longest English word has 8 letters. With enough room from the start the string never grows, so no
        // copy stays behind in memory.
        let mut phrase = Zeroizing::new(String::with_capacity(24 * 9));
        for word in self.0.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The seed with the empty passphrase. The official tool accepts a passphrase and ignores it,
    /// so a key with a passphrase could not be restored there.
    pub(super) fn seed(&self) -> Seed {
        Zeroizing::new(self.0.to_seed_normalized(""))
    }
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mnemonic([REDACTED])")
    }
}

/// The reason gives positions and counts, never words.
fn refused(error: bip39::Error) -> Error {
    Error::Mnemonic {
        reason: match error {
            // Counts from 1, as words are numbered on paper.
            bip39::Error::UnknownWord(at) => format!("word {} is not in the English list", at + 1),
            bip39::Error::BadWordCount(count) => format!("it has {count} words"),
            bip39::Error::InvalidChecksum => {
                "its checksum is wrong: a word was replaced, or two were swapped".to_owned()
            }
            other => other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_mnemonics_differ_and_parse() {
        for (words, count) in [(WordCount::Twelve, 12), (WordCount::TwentyFour, 24)] {
            let one = generate_mnemonic(words).unwrap();
            let two = generate_mnemonic(words).unwrap();
            assert_eq!(one.phrase().split(' ').count(), count);
            assert_ne!(*one.phrase(), *two.phrase());
            assert_eq!(
                *Mnemonic::parse(&one.phrase()).unwrap().phrase(),
                *one.phrase()
            );
        }
    }

    #[test]
    fn an_error_contains_no_word() {
        for phrase in [
            "sausage",
            "test test test",
            "test test test test test test test test test test test blorb",
        ] {
            let text = Mnemonic::parse(phrase).unwrap_err().to_string();
            assert!(!phrase.split(' ').any(|word| text.contains(word)), "{text}");
        }
    }

    #[test]
    fn an_error_counts_words_from_one() {
        let error = |phrase: &str| Mnemonic::parse(phrase).unwrap_err().to_string();
        let rest = "test ".repeat(9);
        assert!(error(&format!("test test blorb {rest}")).contains("word 3 "));
        assert!(error(&format!("TEST TEST TEST {rest}")).contains("capital"));
        assert!(error(&format!("test test test {rest}")).contains("checksum"));
        assert!(error("test").contains("1 words"));
    }

    #[test]
    fn debug_prints_nothing() {
        let mnemonic = generate_mnemonic(WordCount::Twelve).unwrap();
        assert_eq!(format!("{mnemonic:?}"), "Mnemonic([REDACTED])");
    }
}
