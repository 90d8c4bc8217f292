//! `[firewall]`: who may connect to this host.

use std::net::IpAddr;

use provision::Fault;
use provision::kinds::{Proto, Rule};
use serde::Deserialize;

use super::values::bad;

/// `[firewall]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirewallFile {
    /// Whether there is a firewall.
    pub enabled: Option<bool>,
    /// Whether private ports are closed to other hosts, firewall or not; yes by default.
    pub close_private_ports: Option<bool>,
    /// What may come in besides SSH and peers.
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
    /// Whether UFW closes the whole host; otherwise that is left to others.
    pub enabled: bool,
    /// Whether ports that are for this host alone are closed to others, with UFW or without.
    pub close_private_ports: bool,
    /// What may come in besides SSH and peers.
    pub allow: Vec<Rule>,
}

impl Firewall {
    /// What the file means.
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
        from: file.from.map(|from| network(&from)).transpose()?,
        purpose: "kit.toml".into(),
        limit: false,
    })
}

/// An address or a network in the form that UFW gives it: no length where it is one address.
fn network(text: &str) -> Result<String, Fault> {
    let refused = |why: &str| {
        bad("firewall.allow", format!("from: `{text}` {why}"))
            .fix("Write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32.")
    };
    let (base, bits) = match text.split_once('/') {
        Some((base, bits)) => (base, Some(bits)),
        None => (text, None),
    };
    let base: IpAddr = base
        .parse()
        .map_err(|_| refused("is neither an address nor a network"))?;
    let (value, width) = match base {
        IpAddr::V4(base) => (u128::from(u32::from(base)), 32),
        IpAddr::V6(base) => (u128::from(base), 128),
    };
    let Some(bits) = bits else {
        return Ok(base.to_string());
    };
    let bits = bits
        .parse::<u32>()
        .ok()
        .filter(|bits| (1..=width).contains(bits))
        .ok_or_else(|| refused("has a length that no network has"))?;
    if bits == width {
        return Ok(base.to_string());
    }
    if value.trailing_zeros() < width - bits {
        return Err(refused("names an address in a network"));
    }
    Ok(format!("{base}/{bits}"))
}
