//! URLs of `kit.toml`. A URL is accepted only if the program that uses it can use it.
//!
//! aztec-kit itself could use more URLs than the node. The node's clients were tested with the
//! packages of 4.1.2 under their Node.js 24. A refused text is never repeated, because it may carry a key.

use std::fmt;

use provision::Fault;
use provision::tools::redact;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::values::bad;
use crate::data::{Network, Store};

/// The URL of an endpoint, which may carry a key in every part except its host. `Debug` shows only the host, and there is no
/// `Display`: callers that need the whole URL call [`Self::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The URL itself, never for output.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// Its host, for people.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl From<Url> for Endpoint {
    fn from(url: Url) -> Self {
        Self(url)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::urls_of(self.0.as_str()))
    }
}

/// The client that uses an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// viem, which passes the URL to `fetch` unchanged.
    Execution,
    /// The blob client, which appends a path to the text of the URL, then calls `fetch`
    /// (blob-client/dest/client/http.js).
    Consensus,
    /// undici's `request`, which takes only scheme, host and port and refuses everything else
    /// (foundation/dest/json-rpc/client/undici.js).
    Broker,
    /// Programs of monitoring, which are not Node.js.
    Other,
}

impl Client {
    /// Whether it is the `fetch` of Node.js.
    fn is_fetch(self) -> bool {
        matches!(self, Self::Execution | Self::Consensus)
    }
}

/// The ports that `fetch` refuses as a "bad port".
///
/// <https://fetch.spec.whatwg.org/#port-blocking>; Node.js 24.21, which 4.1.2 runs in, refuses exactly these.
const BAD_PORTS: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
    103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
    512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
    995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    6669, 6679, 6697, 10080,
];

/// Whether `fetch` refuses this port.
pub(crate) fn is_bad_port(port: u16) -> bool {
    BAD_PORTS.contains(&port)
}

/// The URLs of a key, in order.
pub(super) fn urls(
    key: &str,
    texts: &[SecretString],
    client: Client,
) -> Result<Vec<Endpoint>, Fault> {
    let number = |at: usize| match texts {
        [_] => key.to_owned(),
        _ => format!("{key}, number {}", at + 1),
    };
    let texts = texts.iter().enumerate();
    texts
        .map(|(at, text)| url(&number(at), text.expose_secret().trim(), client).map(Endpoint))
        .collect()
}

const FORM: &str = "Write it as https://host:port/path.";

fn url(key: &str, text: &str, client: Client) -> Result<Url, Fault> {
    if is_list(text) {
        return Err(bad(key, "the string contains two URLs")
            .fix("Write a list: [\"https://one.example\", \"https://two.example\"]."));
    }
    if is_placeholder(text) {
        return Err(bad(key, "the URL contains a placeholder").fix("Replace it with your own key."));
    }
    let url =
        Url::parse(text).map_err(|error| bad(key, format!("not a URL ({error})")).fix(FORM))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        // The text before a colon may also be the first half of a password.
        let what = match url.scheme() {
            scheme @ ("http" | "https" | "ws" | "wss" | "ftp" | "file" | "unix") => {
                format!("`{scheme}:…` is not an http or https URL")
            }
            _ => "it is not an http or https URL".into(),
        };
        return Err(bad(key, what).fix(FORM));
    }
    if url.as_str().contains(',') {
        return Err(bad(
            key,
            "the URL contains a comma, at which the node splits its list",
        )
        .fix("Write the comma as %2C."));
    }
    check_client(key, &url, client)?;
    Ok(url)
}

/// Refuses a URL that this client cannot use, or uses in another way than it seems.
fn check_client(key: &str, url: &Url, client: Client) -> Result<(), Fault> {
    let user = !url.username().is_empty() || url.password().is_some();
    if user && client == Client::Broker {
        return Err(bad(key, "the agents do not send its user and password")
            .fix("Remove them, and let only your agents reach the broker."));
    }
    if user && client.is_fetch() {
        let fix = match client {
            Client::Consensus => KEYS,
            _ => {
                "Remove the part before the @. Name an endpoint with its key in the path or query."
            }
        };
        return Err(bad(
            key,
            "the URL has a user or password, and Node.js refuses requests to such a URL",
        )
        .fix(fix));
    }
    let more = url.query().is_some() || url.fragment().is_some();
    if more && client == Client::Consensus {
        return Err(bad(
            key,
            "the URL has a query or a fragment, and the node appends its own path to that",
        )
        .fix(KEYS));
    }
    if client == Client::Broker && (more || url.path() != "/") {
        return Err(bad(
            key,
            "the URL has a path, query or fragment, and the agents refuse such a URL",
        )
        .fix("Write only scheme, host and port, for example http://host:8180."));
    }
    if let Some(port) = url.port()
        && client.is_fetch()
        && is_bad_port(port)
    {
        let what = format!("Node.js refuses requests to port {port} (\"bad port\")");
        return Err(bad(key, what).fix("Let the endpoint listen on another port."));
    }
    Ok(())
}

const KEYS: &str = "Remove that part, and put the key into l1.consensus_api_keys, with the name of its header in \
                    l1.consensus_api_key_headers if it is not sent as `?key=`.";

/// Whether another URL follows a separator.
fn is_list(text: &str) -> bool {
    let separator = |c: char| c.is_whitespace() || ",;|".contains(c);
    let pieces = text.split(separator).map(str::trim);
    pieces.skip(1).any(|piece| {
        ["http://", "https://"]
            .iter()
            .any(|scheme| piece.starts_with(scheme))
    })
}

