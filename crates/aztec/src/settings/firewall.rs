//! `[firewall]`: who may connect to this host.

use std::net::IpAddr;

use provision::Fault;
use provision::kinds::{Proto, Rule};
use provision::tools::network;
use serde::Deserialize;

use super::values::bad;

/// `[firewall]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirewallFile {
    /// Whether UFW closes the whole host.
    pub enabled: Option<bool>,
    /// Whether private ports are closed to other hosts, with or without the firewall; yes by default.
    pub close_private_ports: Option<bool>,
    /// Connections that are allowed in addition to SSH and peers.
    pub allow: Vec<AllowFile>,
}

/// `[[firewall.allow]]` as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowFile {
    /// Port of this host.
    pub port: u16,
    /// Protocol; TCP by default.
    #[serde(default)]
    pub proto: ProtoFile,
    /// An address or a network; everybody by default.
    pub from: Option<String>,
}

/// A protocol as written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtoFile {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// Who may connect to this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Firewall {
    /// Whether UFW closes the whole host. If not, the operator takes care of that.
    pub enabled: bool,
    /// Whether private ports are closed to other hosts, with UFW or without.
    pub close_private_ports: bool,
    /// Connections that are allowed in addition to SSH and peers.
    pub allow: Vec<Rule>,
}

impl Firewall {
    /// The firewall of the file.
    pub(super) fn from_file(file: FirewallFile) -> Result<Self, Fault> {
        Ok(Self {
            enabled: file.enabled.unwrap_or(false),
            close_private_ports: file.close_private_ports.unwrap_or(true),
            allow: file.allow.into_iter().map(rule).collect::<Result<_, _>>()?,
        })
    }
}

fn rule(file: AllowFile) -> Result<Rule, Fault> {
    if file.port == 0 {
        return Err(bad("firewall.allow", "0 is not a port").fix("Choose one from 1 to 65535."));
    }
    Ok(Rule {
        proto: match file.proto {
            ProtoFile::Tcp => Proto::Tcp,
            ProtoFile::Udp => Proto::Udp,
        },
        port: file.port,
        from: file.from.map(|from| shortest(&from)).transpose()?,
        purpose: "kit.toml".into(),
        limit: false,
    })
}

/// An address or a network in the form of UFW: a single address has no length.
fn shortest(text: &str) -> Result<String, Fault> {
    let refused = |why: &str| {
        bad("firewall.allow", format!("from: `{text}` {why}"))
            .fix("Write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32.")
    };
    let (base, _) = text.split_once('/').unwrap_or((text, ""));
    base.parse::<IpAddr>()
        .map_err(|_| refused("is neither an address nor a network"))?;
    let network = network::parse(text)
        .filter(|network| network.prefix_len() > 0)
        .ok_or_else(|| refused("has an invalid prefix length"))?;
    if network != network.trunc() {
        return Err(refused("names a host inside a network"));
    }
    Ok(match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    })
}
