//! Flags and commands. Names and exit codes are a contract with other people's tools.

use std::net::IpAddr;

use aztec::settings::{Asked, Settings};
use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::commands::keys::KeysArgs;
use crate::exit::Failure;
use crate::urls;

/// Turns this server into a running Aztec node, keeps it so, and tells you the truth about it.
///
/// A run looks first and changes only what differs; a second run changes nothing. Keys are made once and
/// never replaced. After a crash or a kill, run the same command again.
#[derive(Debug, Parser)]
#[command(name = "aztec-kit", version, after_help = EXIT_CODES)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 success or in sync; 1 failed; 2 bad usage or configuration, nothing touched;
3 changes pending (plan --check); 4 applied in part, run it again to go on.
Standard output carries the result, standard error everything else.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write what is asked into /etc/aztec/kit.toml and make this host so
    Setup(SetupArgs),
    /// The same, with what a server needs besides its node, and a look at its L1 at the end
    Bootstrap(SetupArgs),
    /// Show what `apply` would change; changes nothing
    Plan(PlanArgs),
    /// Make this host what /etc/aztec/kit.toml says
    Apply(ApplyArgs),
    /// Check whether this host can become what is asked; changes nothing
    Preflight(PreflightArgs),
    /// Check whether the node really works: both chains must be seen to advance
    Smoke(SmokeArgs),
    /// Show services, chains and what is pending
    Status(JsonArgs),
    /// Keep the changes that would otherwise be taken back, because they could have cut you off
    Confirm,
    /// Take back what nobody confirmed; run by systemd when the time is over
    #[command(hide = true)]
    TakeBack(TakeBackArgs),
    /// Start the services
    Start,
    /// Stop the services, the node before its L1
    Stop,
    /// Show the journal of the services
    Logs(LogsArgs),
    /// Say what the journal complains of, what it means, and what to do
    Explain(ExplainArgs),
    /// Make, bring in, show and check validator keys
    Keys(KeysArgs),
    /// Show which releases are known, and check a description of one
    Release(ReleaseArgs),
    /// Try whom the alerts of this host reach
    Alert(AlertArgs),
    /// Print what Aztec does not push, for Prometheus: endpoints, balances, validators; run by its unit
    Metrics,
    /// Take the metrics that Aztec pushes, for Prometheus to get them; run by its unit
    Collect(CollectArgs),
    /// Show the L1 of a local network as one with a Beacon API, for an archiver; run by its unit
    Beacon(BeaconArgs),
    /// Stop looking after a resource, for example a key that is lost for good
    Forget(ForgetArgs),
}

impl Command {
    /// Whether the result is wanted for machines.
    pub fn json(&self) -> bool {
        match self {
            Self::Setup(args) | Self::Bootstrap(args) => args.changing.json,
            Self::Plan(args) => args.json,
            Self::Apply(args) => args.changing.json,
            Self::Preflight(args) => args.json,
            Self::Smoke(args) => args.json,
            Self::Status(args) => args.json,
            Self::Explain(args) => args.json,
            Self::Keys(args) => args.json(),
            Self::Release(args) => args.json(),
            Self::Alert(AlertArgs {
                command: AlertCommand::Test(args),
            }) => args.json,
            Self::Confirm
            | Self::TakeBack(_)
            | Self::Start
            | Self::Stop
            | Self::Logs(_)
            | Self::Collect(_)
            | Self::Beacon(_)
            | Self::Metrics
            | Self::Forget(_) => false,
        }
    }
}

