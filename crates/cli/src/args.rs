//! Flags and commands. Their names and the exit codes are a contract with other tools.

pub mod keys;

use aztec::settings::Settings;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::config_flags::ConfigFlags;
use crate::progress::ProgressFormat;
use keys::KeysArgs;

/// Turns a Debian or Ubuntu server into a running, hardened, monitored Aztec node, and keeps it that way.
///
/// Every run observes the host first and changes only what has drifted; a second run changes nothing. Keys are
/// created once and never replaced. After a crash or a kill, run the same command again.
#[derive(Debug, Parser)]
#[command(name = "aztec-kit", version, after_help = EXIT_CODES)]
pub struct Args {
    /// How the result and progress are printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// Whether the result is a JSON document.
    pub fn json(&self) -> bool {
        self.output.json || self.command.is_for_machines()
    }
}

/// Flags of every verb.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct OutputArgs {
    /// Print the result as a JSON document (`logs`: one per line)
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// How to report progress: auto, plain (no spinner), or json (one document per line)
    #[arg(
        long,
        global = true,
        display_order = 901,
        value_name = "HOW",
        value_enum,
        default_value = "auto",
        hide_possible_values = true
    )]
    pub progress: ProgressFormat,
}

const EXIT_CODES: &str = "\
Exit codes: 0 success or in sync; 1 failed; 2 bad usage or configuration, nothing changed;
3 changes pending (plan --check); 4 partially applied, run it again to continue.
Results go to standard output, everything else to standard error.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the given flags to /etc/aztec/kit.toml and converge this host to it
    Setup(SetupArgs),
    /// Like setup, then check that the L1 endpoints work
    Bootstrap(SetupArgs),
    /// Show what `apply` would change; changes nothing
    Plan(PlanArgs),
    /// Converge this host to /etc/aztec/kit.toml
    Apply(ApplyArgs),
    /// Check whether this host can run the configuration; changes nothing
    Preflight(PreflightArgs),
    /// Check that the node works: both chains must advance
    Smoke(SmokeArgs),
    /// Show services, chains and pending changes
    Status,
    /// Confirm changes that are otherwise rolled back because they could lock you out
    Confirm,
    /// Roll back unconfirmed changes; run by systemd when the time is up
    // Timers of earlier versions call the command by this name.
    #[command(hide = true, name = "take-back")]
    RollBack(RollBackArgs),
    /// Start the services
    Start,
    /// Stop the services, the node before its L1
    Stop,
    /// Show the journal of the services
    Logs(LogsArgs),
    /// Explain the errors in the journal and how to fix them
    Explain(ExplainArgs),
    /// Create, import, list, check and export validator keys
    Keys(Box<KeysArgs>),
    /// Run every check, and show what to repair first, with its consequences
    Doctor(DoctorArgs),
    /// List every check, with what it looks at and when it passes
    Checks(ChecksArgs),
    /// List the known releases, or check a release directory
    Release(ReleaseArgs),
    /// Test the alert receivers of this host
    Alert(AlertArgs),
    /// Print the metrics that Aztec does not push (endpoints, balances, validators); run by its unit
    Metrics,
    /// Receive the metrics that Aztec pushes and serve them to Prometheus; run by its unit
    Collect(CollectArgs),
    /// Serve the L1 of a local network with a Beacon API, for an archiver; run by its unit
    Beacon(BeaconArgs),
    /// Stop managing a resource, for example a key that is lost for good
    Forget(ForgetArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the man page of aztec-kit or of a command
    Man(ManArgs),
}

impl Command {
    /// Whether its result is always a JSON document.
    fn is_for_machines(&self) -> bool {
        matches!(self, Self::Keys(args) if args.is_for_machines())
    }

    /// Whether its result can be a JSON document. Verbs that systemd runs print none, or one in a foreign format.
    pub fn has_documents(&self) -> bool {
        !matches!(
            self,
            Self::RollBack(_)
                | Self::Metrics
                | Self::Collect(_)
                | Self::Beacon(_)
                | Self::Completions(_)
                | Self::Man(_)
        )
    }
}

