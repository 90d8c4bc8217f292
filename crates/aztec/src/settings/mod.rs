//! From `kit.toml` to settings in which nothing is optional that must be there.

mod caddy;
mod described;
mod edit;
mod encoding;
mod env;
mod exposure;
mod file;
mod firewall;
mod hardening;
mod l1;
mod mistake;
mod model;
mod monitoring;
mod ports;
mod registry;
mod roles;
mod shown;
#[cfg(test)]
mod tests;
mod url;
mod values;

use provision::Fault;

use self::url::{Asker, urls};
use crate::data::Releases;
use described::Described;
use l1::L1;
use model::usual_release;
use values::{address, bad, data_dir};

pub use self::url::Endpoint;
pub(crate) use self::url::{is_bad_port, with_one_slash};
pub use caddy::Caddy;
pub use edit::{Asked, edited};
pub use file::KitFile;
pub use firewall::Firewall;
pub use hardening::Hardening;
pub use l1::ApiKey;
pub use model::{NO_TRACES, Settings};
pub use monitoring::{Monitoring, Stack};
pub use ports::{Ports, on_loopback};
pub(crate) use shown::shown;

impl Settings {
    /// Reads and checks the text of `kit.toml`, with the releases that this program carries; pure.
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
            .fix("Name the one it runs today with `--release`; `aztec-kit release list` shows which are known."));
        };
        let release = described.release(&version)?;
        described::check_pair(&network_name, &network, &release)?;
        let local = network_name == "local";
        let mut ports = file.ports;
        ports.p2p = file.p2p.port.unwrap_or(ports.p2p);
        let l1 = L1::read(&file.l1, &network_name, ports.l1)?;
        let on = |role: &file::RoleFile, default| role.enabled.unwrap_or(default);
        let broker = urls(
            "prover_agent.broker_url",
            file.prover_agent.broker_url.as_slice(),
            Asker::Broker,
        )?
        .pop();
        let settings = Self {
            l1_rpc_urls: l1.rpc_urls,
            l1_consensus_urls: l1.consensus_urls,
            l1_consensus_keys: l1.consensus_keys,
            l1_debug_urls: l1.debug_urls,
            network,
            release,
            releases: releases.clone(),
            rollup: file.rollup,
            standby: file.standby,
            runtime: file.runtime,
            data_dir: data_dir(file.data_dir.unwrap_or_else(|| "/var/lib/aztec".into()))?,
            p2p_ip: file.p2p.ip.map(|ip| address(&ip)).transpose()?,
            ports,
            node: on(&file.node, true),
            sequencer: on(&file.sequencer, false),
            prover: file.prover.enabled.unwrap_or(false),
            prover_agent: file.prover_agent.enabled.unwrap_or(false),
            broker_url: broker,
            agents: file.prover.agents.or(file.prover_agent.agents),
            bootnode: on(&file.bootnode, false),
            archiver: on(&file.archiver, false),
            pxe: on(&file.pxe, false),
            txe: on(&file.txe, false),
            bot: on(&file.bot, false),
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
        settings.check_rollup()?;
        settings.check_consensus()?;
        settings.check_ports()?;
        settings.check_firewall()?;
        settings.check_env()?;
        settings.check_telemetry()?;
        Ok(settings)
    }

    fn check_rollup(&self) -> Result<(), Fault> {
        let what = match self.rollup {
            Some(0) => "no rollup has the version 0",
            Some(_) if self.is_local() => "a local network has one rollup, its own",
            _ => return Ok(()),
        };
        Err(bad("rollup", what).fix("Leave it out: the canonical rollup is then followed."))
    }

    fn check_consensus(&self) -> Result<(), Fault> {
        let blobs = !self.l1_consensus_urls.is_empty() || !self.network.blobs.is_empty();
        if self.is_local() || blobs {
            return Ok(());
        }
        Err(bad(
            "l1.consensus_urls",
            format!("{} needs an Ethereum consensus endpoint", self.network_name),
        )
        .fix("Name at least one with `--l1-consensus-urls https://…`: blobs come from there."))
    }
}
