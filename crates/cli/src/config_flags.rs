//! The configuration of this host as flags. `aztec::settings::flags` defines the flags and the settings that they change.

use std::net::IpAddr;

use aztec::settings::{Asked, FEATURES, Flag, Takes, flags};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use crate::exit::Failure;
use crate::urls;

/// The flags that were given on the command line, or by a variable that stands for a flag.
#[derive(Debug)]
pub struct ConfigFlags(ArgMatches);

impl ConfigFlags {
    /// Whether any feature was requested, in addition to roles.
    pub fn names_features(&self) -> bool {
        let is_feature = |flag: &Flag| {
            let table = flag.key.strip_suffix(".enabled");
            FEATURES.iter().any(|(feature, _)| Some(*feature) == table)
        };
        let mut features = flags().into_iter().filter(is_feature);
        features.any(|flag| self.0.get_flag(&flag.name))
    }

    /// The settings that the flags request. `ssh_client` is the SSH client of the operator.
    ///
    /// # Errors
    ///
    /// When a value names a file or standard input, and that cannot be read.
    pub fn requested(&self, ssh_client: Option<IpAddr>) -> Result<Asked, Failure> {
        let mut edit = Asked::default().by(ssh_client);
        for flag in flags() {
            let (name, key) = (&flag.name, &flag.key);
            edit = match flag.takes {
                Takes::Nothing if self.0.get_flag(name) => edit.on(key),
                Takes::Nothing => edit,
                Takes::Number(_) => match self.0.get_one(name) {
                    Some(number) => edit.number(key, *number),
                    None => edit,
                },
                Takes::Text(_) | Takes::Secret(_) => match self.0.get_one::<String>(name) {
                    Some(text) => edit.text(key, text.as_str()),
                    None => edit,
                },
                Takes::Secrets(_) => {
                    let texts = self.0.get_many::<String>(name).unwrap_or_default();
                    let texts: Vec<_> = texts.cloned().collect();
                    let texts = urls::given(name, &texts)?;
                    // An empty list means no list, for example from an empty variable.
                    match texts.is_empty() {
                        true => edit,
                        false => edit.list(key, texts),
                    }
                }
            };
        }
        Ok(edit)
    }
}

impl FromArgMatches for ConfigFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ConfigFlags {
    fn augment_args(command: Command) -> Command {
        command.args(flags().into_iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn arg(flag: Flag) -> Arg {
    let arg = Arg::new(flag.name.clone()).long(flag.name).help(flag.help);
    let arg = match flag.takes {
        Takes::Nothing => return arg.action(ArgAction::SetTrue),
        Takes::Number(what) => arg
            .value_name(what)
            .value_parser(value_parser!(u64).range(1..)),
        Takes::Text(what) => arg.value_name(what),
        Takes::Secret(what) => arg.value_name(what).hide_env_values(true),
        Takes::Secrets(what) => arg
            .value_name(what)
            .hide_env_values(true)
            .action(ArgAction::Append)
            .value_delimiter(','),
    };
    match flag.env {
        Some(name) => arg.env(name),
        None => arg,
    }
}
