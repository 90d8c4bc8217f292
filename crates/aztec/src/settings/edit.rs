//! Writing what was asked on the command line into `kit.toml`, keeping the operator's comments.

use std::net::IpAddr;

use super::{encoding, file, mistake};
use provision::Fault;
use secrecy::{ExposeSecret, SecretString};
use toml_edit::{Array, DocumentMut, Item, Table, Value};

/// What was asked on the command line; `None` leaves the file's own word.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Network.
    pub network: Option<String>,
    /// Release.
    pub release: Option<String>,
    /// The rollup to follow.
    pub rollup: Option<u64>,
    /// A release that waits for its rollup is wanted.
    pub standby: bool,
    /// Runtime.
    pub runtime: Option<String>,
    /// Data directory.
    pub data_dir: Option<String>,
    /// Execution endpoints.
    pub l1_rpc_urls: Vec<SecretString>,
    /// Consensus endpoints.
    pub l1_consensus_urls: Vec<SecretString>,
    /// Endpoints that trace transactions.
    pub l1_debug_urls: Vec<SecretString>,
    /// Public address.
    pub p2p_ip: Option<String>,
    /// Roles by their table; asking for one never takes another away.
    pub roles: Vec<&'static str>,
    /// What the host has besides its roles, by its table.
    pub features: Vec<&'static str>,
    /// Host name of the TLS proxy.
    pub domain: Option<String>,
    /// Mail address for its certificate.
    pub email: Option<String>,
    /// Who is connected by SSH right now.
    pub ssh_client: Option<IpAddr>,
    /// Where the broker of the agents is.
    pub broker_url: Option<SecretString>,
}

/// The first line of a new file.
pub(super) const HEAD: &str =
    "# What this host shall be. Edit it and run `aztec-kit plan`, then `aztec-kit apply`.\n";

/// The text of `kit.toml` with what was asked in it; pure.
pub fn edited(text: Option<&str>, asked: &Asked) -> Result<String, Fault> {
    let old = text.unwrap_or_default();
    encoding::check(old)?;
    let mut document: DocumentMut = old.parse().map_err(|error: toml_edit::TomlError| {
        mistake::fault(old, error.message(), error.span())
    })?;
    let mut set = |table: Option<&str>, key: &str, new: Value| -> Result<(), Fault> {
        let place = match table {
            None => document.as_table_mut(),
            Some(name) => document
                .entry(name)
                .or_insert_with(|| Item::Table(Table::new()))
                .as_table_mut()
                .ok_or_else(|| {
                    Fault::new(format!("kit.toml: `{name}` is not a table"))
                        .fix(format!("Write it as [{name}]."))
                })?,
        };
        match place.get_mut(key).and_then(Item::as_value_mut) {
            None => drop(place.insert(key, Item::Value(new))),
            // What says the same already keeps its own form.
            Some(old) if meaning(old) == meaning(&new) => {}
            Some(old) => {
                let decor = old.decor().clone();
                *old = new;
                *old.decor_mut() = decor;
            }
        }
        Ok(())
    };
    if let Some(network) = &asked.network {
        set(None, "network", network.into())?;
    }
    if let Some(release) = &asked.release {
        set(None, "release", release.into())?;
    }
    if let Some(rollup) = asked.rollup {
        let number = i64::try_from(rollup).map_err(|_| {
            Fault::new(format!("{rollup} is not the version of a rollup"))
                .fix("Write the number that `getVersion` of the rollup answers.")
        })?;
        set(None, "rollup", number.into())?;
    }
    if asked.standby {
        set(None, "standby", true.into())?;
    }
    if let Some(runtime) = &asked.runtime {
        set(None, "runtime", runtime.into())?;
    }
    if let Some(data_dir) = &asked.data_dir {
        set(None, "data_dir", data_dir.into())?;
    }
    for (key, urls) in [
        ("rpc_urls", &asked.l1_rpc_urls),
        ("consensus_urls", &asked.l1_consensus_urls),
        ("debug_urls", &asked.l1_debug_urls),
    ] {
        if !urls.is_empty() {
            let urls: Array = urls.iter().map(SecretString::expose_secret).collect();
            set(Some("l1"), key, Value::Array(urls))?;
        }
    }
    if let Some(ip) = &asked.p2p_ip {
        set(Some("p2p"), "ip", ip.into())?;
    }
    if let Some(url) = &asked.broker_url {
        set(
            Some("prover_agent"),
            "broker_url",
            url.expose_secret().into(),
        )?;
    }
    for table in asked.roles.iter().chain(&asked.features) {
        set(Some(table), "enabled", true.into())?;
    }
    for (key, value) in [("domain", &asked.domain), ("email", &asked.email)] {
        if let Some(value) = value {
            set(Some("caddy"), key, value.into())?;
        }
    }
    // A machine that is asked for agents alone lends its cores; it does not get a node of its own.
    if text.is_none() && asked.roles == ["prover_agent"] {
        set(Some("node"), "enabled", false.into())?;
    }
    if let (true, Some(client)) = (asked.features.contains(&"hardening"), asked.ssh_client) {
        never_ban(&mut document, client);
    }
    // A comment alone would end up below the keys: it has no key to stand before.
    let head = if text.is_none() { HEAD } else { "" };
    let mut new = format!("{head}{document}");
    // The writer has ends of lines of its own and no byte order mark, also where nothing was asked.
    let bare = old.strip_prefix('\u{feff}').unwrap_or(old);
    if new.lines().eq(bare.lines()) {
        old.clone_into(&mut new);
    }
    match (file::parse(&new), file::parse(old)) {
        // The lines are those of the operator's own file, where the mistake is in it.
        (Err(_), Err(mistake)) => Err(mistake),
        _ => Ok(new),
    }
}

