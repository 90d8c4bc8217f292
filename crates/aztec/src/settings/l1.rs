//! `[l1]`: the endpoints of Ethereum, and the keys of those that want one.

use std::fmt;

use provision::Fault;
use secrecy::{ExposeSecret, SecretString};

use super::file::L1File;
use super::url::{Asker, Endpoint, is_placeholder, urls};
use super::values::bad;

/// The endpoints of a host.
#[derive(Debug, Clone)]
pub(super) struct L1 {
    pub rpc_urls: Vec<Endpoint>,
    pub consensus_urls: Vec<Endpoint>,
    pub consensus_keys: Vec<Option<ApiKey>>,
    pub debug_urls: Vec<Endpoint>,
}

/// What a consensus endpoint wants to see before it answers. Never shown.
#[derive(Clone)]
pub struct ApiKey {
    /// The key.
    pub value: SecretString,
    /// The header that it is sent in; without one it is the parameter `key` of the query.
    pub header: Option<String>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl L1 {
    /// What the table means on this network; `port` is that of an L1 of this host.
    pub(super) fn read(file: &L1File, network: &str, port: u16) -> Result<Self, Fault> {
        let local = network == "local";
        let lists = [
            ("l1.rpc_urls", &file.rpc_urls),
            ("l1.debug_urls", &file.debug_urls),
        ];
        for (key, texts) in lists {
            if local && !texts.is_empty() {
                return Err(bad(key, "a local network brings its own L1")
                    .fix("Leave the L1 endpoints out, or choose another network."));
            }
        }
        let rpc_urls = match local {
            true => {
                let own = format!("http://127.0.0.1:{port}");
                urls("ports.l1", &[own.into()], Asker::Execution)?
            }
            false => urls("l1.rpc_urls", &file.rpc_urls, Asker::Execution)?,
        };
        if rpc_urls.is_empty() {
            return Err(bad(
                "l1.rpc_urls",
                format!("{network} needs an Ethereum execution endpoint"),
            )
            .fix("Name at least one with `--l1-rpc-urls https://…`."));
        }
        Ok(Self {
            rpc_urls,
            consensus_urls: urls("l1.consensus_urls", &file.consensus_urls, Asker::Consensus)?,
            consensus_keys: keys(file)?,
            debug_urls: urls("l1.debug_urls", &file.debug_urls, Asker::Execution)?,
        })
    }
}

const KEYS: &str = "l1.consensus_api_keys";
const HEADERS: &str = "l1.consensus_api_key_headers";

/// The key of each endpoint that has one, at its place. An empty text stands for none: so the node reads its lists
/// (4.1.2 blob-client/dest/client/config.js and http.js).
fn keys(file: &L1File) -> Result<Vec<Option<ApiKey>>, Fault> {
    let keys = &file.consensus_api_keys;
    let headers = &file.consensus_api_key_headers;
    let order = "The first one belongs to the first of l1.consensus_urls; write \"\" for an endpoint without.";
    if keys.len() > file.consensus_urls.len() {
        return Err(bad(KEYS, "there are more keys than endpoints").fix(order));
    }
    if headers.len() > keys.len() {
        return Err(bad(HEADERS, "there are more headers than keys").fix(order));
    }
    let headers = headers.iter().map(|header| header.trim());
    let headers = headers.chain(std::iter::repeat(""));
    let pairs = keys
        .iter()
        .map(|key| key.expose_secret().trim())
        .zip(headers);
    pairs
        .enumerate()
        .map(|(at, (key, header))| pair(at + 1, key, header))
        .collect()
}

fn pair(number: usize, key: &str, header: &str) -> Result<Option<ApiKey>, Fault> {
    let (key_place, header_place) = (
        format!("{KEYS}, number {number}"),
        format!("{HEADERS}, number {number}"),
    );
    if key.is_empty() && !header.is_empty() {
        return Err(bad(&header_place, "a header without a key")
            .fix("Put the key into l1.consensus_api_keys, at the same place."));
    }
    if is_placeholder(key) {
        return Err(bad(&key_place, "it is a placeholder").fix("Put your own key there."));
    }
    // The node splits its list at commas, and no header can carry more than this.
    if !key.chars().all(|c| c == ' ' || c.is_ascii_graphic()) || key.contains(',') {
        return Err(bad(&key_place, "it has a comma, or what is not ASCII")
            .fix("Write the key alone, as the provider shows it."));
    }
    if header.is_empty() && key.contains([' ', '#', '&']) {
        return Err(bad(
            &key_place,
            "it has a blank, # or &, which would end it behind `?key=`",
        )
        .fix("Name its header in l1.consensus_api_key_headers, or write %20, %23 or %26."));
    }
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !header.chars().all(token) {
        return Err(bad(&header_place, "it is not the name of a header")
            .fix("Write the name alone, for example \"x-api-key\" or \"Authorization\"."));
    }
    Ok((!key.is_empty()).then(|| ApiKey {
        value: key.into(),
        header: (!header.is_empty()).then(|| header.to_owned()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(keys: &[&str], headers: &[&str]) -> L1File {
        let secrets = |list: &[&str]| list.iter().map(|text| (*text).into()).collect();
        L1File {
            rpc_urls: secrets(&["https://l1"]),
            consensus_urls: secrets(&["https://a", "https://b", "https://c"]),
            consensus_api_keys: secrets(keys),
            consensus_api_key_headers: headers.iter().map(ToString::to_string).collect(),
            debug_urls: Vec::new(),
        }
    }

    #[test]
    fn each_key_belongs_to_the_endpoint_at_its_place() {
        let key =
            |value: &str, header: Option<&str>| Some((value.to_owned(), header.map(str::to_owned)));
        let read = |keys: &[&str], headers: &[&str]| {
            let l1 = L1::read(&file(keys, headers), "testnet", 1).unwrap();
            let shown = format!("{l1:?}");
            assert!(
                keys.iter()
                    .all(|key| key.is_empty() || !shown.contains(&format!("\"{key}\"")))
            );
            let all = l1.consensus_keys.into_iter();
            all.map(|key| key.map(|key| (key.value.expose_secret().to_owned(), key.header)))
                .collect::<Vec<_>>()
        };
        assert_eq!(read(&[], &[]), []);
        assert_eq!(read(&[" K "], &[]), [key("K", None)]);
        assert_eq!(
            read(&["", "K", "Bearer K"], &["", "", "Authorization"]),
            [None, key("K", None), key("Bearer K", Some("Authorization"))]
        );
    }

    #[test]
    fn a_bad_key_is_refused_and_not_repeated() {
        let cases: &[(&[&str], &[&str], &str)] = &[
            (&["a", "b", "c", "SECRET"], &[], "more keys than endpoints"),
            (&["SECRET"], &["a", "b"], "more headers than keys"),
            (
                &["", "SECRET"],
                &["x-key"],
                "headers, number 1: a header without",
            ),
            (&["SECRET,K"], &[], "keys, number 1: it has a comma"),
            (
                &["", "SECRETé"],
                &[],
                "keys, number 2: it has a comma, or what",
            ),
            (&["SECRET\nX"], &["x"], "a comma, or what"),
            (&["SECRET&x"], &[], "would end it"),
            (&["Bearer SECRET"], &[], "would end it"),
            (&["<your key>"], &[], "a placeholder"),
            (&["SECRET"], &["x-key: SECRET"], "not the name of a header"),
        ];
        for (keys, headers, expected) in cases {
            let fault = L1::read(&file(keys, headers), "testnet", 1).unwrap_err();
            let said = format!("{} {}", fault.chain(), fault.remedy().unwrap_or_default());
            assert!(
                said.contains(expected) && !said.contains("SECRET"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_local_network_has_no_other_l1() {
        let mut file = L1File {
            debug_urls: vec!["https://d".into()],
            ..L1File::default()
        };
        assert!(L1::read(&file, "local", 8545).is_err());
        file.debug_urls.clear();
        let l1 = L1::read(&file, "local", 8545).unwrap();
        assert_eq!(l1.rpc_urls[0].expose().as_str(), "http://127.0.0.1:8545/");
    }
}
