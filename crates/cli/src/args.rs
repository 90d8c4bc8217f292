//! Flags and commands. Names and exit codes are a contract with other people's tools.

use aztec::settings::Settings;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::commands::keys::KeysArgs;
use crate::wanted::Wanted;

/// Turns this server into a running Aztec node, keeps it so, and tells you the truth about it.
///
/// A run looks first and changes only what differs; a second run changes nothing. Keys are made once and
/// never replaced. After a crash or a kill, run the same command again.
#[derive(Debug, Parser)]
#[command(name = "aztec-kit", version, after_help = EXIT_CODES)]
pub struct Args {
    /// How it is said.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// Whether the result is wanted for machines.
    pub fn json(&self) -> bool {
        self.output.json || self.command.is_for_machines()
    }
}

/// Flags of every verb.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct OutputArgs {
    /// Print a JSON document; `logs` prints one in each line
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// How progress is told: auto, plain (no spinner), or json (a document in each line)
    #[arg(
        long,
        global = true,
        display_order = 901,
        value_name = "HOW",
        value_enum,
        default_value = "auto",
        hide_possible_values = true
    )]
    pub progress: Telling,
}

/// How standard error tells what is being done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Telling {
    /// A spinner on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// Plain lines.
    Plain,
    /// A JSON document in each line.
    Json,
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
    Status,
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
    Keys(Box<KeysArgs>),
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
    /// Whether its result is a JSON document anyway.
    fn is_for_machines(&self) -> bool {
        matches!(self, Self::Keys(args) if args.is_for_machines())
    }

    /// Whether its result can be one: those that systemd runs have none, or one in a form of others.
    pub fn has_documents(&self) -> bool {
        !matches!(
            self,
            Self::TakeBack(_) | Self::Metrics | Self::Collect(_) | Self::Beacon(_)
        )
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
}

/// Flags of `smoke`.
#[derive(Debug, ClapArgs)]
pub struct SmokeArgs {
    /// How long both chains may take to advance [default: two and a half slots]
    #[arg(long, value_name = "SECONDS")]
    pub patience: Option<u64>,
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

/// What to do with releases.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Show every release that is known: installed, running, and whether it fits the network
    List,
    /// Check the directory of a release, such as /etc/aztec/releases/6.9.9
    Check(ReleaseCheckArgs),
}

/// Flags of `release check`.
#[derive(Debug, ClapArgs)]
pub struct ReleaseCheckArgs {
    /// The directory, named like the version
    pub dir: String,
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
    Test,
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