/// Whoever hardens a host must not be banned from it. Only the first client is noted: the next run may come
/// from elsewhere, and must not change anything.
fn never_ban(document: &mut DocumentMut, client: IpAddr) {
    let Some(hardening) = document.get_mut("hardening").and_then(Item::as_table_mut) else {
        return;
    };
    if !hardening.contains_key("never_ban") {
        let mut clients = Array::new();
        clients.push(client.to_string());
        hardening.insert("never_ban", Item::Value(Value::Array(clients)));
    }
}

/// The value without its quotes, white space and comments.
fn meaning(value: &Value) -> String {
    match value {
        Value::String(text) => text.value().clone(),
        Value::Array(array) => array.iter().map(meaning).collect::<Vec<_>>().join(","),
        other => other.to_string().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        Asked {
            network: Some("local".into()),
            roles: vec!["sequencer"],
            ..Asked::default()
        }
    }

    #[test]
    fn a_new_file_says_just_what_was_asked() {
        let text = edited(None, &asked()).unwrap();
        assert!(text.starts_with("# What this host shall be"), "{text}");
        assert!(text.contains("network = \"local\"\n"), "{text}");
        assert!(text.contains("[sequencer]\nenabled = true\n"), "{text}");
    }

    #[test]
    fn asking_for_the_same_again_changes_nothing() {
        let text = "network  =  'local' # mine\n\n[sequencer]\nenabled = true\n[l1]\nconsensus_urls = [ 'https://a' ]\n";
        let mut again = asked();
        again.l1_consensus_urls = vec!["https://a".into()];
        assert_eq!(edited(Some(text), &again).unwrap(), text);
        // Nor do ends of lines that are missing, or of another system.
        for own in [
            "network = \"local\"",
            "# mine",
            "",
            "# mine\r\nstandby = true\r\n",
            "\u{feff}# mine\n",
        ] {
            assert_eq!(edited(Some(own), &Asked::default()).unwrap(), own);
        }
    }

    #[test]
    fn only_the_first_client_is_noted() {
        let mut asked = Asked {
            features: vec!["hardening"],
            ssh_client: Some([192, 0, 2, 1].into()),
            ..Asked::default()
        };
        let first = edited(None, &asked).unwrap();
        assert!(
            first.contains("[hardening]\nenabled = true\nnever_ban = [\"192.0.2.1\"]\n"),
            "{first}"
        );
        asked.ssh_client = Some([192, 0, 2, 2].into());
        assert_eq!(edited(Some(&first), &asked).unwrap(), first);
    }

    #[test]
    fn comments_of_the_operator_stay() {
        let text = "# mine\nnetwork = \"testnet\"\n[env] # more\nLOG_LEVEL = \"debug\"\n";
        let new = edited(Some(text), &asked()).unwrap();
        assert!(
            new.contains("# mine") && new.contains("# more") && new.contains("network = \"local\""),
            "{new}"
        );
    }
}
