//! `[caddy]`: a TLS proxy in front of the node's RPC.

use provision::Fault;
use serde::Deserialize;
use url::Host;

use super::values::{bad, mail_address};

/// `[caddy]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaddyFile {
    /// Whether there is a proxy.
    pub enabled: Option<bool>,
    /// Host name of the certificate.
    pub domain: Option<String>,
    /// Contact address for the certificate authority.
    pub email: Option<String>,
    /// More JSON-RPC methods than those of `data/public-methods.toml`.
    pub methods: Vec<String>,
    /// Whether the operator's own Caddyfile stays in use and imports our site.
    pub import: bool,
}

/// The configured proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caddy {
    /// Host name of the certificate.
    pub domain: String,
    /// Contact address for the certificate authority.
    pub email: Option<String>,
    /// More JSON-RPC methods.
    pub methods: Vec<String>,
    /// Whether the operator's own Caddyfile stays in use.
    pub import: bool,
}

impl Caddy {
    /// The proxy of the file; `None` if there is none. A local network does not need a public name.
    pub(super) fn from_file(file: CaddyFile, local: bool) -> Result<Option<Self>, Fault> {
        if !file.enabled.unwrap_or(false) {
            return Ok(None);
        }
        let domain = match file.domain {
            Some(domain) => domain,
            None if local => "localhost".into(),
            None => {
                return Err(bad("caddy.domain", "a certificate needs a host name")
                    .fix("Name one that points to this host with `--domain rpc.example.org`."));
            }
        };
        host_name(&domain, local)?;
        if let Some(email) = &file.email {
            mailbox(email)?;
        }
        for method in &file.methods {
            name(method)?;
        }
        Ok(Some(Self {
            domain,
            email: file.email,
            methods: file.methods,
            import: file.import,
        }))
    }
}

fn host_name(text: &str, local: bool) -> Result<(), Fault> {
    let refused = |why: &str| {
        bad("caddy.domain", format!("`{text}` {why}"))
            .fix("Write a host name that points to this host, for example rpc.example.org.")
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let labels = |text: &str| {
        text.split('.').all(|label| {
            (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        })
    };
    match Host::parse(text) {
        Ok(Host::Domain(_)) if text.chars().all(plain) && labels(text) && text.len() <= 253 => {}
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) if local => return Ok(()),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
            return Err(refused(
                "is an address, and public authorities certify names only",
            ));
        }
        _ => return Err(refused("is not a host name")),
    }
    if !local && (!text.contains('.') || text.ends_with(".local")) {
        return Err(refused(
            "is not a public name, so no authority will certify it",
        ));
    }
    Ok(())
}

fn mailbox(text: &str) -> Result<(), Fault> {
    let plain = |c: char| c.is_ascii_graphic() && !"{}\"`\\".contains(c);
    let public = |(_, host): (&str, &str)| host.contains('.') && Host::parse(host).is_ok();
    if mail_address(text).is_some_and(public) && text.chars().all(plain) {
        return Ok(());
    }
    Err(
        bad("caddy.email", format!("`{text}` is not a mail address"))
            .fix("Write it as ops@example.org, or remove caddy.email."),
    )
}

fn name(text: &str) -> Result<(), Fault> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let admin = text.to_ascii_lowercase().contains("admin_");
    if admin {
        return Err(bad(
            "caddy.methods",
            format!("`{text}` belongs to the admin API, which is never proxied"),
        )
        .fix("Reach the admin port through an SSH tunnel."));
    }
    if text.contains('_') && text.chars().all(word) {
        return Ok(());
    }
    Err(bad(
        "caddy.methods",
        format!("`{text}` is not a JSON-RPC method"),
    )
    .fix("Write it with its namespace, for example node_getPendingTxs."))
}
