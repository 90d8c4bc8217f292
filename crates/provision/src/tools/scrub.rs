//! Takes everything out of a text that identifies a host or its operator: URLs, IP addresses, mail addresses, accounts, keys,
//! node records and long random words. Equal values get equal labels, so that a reader still sees which belong together.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The shortest word of letters and digits that counts as a token.
const TOKEN: usize = 20;

/// The labels of one bundle.
#[derive(Debug, Default)]
pub struct Scrubber {
    labels: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
    known: Vec<(String, &'static str)>,
}

impl Scrubber {
    /// A scrubber that also takes out these words, such as the names of hosts. Words of fewer than four letters stay.
    pub fn knowing(words: impl IntoIterator<Item = (String, &'static str)>) -> Self {
        let mut known: Vec<_> = words
            .into_iter()
            .filter(|(word, _)| word.len() > 3)
            .collect();
        // A word may contain another one.
        known.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Self {
            known,
            ..Self::default()
        }
    }

    /// The text without what identifies anybody.
    pub fn scrub(&mut self, text: &str) -> String {
        let mut scrubbed = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let mut end = rest.find(is_gap).unwrap_or(rest.len());
            if rest.get(..end).is_some_and(|word| word.contains("://")) {
                // The query of a URL has characters that separate other words.
                end = rest.find(ends_url).unwrap_or(rest.len());
            }
            let (word, more) = rest.split_at(end);
            scrubbed.push_str(&self.word(word));
            let gap = more.find(|c| !is_gap(c)).unwrap_or(more.len());
            let (gap, more) = more.split_at(gap);
            scrubbed.push_str(gap);
            rest = more;
        }
        scrubbed
    }

    /// A word between two gaps, scrubbed.
    fn word(&mut self, word: &str) -> String {
        let core = word.trim_end_matches(['.', ':', '?', '!']);
        let tail = word.get(core.len()..).unwrap_or_default();
        let label = match core {
            "" => None,
            _ if core.contains("://") => Some("url"),
            _ if core.starts_with("enr:") || core.starts_with("enode:") => Some("record"),
            _ if ["/ip4/", "/ip6/", "/dns"]
                .iter()
                .any(|it| core.starts_with(it)) =>
            {
                Some("peer")
            }
            _ if core.contains('@') && core.contains('.') => Some("mail"),
            _ => None,
        };
        if let Some(label) = label {
            return self.label(label, core) + tail;
        }
        if let Some(address) = address(core) {
            return match address.is_loopback() || address.is_unspecified() {
                true => word.to_owned(),
                false => {
                    let shown = address.to_string();
                    let label = self.label("ip", &shown);
                    let port = core.parse::<SocketAddr>().ok().map(|it| it.port());
                    label + &port.map_or(String::new(), |port| format!(":{port}")) + tail
                }
            };
        }
        self.parts(core) + tail
    }

    /// The runs of letters and digits of a word, each scrubbed.
    fn parts(&mut self, word: &str) -> String {
        let known = self.known.iter();
        let found = known.filter(|(known, _)| word.contains(known.as_str()));
        let mut word = word.to_owned();
        for (known, kind) in found.cloned().collect::<Vec<_>>() {
            let label = self.label(kind, &known);
            word = word.replace(&known, &label);
        }
        let mut shown = String::with_capacity(word.len());
        let mut rest = word.as_str();
        while !rest.is_empty() {
            let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
            let (part, more) = rest.split_at(end);
            match kind(part) {
                Some(kind) => shown.push_str(&self.label(kind, part)),
                None => shown.push_str(part),
            }
            let next = more.chars().next();
            shown.extend(next);
            rest = more
                .get(next.map_or(0, char::len_utf8)..)
                .unwrap_or_default();
        }
        shown
    }

    /// The label of a value: the same one each time.
    fn label(&mut self, kind: &'static str, value: &str) -> String {
        let value = value.to_ascii_lowercase();
        if let Some(label) = self.labels.get(&value) {
            return label.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let label = format!("{kind}-{count}");
        self.labels.insert(value, label.clone());
        label
    }
}

/// Whether a character separates words.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`,;()[]{}<>|=&…".contains(c)
}

/// Whether a character ends a URL in a text.
fn ends_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`<>".contains(c)
}

/// Whether a character can be part of a token.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn address(word: &str) -> Option<IpAddr> {
    let socket = word.parse::<SocketAddr>().map(|it| it.ip());
    socket.or_else(|_| word.parse()).ok().or_else(|| {
        // A network.
        let (address, length) = word.split_once('/')?;
        length.parse::<u8>().ok()?;
        address.parse().ok()
    })
}

/// What a run of letters and digits is, if it identifies something.
fn kind(part: &str) -> Option<&'static str> {
    let hex = part.strip_prefix("0x").unwrap_or(part);
    let is_hex = !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && hex.len() == 40 {
        return Some("account");
    }
    if is_hex && hex.len() >= 32 {
        return Some("hex");
    }
    let digits = part.bytes().any(|byte| byte.is_ascii_digit());
    let letters = part.bytes().any(|byte| byte.is_ascii_alphabetic());
    (part.len() >= TOKEN && digits && letters).then_some("token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(text: &str) -> String {
        Scrubber::knowing([("node.example.org".to_owned(), "host")]).scrub(text)
    }

    #[test]
    fn what_identifies_somebody_is_taken_out() {
        for (text, expected) in [
            (
                "connect ECONNREFUSED 203.0.113.7:8545, https://u:p@l1.example/v2/KEY?x=1.",
                "connect ECONNREFUSED ip-1:8545, url-1.",
            ),
            (
                "listening on 127.0.0.1:8080 and [::1]",
                "listening on 127.0.0.1:8080 and [::1]",
            ),
            (
                "attester 0x5FbDB2315678afecb367f032d93F642f64180aa3 and 0x5fbdb2315678afecb367f032d93f642f64180aa3",
                "attester account-1 and account-1",
            ),
            (
                "key=4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
                "key=hex-1",
            ),
            (
                "peer /ip4/203.0.113.7/tcp/40400/p2p/16Uiu2HAm",
                "peer peer-1",
            ),
            (
                "enr:-LK4QFtV7Pz4reD5a7cpfi1z6yPrZ2I9eMMU5mGQpFXLnLoKZW8TXvVubShzLLpsEj6aayvVO1vFx",
                "record-1",
            ),
            ("mail me@example.org", "mail mail-1"),
            ("from 2001:db8::1 to 10.0.0.0/8", "from ip-1 to ip-2"),
            (
                "node.example.org: Started aztec-node.service",
                "host-1: Started aztec-node.service",
            ),
            ("/v2/AbCdEf0123456789AbCdEf", "/v2/token-1"),
            ("Aztec 4.1.2, 8 cores", "Aztec 4.1.2, 8 cores"),
        ] {
            assert_eq!(scrubbed(text), expected);
        }
    }

    #[test]
    fn a_scrubbed_text_stays_as_it_is() {
        let once = scrubbed(
            "https://l1.example/KEY 203.0.113.7 me@example.org 0x5FbDB2315678afecb367f032d93F642f64180aa3",
        );
        assert_eq!(scrubbed(&once), once);
    }
}
