//! `[l1]`: the endpoints of Ethereum, and their API keys.

use provision::Fault;
use secrecy::ExposeSecret;

use super::chain::{ApiKey, Chain, Live, Local};
use super::file::L1File;
use super::ports::Ports;
use super::url::{Client, is_placeholder, urls};
use super::values::bad;
use crate::names::port;

/// The chain of this network, with the L1 of the table or that of this host.
pub(super) fn chain(
    file: &L1File,
    rollup: Option<u64>,
    standby: bool,
    network: &str,
    ports: &Ports,
) -> Result<Chain, Fault> {
    if rollup == Some(0) {
        return Err(bad("rollup", "no rollup has the version 0").fix(CANONICAL));
    }
    if network == "local" {
        return local(file, rollup, ports).map(Chain::Local);
    }
    let rpc_urls = urls("l1.rpc_urls", &file.rpc_urls, Client::Execution)?;
    if rpc_urls.is_empty() {
        return Err(bad(
            "l1.rpc_urls",
            format!("{network} needs an Ethereum execution endpoint"),
        )
        .fix("Name at least one with `--l1-rpc-urls https://…`."));
    }
    Ok(Chain::Live(Live {
        rpc_urls,
        consensus_urls: urls("l1.consensus_urls", &file.consensus_urls, Client::Consensus)?,
        consensus_keys: keys(file)?,
        debug_urls: urls("l1.debug_urls", &file.debug_urls, Client::Execution)?,
        rollup,
        standby,
    }))
}

const CANONICAL: &str = "Remove `rollup` to follow the canonical rollup.";

fn local(file: &L1File, rollup: Option<u64>, ports: &Ports) -> Result<Local, Fault> {
    if rollup.is_some() {
        return Err(bad("rollup", "a local network has one rollup, its own").fix(CANONICAL));
    }
    let lists = [
        ("l1.rpc_urls", &file.rpc_urls),
        ("l1.consensus_urls", &file.consensus_urls),
        ("l1.debug_urls", &file.debug_urls),
    ];
    if let Some((key, _)) = lists.iter().find(|(_, texts)| !texts.is_empty()) {
        return Err(bad(key, "a local network has its own L1")
            .fix("Remove the L1 endpoints, or choose another network."));
    }
    // A key without an endpoint is refused too.
    keys(file)?;
    let own = format!("http://127.0.0.1:{}", ports.of(&port::L1));
    let mut own = urls("ports.l1", &[own.into()], Client::Execution)?;
    Ok(Local { l1: own.remove(0) })
}

const KEYS: &str = "l1.consensus_api_keys";
const HEADERS: &str = "l1.consensus_api_key_headers";

/// The key of each endpoint, at its position. An empty text means no key: the node reads its lists in the same way
/// (4.1.2 blob-client/dest/client/config.js and http.js).
fn keys(file: &L1File) -> Result<Vec<Option<ApiKey>>, Fault> {
    let keys = &file.consensus_api_keys;
    let headers = &file.consensus_api_key_headers;
    let order =
        "Write them in the order of l1.consensus_urls, with \"\" for an endpoint without one.";
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
        return Err(bad(&header_place, "the header has no key")
            .fix("Put the key into l1.consensus_api_keys, at the same position."));
    }
    if is_placeholder(key) {
        return Err(bad(&key_place, "it is a placeholder").fix("Put your own key there."));
    }
    // The node splits its list at commas, and a header carries ASCII only.
    if !key.chars().all(|c| c == ' ' || c.is_ascii_graphic()) || key.contains(',') {
        return Err(bad(
            &key_place,
            "the key contains a comma or a character that is not ASCII",
        )
        .fix("Write only the key, as the provider shows it."));
    }
    if header.is_empty() && key.contains([' ', '#', '&']) {
        return Err(bad(
            &key_place,
            "the key contains a blank, # or &, which would end it after `?key=`",
        )
        .fix("Name its header in l1.consensus_api_key_headers, or write %20, %23 or %26."));
    }
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !header.chars().all(token) {
        return Err(bad(&header_place, "it is not the name of a header")
            .fix("Write only the name, for example \"x-api-key\" or \"Authorization\"."));
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

    fn read(file: &L1File, network: &str) -> Result<Chain, Fault> {
        chain(file, None, false, network, &Ports::default())
    }

    #[test]
    fn each_key_belongs_to_the_endpoint_at_its_place() {
        let key =
            |value: &str, header: Option<&str>| Some((value.to_owned(), header.map(str::to_owned)));
        let keys_of = |keys: &[&str], headers: &[&str]| {
            let Chain::Live(live) = read(&file(keys, headers), "testnet").unwrap() else {
                panic!("testnet is live");
            };
            let shown = format!("{live:?}");
            assert!(
                keys.iter()
                    .all(|key| key.is_empty() || !shown.contains(&format!("\"{key}\"")))
            );
            let all = live.consensus_keys.into_iter();
            all.map(|key| key.map(|key| (key.value.expose_secret().to_owned(), key.header)))
                .collect::<Vec<_>>()
        };
        assert_eq!(keys_of(&[], &[]), []);
        assert_eq!(keys_of(&[" K "], &[]), [key("K", None)]);
        assert_eq!(
            keys_of(&["", "K", "Bearer K"], &["", "", "Authorization"]),
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
                "headers, number 1: the header has no key",
            ),
            (
                &["SECRET,K"],
                &[],
                "keys, number 1: the key contains a comma",
            ),
            (
                &["", "SECRETé"],
                &[],
                "keys, number 2: the key contains a comma or a",
            ),
            (&["SECRET\nX"], &["x"], "a comma or a character"),
            (&["SECRET&x"], &[], "would end it"),
            (&["Bearer SECRET"], &[], "would end it"),
            (&["<your key>"], &[], "a placeholder"),
            (&["SECRET"], &["x-key: SECRET"], "not the name of a header"),
        ];
        for (keys, headers, expected) in cases {
            let fault = read(&file(keys, headers), "testnet").unwrap_err();
            let message = format!("{} {}", fault.chain(), fault.remedy().unwrap_or_default());
            assert!(
                message.contains(expected) && !message.contains("SECRET"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_local_network_has_no_other_l1() {
        type Change = fn(&mut L1File);
        let cases: [(Change, &str); 4] = [
            (|file| file.rpc_urls.push("https://a".into()), "l1.rpc_urls"),
            (
                |file| file.consensus_urls.push("https://a".into()),
                "l1.consensus_urls",
            ),
            (
                |file| file.debug_urls.push("https://a".into()),
                "l1.debug_urls",
            ),
            (
                |file| file.consensus_api_keys.push("K".into()),
                "l1.consensus_api_keys",
            ),
        ];
        for (change, key) in cases {
            let mut file = L1File::default();
            change(&mut file);
            let message = read(&file, "local").unwrap_err().chain();
            assert!(message.contains(key), "{message}");
        }
        let Chain::Local(local) = read(&L1File::default(), "local").unwrap() else {
            panic!("the local network is local");
        };
        assert_eq!(local.l1.expose().as_str(), "http://127.0.0.1:8545/");
    }
}