/// What this host shall be.
#[derive(Debug, ClapArgs)]
pub struct Wanted {
    /// The network to join; `local` makes one of its own [local, devnet, testnet, mainnet]
    #[arg(long, value_name = "NAME", env = "AZTEC_NETWORK")]
    network: Option<String>,
    /// Version of the node, when not the one that the network runs
    #[arg(long, value_name = "VERSION", env = "AZTEC_RELEASE")]
    release: Option<String>,
    /// Follow this older rollup, by its version, and not the canonical one
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    rollup: Option<u64>,
    /// Run a release that fits no rollup yet, to wait for its own
    #[arg(long)]
    standby: bool,
    /// How the node runs [native, container] [default: native where release and host allow it]
    #[arg(long, value_name = "HOW", env = "AZTEC_RUNTIME")]
    runtime: Option<String>,
    /// Propose and attest, not only follow
    #[arg(long)]
    with_sequencer: bool,
    /// Prove: broker, prover node and agents on this host
    #[arg(long)]
    with_prover: bool,
    /// Run prover agents for a broker elsewhere; needs --broker-url
    #[arg(long)]
    with_prover_agent: bool,
    /// Where that broker is
    #[arg(
        long,
        value_name = "URL",
        env = "PROVER_BROKER_URL",
        hide_env_values = true
    )]
    broker_url: Option<String>,
    /// Run a bootnode
    #[arg(long)]
    with_bootnode: bool,
    /// Run a standalone archiver (4.x)
    #[arg(long)]
    with_archiver: bool,
    /// Run a PXE server; refused, because no release has one
    #[arg(long)]
    with_pxe: bool,
    /// Run the test environment for contracts
    #[arg(long)]
    with_txe: bool,
    /// Run a bot that sends transactions, for test networks
    #[arg(long)]
    with_bot: bool,
    /// Close this host but for SSH and peers (UFW)
    #[arg(long)]
    with_firewall: bool,
    /// Put a TLS proxy (Caddy) in front of the node's RPC; needs --domain
    #[arg(long)]
    with_caddy: bool,
    /// Host name of the proxy's certificate
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Mail address that the certificate authority is told
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Harden this host: SSH by key only, bans, security upgrades, clock, integrity, audit, kernel settings
    #[arg(long)]
    with_hardening: bool,
    /// Watch this host and the node, and send alerts
    #[arg(long)]
    with_monitoring: bool,
    /// Ethereum execution endpoints, in order of preference; @FILE or - (standard input) reads them
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        env = "L1_RPC_URLS",
        hide_env_values = true
    )]
    l1_rpc_urls: Vec<String>,
    /// Ethereum consensus endpoints, in order of preference; @FILE or - reads them
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        env = "L1_CONSENSUS_URLS",
        hide_env_values = true
    )]
    l1_consensus_urls: Vec<String>,
    /// Ethereum endpoints that trace transactions, when others than the execution endpoints; @FILE or - reads them
    #[arg(
        long,
        value_name = "URL",
        value_delimiter = ',',
        env = "L1_DEBUG_URLS",
        hide_env_values = true
    )]
    l1_debug_urls: Vec<String>,
    /// The public address of this host
    #[arg(long, value_name = "IP", env = "P2P_IP")]
    p2p_ip: Option<String>,
    /// Where databases live [default: /var/lib/aztec]
    #[arg(long, value_name = "DIR", env = "AZTEC_DATA_DIR")]
    data_dir: Option<String>,
}

impl Wanted {
    /// Whether anything was asked for besides roles.
    pub fn asks_features(&self) -> bool {
        self.features().next().is_some()
    }

    /// What the host has besides its roles, by its table.
    fn features(&self) -> impl Iterator<Item = &'static str> {
        let features = [
            (self.with_firewall, "firewall"),
            (self.with_caddy, "caddy"),
            (self.with_hardening, "hardening"),
            (self.with_monitoring, "monitoring"),
        ];
        let asked = features.into_iter().filter(|(asked, _)| *asked);
        asked.map(|(_, table)| table)
    }

    /// The same for the adapter; `ssh_client`: who is connected by SSH and asks for it.
    ///
    /// # Errors
    ///
    /// When URLs are to be read from somewhere, and cannot be.
    pub fn asked(&self, ssh_client: Option<IpAddr>) -> Result<Asked, Failure> {
        let roles = [
            (self.with_sequencer, "sequencer"),
            (self.with_prover, "prover"),
            (self.with_prover_agent, "prover_agent"),
            (self.with_bootnode, "bootnode"),
            (self.with_archiver, "archiver"),
            (self.with_pxe, "pxe"),
            (self.with_txe, "txe"),
            (self.with_bot, "bot"),
        ];
        let asked = roles.iter().filter(|(asked, _)| *asked);
        Ok(Asked {
            network: self.network.clone(),
            release: self.release.clone(),
            rollup: self.rollup,
            standby: self.standby,
            runtime: self.runtime.clone(),
            data_dir: self.data_dir.clone(),
            l1_rpc_urls: urls::given("l1-rpc-urls", &self.l1_rpc_urls)?,
            l1_consensus_urls: urls::given("l1-consensus-urls", &self.l1_consensus_urls)?,
            l1_debug_urls: urls::given("l1-debug-urls", &self.l1_debug_urls)?,
            p2p_ip: self.p2p_ip.clone(),
            roles: asked.map(|(_, table)| *table).collect(),
            features: self.features().collect(),
            domain: self.domain.clone(),
            email: self.email.clone(),
            ssh_client,
            broker_url: self.broker_url.as_deref().map(Into::into),
        })
    }
}

/// Flags of every verb that changes the host.
#[derive(Debug, ClapArgs)]
pub struct Changing {
    /// How long to wait for the chain afterwards; 0 does not wait, nor judge [default: until it goes on]
    #[arg(long, value_name = "SECONDS")]
    pub patience: Option<u64>,
    /// Do not ask; without a terminal to ask at, nothing is changed but with this
    #[arg(long, short)]
    pub yes: bool,
    /// Keep what could cut you off (firewall, SSH) without `aztec-kit confirm`: you have another way in
    #[arg(long)]
    pub confirm: bool,
    /// How long such a change waits for `aztec-kit confirm` before it is taken back
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..=86400)
    )]
    pub confirm_within: u64,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `take-back`.