/// Flags of every verb that changes the host.
#[derive(Debug, ClapArgs)]
pub struct Changing {
    /// How long to wait for the chain to advance; 0 skips the check [default: long enough for a working node]
    #[arg(long, value_name = "SECONDS")]
    pub patience: Option<u64>,
    /// Apply without asking; required when there is no terminal
    #[arg(long, short)]
    pub yes: bool,
    /// Keep changes that could lock you out (firewall, SSH) without `aztec-kit confirm`: you have another way in
    #[arg(long)]
    pub confirm: bool,
    /// How long such a change waits for `aztec-kit confirm` before it is rolled back
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
pub struct RollBackArgs {
    /// The time is up: wait for the run that made the change, and do nothing if it restarted the timer
    #[arg(long)]
    pub due: bool,
}

/// Assertions of the operator, for this run only.
#[derive(Debug, Clone, Copy, Default, ClapArgs)]
pub struct Assertions {
    /// Assert that nothing else signs with the keys of this host (for this run only, never stored)
    #[arg(long)]
    pub only_signer: bool,
}

impl Assertions {
    /// The settings of the file, with these assertions.
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
    pub config: ConfigFlags,
    #[command(flatten)]
    pub assertions: Assertions,
    /// Show the plan and exit; changes nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `plan`.
#[derive(Debug, ClapArgs)]
pub struct PlanArgs {
    /// Exit with 3 if there are changes
    #[arg(long)]
    pub check: bool,
    /// Also show what is in sync, and why
    #[arg(long, short)]
    pub verbose: bool,
}

/// Flags of `apply`.
#[derive(Debug, ClapArgs)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub assertions: Assertions,
    #[command(flatten)]
    pub changing: Changing,
}

/// Flags of `preflight`.
#[derive(Debug, ClapArgs)]
pub struct PreflightArgs {
    #[command(flatten)]
    pub config: ConfigFlags,
    #[command(flatten)]
    pub assertions: Assertions,
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
    /// Follow new entries
    #[arg(long, short)]
    pub follow: bool,
    /// Number of past lines
    #[arg(long, short = 'n', default_value_t = 50)]
    pub lines: u32,
    /// Only this unit, for example aztec-l1
    pub unit: Option<String>,
}

/// Flags of `explain`.
#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// Number of lines to read from each service
    #[arg(long, short = 'n', default_value_t = 2000)]
    pub lines: u32,
    /// Only this unit, for example aztec-l1
    pub unit: Option<String>,
}

/// Flags of `doctor`.
#[derive(Debug, ClapArgs)]
pub struct DoctorArgs {
    /// Print a support bundle for others instead: JSON without keys, URLs, addresses and names of hosts
    #[arg(long)]
    pub bundle: bool,
}

/// Flags of `checks`.
#[derive(Debug, ClapArgs)]
pub struct ChecksArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ChecksCommand,
}

/// What to do with checks.
#[derive(Debug, Subcommand)]
pub enum ChecksCommand {
    /// List every check: its id, what it looks at, and what is true when it passes
    List,
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
    /// List every known release: installed, running, and whether it fits the network
    List,
    /// Check a release directory, for example /etc/aztec/releases/6.9.9
    Check(ReleaseCheckArgs),
}

/// Flags of `release check`.
#[derive(Debug, ClapArgs)]
pub struct ReleaseCheckArgs {
    /// The directory, named after the version
    pub dir: String,
}

/// Flags of `alert`.
#[derive(Debug, ClapArgs)]
pub struct AlertArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AlertCommand,
}

/// What to do with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertCommand {
    /// Send a test alert and report which receivers accepted it
    Test,
}

/// Flags of `collect`.
#[derive(Debug, ClapArgs)]
pub struct CollectArgs {
    /// Port on loopback: receives OTLP in JSON at /v1/metrics, serves text at /metrics
    #[arg(long, value_name = "PORT", default_value_t = 4318)]
    pub port: u16,
}

/// Flags of `beacon`.
#[derive(Debug, ClapArgs)]
pub struct BeaconArgs {
    /// Port on loopback: JSON-RPC at /, the Beacon API at /eth/v1/beacon
    #[arg(long, value_name = "PORT", default_value_t = 5052)]
    pub port: u16,
    /// Port of the L1 on loopback
    #[arg(long, value_name = "PORT", default_value_t = 8545)]
    pub l1_port: u16,
}

/// Flags of `forget`.
#[derive(Debug, ClapArgs)]
pub struct ForgetArgs {
    /// Id of the resource as `plan --verbose` shows it, for example 'secret[/etc/aztec/admin-api-key]'
    pub id: String,
}

/// Flags of `completions`.
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// A shell that a completion script can be made for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

/// Flags of `man`.
#[derive(Debug, ClapArgs)]
pub struct ManArgs {
    /// The command, for example `keys import`; the whole program without one
    pub command: Vec<String>,
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
