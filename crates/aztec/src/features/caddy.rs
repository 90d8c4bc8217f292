//! A TLS proxy in front of the node's RPC, and never in front of its admin API.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use provision::engine::Graph;
use server::caddy::{self, Proxy};

use crate::kinds::Kind;
use crate::names::port;
use crate::settings::Settings;

/// Methods by namespace; `both` are in every one.
static METHODS: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../data/public-methods.toml"))
        .expect("data/public-methods.toml is tested")
});

pub(crate) fn add(graph: &mut Graph<Kind>, settings: &Settings) {
    let Some(configured) = &settings.caddy else {
        return;
    };
    let proxy = Proxy {
        domain: configured.domain.clone(),
        email: configured.email.clone(),
        internal: settings.local().is_some(),
        upstream: settings.port(&port::RPC),
        methods: methods(&settings.release.facts.rpc, &configured.methods),
        import: configured.import,
    };
    caddy::add(graph, &proxy);
}

/// Full names of all methods that may be called.
fn methods(namespace: &str, more: &[String]) -> Vec<String> {
    let lists = ["both", namespace].into_iter();
    let known = lists.filter_map(|list| METHODS.get(list)).flatten();
    let mut names: Vec<_> = known
        .map(|name| format!("{namespace}_{name}"))
        .chain(more.iter().cloned())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_offers_the_methods_for_wallets_and_none_that_steers() {
        let all = crate::data::Releases::carried();
        for version in all.versions() {
            let release = all.release(version, None).unwrap();
            let names = methods(&release.facts.rpc, &["p2p_getPeers".into()]);
            let own = format!("{}_", release.facts.rpc);
            assert!(names.contains(&format!("{own}sendTx")), "{version}");
            assert!(
                names.contains(&format!("{own}{}", release.facts.tips)),
                "{version}"
            );
            let foreign = names.iter().filter(|name| !name.starts_with(&own));
            assert_eq!(foreign.collect::<Vec<_>>(), ["p2p_getPeers"]);
            assert!(!names.iter().any(|name| name.contains("register")));
        }
    }

    #[test]
    fn public_events_messages_and_withdrawals_of_5_2_0_go_through() {
        let names = methods("aztec", &[]);
        // aztec.js@5.2.0 dest/api/events.js, dest/utils/cross_chain.js; the rest by a PXE.
        for name in [
            "getPublicLogsByTags",
            "getL1ToL2MessageCheckpoint",
            "getL2ToL1MembershipWitness",
            "getL2ToL1Messages",
        ] {
            assert!(names.contains(&format!("aztec_{name}")), "{name}");
        }
        for name in [
            "getPeers",
            "getPendingTxs",
            "getValidatorsStats",
            "getEncodedEnr",
        ] {
            assert!(!names.contains(&format!("aztec_{name}")), "{name}");
        }
    }
}