#[derive(Debug, ClapArgs)]
pub struct TakeBackArgs {
    /// The time is over: wait for the run that made the change, and do nothing if it has begun the time anew
    #[arg(long)]
    pub due: bool,
}

/// What the operator vouches for, in this run alone.
#[derive(Debug, Clone, Copy, Default, ClapArgs)]
pub struct Vouched {
    /// Nothing else signs with the keys of this host: you made sure (for this run, never remembered)
    #[arg(long)]
    pub only_signer: bool,
}

impl Vouched {
    /// The settings of the file, with what is said besides.
    pub fn for_this_run(self, settings: Settings) -> Settings {
        Settings {
            only_signer: self.only_signer,
            ..settings
        }
    }
}

/// Flags of `setup`.
#[derive(Debug, ClapArgs)]
pub struct SetupArgs {
    #[command(flatten)]
    pub wanted: Wanted,
    #[command(flatten)]
    pub vouched: Vouched,
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `plan`.
#[derive(Debug, ClapArgs)]
pub struct PlanArgs {
    /// Exit with 3 when there is anything to change
    #[arg(long)]
    pub check: bool,
    /// Show what is in sync too, and why
    #[arg(long, short)]
    pub verbose: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `apply`.
#[derive(Debug, ClapArgs)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub vouched: Vouched,
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `preflight`.
#[derive(Debug, ClapArgs)]
pub struct PreflightArgs {
    #[command(flatten)]
    pub wanted: Wanted,
    #[command(flatten)]
    pub vouched: Vouched,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `smoke`.
#[derive(Debug, ClapArgs)]
pub struct SmokeArgs {
    /// How long both chains may take to advance [default: two and a half slots]
    #[arg(long, value_name = "SECONDS")]
    pub patience: Option<u64>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of commands that only print.
#[derive(Debug, ClapArgs)]
pub struct JsonArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `logs`.
#[derive(Debug, ClapArgs)]
pub struct LogsArgs {
    /// Go on with what comes
    #[arg(long, short)]
    pub follow: bool,
    /// How many lines from before
    #[arg(long, short = 'n', default_value_t = 50)]
    pub lines: u32,
    /// Only this unit, for example aztec-l1
    pub unit: Option<String>,
}

/// Flags of `explain`.
#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// How many lines of each service are read
    #[arg(long, short = 'n', default_value_t = 2000)]
    pub lines: u32,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Only this unit, for example aztec-l1
    pub unit: Option<String>,
}

/// Flags of `release`.
#[derive(Debug, ClapArgs)]
pub struct ReleaseArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ReleaseCommand,
}

impl ReleaseArgs {
    fn json(&self) -> bool {
        match &self.command {
            ReleaseCommand::List(args) => args.json,
            ReleaseCommand::Check(args) => args.json,
        }
    }
}

/// What to do with releases.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Show every release that is known: installed, running, and whether it fits the network
    List(JsonArgs),
    /// Check the directory of a release, such as /etc/aztec/releases/6.9.9
    Check(ReleaseCheckArgs),
}

/// Flags of `release check`.
#[derive(Debug, ClapArgs)]
pub struct ReleaseCheckArgs {
    /// The directory, named like the version
    pub dir: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Flags of `alert`.
#[derive(Debug, ClapArgs)]
pub struct AlertArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AlertCommand,
}

/// What to do about alerts.
#[derive(Debug, Subcommand)]
pub enum AlertCommand {
    /// Send an alert that means nothing, and tell who got it
    Test(JsonArgs),
}

/// Flags of `collect`.
#[derive(Debug, ClapArgs)]
pub struct CollectArgs {
    /// Where to listen, on loopback: OTLP in JSON comes in at /v1/metrics, text goes out at /metrics
    #[arg(long, value_name = "PORT", default_value_t = 4318)]
    pub port: u16,
}

/// Flags of `beacon`.
#[derive(Debug, ClapArgs)]
pub struct BeaconArgs {
    /// Where to listen, on loopback: JSON-RPC at /, the Beacon API at /eth/v1/beacon
    #[arg(long, value_name = "PORT", default_value_t = 5052)]
    pub port: u16,
    /// Where that L1 listens, on loopback
    #[arg(long, value_name = "PORT", default_value_t = 8545)]
    pub l1_port: u16,
}

/// Flags of `forget`.
#[derive(Debug, ClapArgs)]
pub struct ForgetArgs {
    /// As shown by `plan --verbose`, for example 'secret[/etc/aztec/admin-api-key]'
    pub id: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }
}
