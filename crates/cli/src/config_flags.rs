//! The configuration of this host as flags. `aztec::settings::flags` defines the flags and the settings that they change.

use std::net::IpAddr;

use aztec::settings::{Asked, FEATURES, Flag, Takes, flags};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

use crate::exit::Failure;
use crate::urls;

/// The flags that were given on the command line, or by a variable that stands for a flag.
#[derive(Debug)]
pub struct ConfigFlags(Vec<(Flag, FlagValue)>);

/// The value of a flag.
#[derive(Debug)]
enum FlagValue {
    Nothing,
    Number(u64),
    Texts(Vec<String>),
}

impl ConfigFlags {
    /// Whether any feature was requested, in addition to roles.
    pub fn names_features(&self) -> bool {
        let mut keys = self.0.iter().map(|(flag, _)| &flag.key);
        keys.any(|key| {
            let table = key.strip_suffix(".enabled");
            FEATURES.iter().any(|(feature, _)| Some(*feature) == table)
        })
    }

    /// The settings that the flags request. `ssh_client` is the SSH client of the operator.
    ///
    /// # Errors
    ///
    /// When a value names a file or standard input, and that cannot be read.
    pub fn requested(&self, ssh_client: Option<IpAddr>) -> Result<Asked, Failure> {
        let mut asked = Asked::default().by(ssh_client);
        for (
            Flag {
                key, name, takes, ..
            },
            given,
        ) in &self.0
        {
            asked = match (given, takes) {
                (FlagValue::Nothing, _) => asked.on(key),
                (FlagValue::Number(number), _) => asked.number(key, *number),
                (FlagValue::Texts(texts), Takes::Secrets(_)) => {
                    let texts = urls::given(name, texts)?;
                    // An empty list means no list, for example from an empty variable.
                    if texts.is_empty() {
                        continue;
                    }
                    asked.list(key, texts)
                }
                (FlagValue::Texts(texts), _) => {
                    let texts = texts.iter();
                    texts.fold(asked, |asked, text| asked.text(key, text.as_str()))
                }
            };
        }
        Ok(asked)
    }
}

impl FromArgMatches for ConfigFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |flag: &Flag| match flag.takes {
            Takes::Nothing => matches.get_flag(&flag.name).then_some(FlagValue::Nothing),
            Takes::Number(_) => matches.get_one(&flag.name).copied().map(FlagValue::Number),
            Takes::Text(_) | Takes::Secret(_) | Takes::Secrets(_) => {
                let texts = matches.get_many::<String>(&flag.name)?;
                Some(FlagValue::Texts(texts.cloned().collect()))
            }
        };
        let flags = flags().into_iter();
        let given = flags.filter_map(|flag| given(&flag).map(|given| (flag, given)));
        Ok(Self(given.collect()))
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