/// Whether the text is a placeholder: `<YOUR-API-KEY>`, `${KEY}`, `YOUR_API_KEY`.
pub(super) fn is_placeholder(text: &str) -> bool {
    let words: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let named = ["yourapikey", "yourkey", "yourprojectid", "yourtoken"];
    text.contains(['<', '>', '{', '}', '…']) || named.iter().any(|name| words.contains(name))
}

/// A URL that the node appends a path to. The node removes only one of the slashes at its end. That one stays, because
/// without it the environment file of every running node would change, and each node would be restarted.
pub(crate) fn with_one_slash(url: &Url) -> &str {
    let text = url.as_str();
    let bare = text.trim_end_matches('/').len();
    &text[..text.len().min(bare + 1)]
}

/// Refuses file stores of described networks that the node uses in another way than it seems.
pub(super) fn check_stores(name: &str, network: &Network) -> Result<(), Fault> {
    for (list, texts) in [("snapshots", &network.snapshots), ("blobs", &network.blobs)] {
        let key = format!("networks.{name}.{list}");
        for text in texts.iter().map(Store::expose) {
            if is_placeholder(text) {
                return Err(bad(&key, "the URL contains a placeholder")
                    .fix("Replace it with your own value."));
            }
            // The node appends the name of a file to the text (stdlib/dest/file-store/http.js).
            let web = text.starts_with("http://") || text.starts_with("https://");
            if web && text.contains(['?', '#']) {
                return Err(bad(
                    &key,
                    "the URL has a query or a fragment, and the node appends the names of files to that",
                )
                .fix("Remove it, or name a store that does not need it."));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Client; 4] = [
        Client::Execution,
        Client::Consensus,
        Client::Broker,
        Client::Other,
    ];

    /// The refusal of a URL for each client; an empty text if it is accepted.
    fn refusal(text: &str) -> [String; 4] {
        ALL.map(|client| match urls("l1.rpc_urls", &[text.into()], client) {
            Ok(urls) => {
                assert!(!format!("{urls:?}").contains("SECRET"), "{urls:?}");
                String::new()
            }
            Err(fault) => {
                let refusal = format!("{} {}", fault.chain(), fault.remedy().unwrap_or_default());
                assert!(refusal.starts_with("kit.toml: l1.rpc_urls: "), "{refusal}");
                assert!(!refusal.contains("SECRET"), "{text}: {refusal}");
                refusal
            }
        })
    }

    #[test]
    fn every_client_gets_only_urls_that_it_can_use() {
        const ACCEPTED: &str = "";
        let user = [
            "user or password",
            "user or password",
            "do not send",
            ACCEPTED,
        ];
        let behind = [
            ACCEPTED,
            "consensus_api_keys",
            "the agents refuse",
            ACCEPTED,
        ];
        let bad_port = ["bad port", "bad port", ACCEPTED, ACCEPTED];
        let cases = [
            ("http://127.0.0.1:8545", [ACCEPTED; 4]),
            ("https://h.example/", [ACCEPTED; 4]),
            (
                "https://h.example/v2/SECRET",
                [ACCEPTED, ACCEPTED, "the agents refuse", ACCEPTED],
            ),
            ("https://h.example/?key=SECRET", behind),
            ("https://h.example#SECRET", behind),
            ("http://SECRET:SECRET@h.example", user),
            ("http://SECRET@h.example", user),
            ("http://:SECRET@h.example", user),
            ("http://h.example:10080", bad_port),
            ("http://h.example:6000", bad_port),
            ("https://h.example:22", bad_port),
            (
                "https://a.example,https://SECRET.example",
                ["Write a list"; 4],
            ),
            ("http://a:1, http://SECRET:2", ["Write a list"; 4]),
            ("http://a:1 http://SECRET:2", ["Write a list"; 4]),
            ("https://h.example/SECRET,x", ["a comma"; 4]),
            ("https://h.example/v3/<YOUR-API-KEY>", ["placeholder"; 4]),
            ("https://h.example/v3/${SECRET}", ["placeholder"; 4]),
            ("https://h.example/v3/your_api_key", ["placeholder"; 4]),
            ("https://h.example/v3/YOUR-PROJECT-ID", ["placeholder"; 4]),
            ("ftp://h.example/SECRET", ["not an http or https URL"; 4]),
            ("SECRET", ["not a URL"; 4]),
        ];
        for (text, expected) in cases {
            for (refusal, expected) in refusal(text).iter().zip(expected) {
                let fits = refusal.contains(expected) && refusal.is_empty() == expected.is_empty();
                assert!(fits, "{text}: `{refusal}` instead of `{expected}`");
            }
        }
    }

    #[test]
    fn a_url_in_a_list_is_named_by_its_number() {
        let texts = ["https://a.example", "https://u:p@b.example"].map(SecretString::from);
        let fault = urls("l1.rpc_urls", &texts, Client::Execution).unwrap_err();
        assert!(fault.chain().contains("l1.rpc_urls, number 2: "));
    }

    #[test]
    fn at_most_one_slash_is_left_before_a_path() {
        for (text, expected) in [
            ("http://h//", "http://h/"),
            ("http://h", "http://h/"),
            ("http://h/k", "http://h/k"),
            ("http://h/k/", "http://h/k/"),
            ("http://h/k//", "http://h/k/"),
        ] {
            assert_eq!(with_one_slash(&Url::parse(text).unwrap()), expected);
        }
    }

    #[test]
    fn a_file_store_has_no_query() {
        let refused = |blobs: &str| {
            let network = Network {
                blobs: vec![blobs.into()],
                ..crate::data::networks()["mainnet"].clone()
            };
            check_stores("mine", &network).is_err()
        };
        assert!(refused("https://h/b?key=1") && refused("https://h/<bucket>"));
        assert!(!refused("https://h/b") && !refused("s3://b/p?endpoint=https://e"));
    }
}
