//! From `kit.toml` to settings in which every required value is present.

mod caddy;
mod chain;
mod described;
mod edit;
mod encoding;
mod env;
mod exposure;
mod file;
mod firewall;
mod flags;
mod hardening;
mod l1;
mod mistake;
mod model;
mod monitoring;
mod ports;
mod registry;
mod roles;
mod shown;
mod tables;
#[cfg(test)]
mod tests;
mod url;
mod values;

use provision::Fault;

use self::url::{Client, urls};
use crate::data::Releases;
use crate::names::{Port, Role, port};
use described::Described;
use model::usual_release;
use values::{address, bad, data_dir};

pub use self::url::Endpoint;
pub(crate) use self::url::{is_bad_port, with_one_slash};
pub use caddy::Caddy;
pub use chain::{ApiKey, Chain, Live, Local};
pub use edit::{Asked, edited};
pub use file::KitFile;
pub use firewall::Firewall;
pub use flags::{FEATURES, Flag, Takes, flags};
pub use hardening::Hardening;
pub use model::{NO_TRACES, Settings};
pub use monitoring::{Monitoring, Stack};
pub use ports::Ports;
pub(crate) use shown::shown;

impl Settings {
    /// Reads and checks the text of `kit.toml`, with the releases that aztec-kit carries; pure.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse_with(text, &Releases::carried())
    }

    /// Reads and checks the text of `kit.toml`; pure.
    pub fn parse_with(text: &str, releases: &Releases) -> Result<Self, Fault> {
        Self::from_file(env::adopted(file::parse(text)?), releases)
    }

    fn from_file(file: KitFile, releases: &Releases) -> Result<Self, Fault> {
        let network_name = file.network.unwrap_or_else(|| "local".into());
        for (name, network) in &file.networks {
            url::check_stores(name, network)?;
        }
        let described = Described::new(file.networks, file.releases, releases)?;
        let network = described.network(&network_name)?;
        let usual = usual_release(&network, file.rollup);
        let Some(version) = file.release.as_ref().or(usual).cloned() else {
            return Err(bad(
                "release",
                format!("the release of {network_name} is not known in advance"),
            )
            .fix("Name the release that it runs today with `--release`. `aztec-kit release list` shows the known ones."));
        };
        let release = described.release(&version)?;
        described::check_pair(&network_name, &network, &release)?;
        let mut ports = file.ports;
        if let Some(port) = file.p2p.port {
            ports.set(&port::P2P, port);
        }
        let chain = l1::chain(&file.l1, file.rollup, file.standby, &network_name, &ports)?;
        let local = matches!(chain, Chain::Local(_));
        let table = |role| file.roles.get(&role);
        let on = |role: &Role| {
            let table = table(*role).and_then(|file| file.enabled);
            table.unwrap_or(role.by_default())
        };
        let broker = table(Role::ProverAgent).and_then(|file| file.broker_url.clone());
        let broker = urls("prover_agent.broker_url", broker.as_slice(), Client::Broker)?.pop();
        let agents = [Role::Prover, Role::ProverAgent];
        let agents = agents.map(|role| table(role).and_then(|file| file.agents));
        let settings = Self {
            chain,
            network,
            release,
            releases: releases.clone(),
            runtime: file.runtime,
            data_dir: data_dir(file.data_dir.unwrap_or_else(|| "/var/lib/aztec".into()))?,
            p2p_ip: file.p2p.ip.map(|ip| address(&ip)).transpose()?,
            ports,
            roles: Role::all().filter(on).collect(),
            broker_url: broker,
            agents: agents.into_iter().flatten().next(),
            caddy: Caddy::from_file(file.caddy, local)?,
            hardening: Hardening::from_file(file.hardening)?,
            monitoring: monitoring::read(file.monitoring)?,
            firewall: Firewall::from_file(file.firewall)?,
            env: file.env,
            only_signer: false,
            network_name,
        };
        settings.check_roles()?;
        settings.check_release()?;
        settings.check_blobs()?;
        settings.check_ports()?;
        settings.check_firewall()?;
        settings.check_env()?;
        settings.check_telemetry()?;
        Ok(settings)
    }

    /// The number of a port of this host.
    pub fn port(&self, port: &Port) -> u16 {
        self.ports.of(port)
    }

    fn check_blobs(&self) -> Result<(), Fault> {
        let Some(live) = self.live() else {
            return Ok(());
        };
        if !live.consensus_urls.is_empty() || !self.network.blobs.is_empty() {
            return Ok(());
        }
        Err(bad(
            "l1.consensus_urls",
            format!("{} needs an Ethereum consensus endpoint", self.network_name),
        )
        .fix(
            "Name at least one with `--l1-consensus-urls https://…`. The node gets blobs from it.",
        ))
    }
}
