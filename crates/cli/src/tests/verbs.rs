//! The verbs of the command line.

use std::collections::BTreeSet;

use clap::CommandFactory;

use crate::args::Args;

/// Every verb, with its second word if it has one.
pub fn verbs() -> BTreeSet<String> {
    let mut verbs = BTreeSet::new();
    for verb in Args::command().get_subcommands() {
        let name = verb.get_name();
        let second: Vec<_> = verb
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        match second.is_empty() {
            true => verbs.extend([name.to_owned()]),
            false => verbs.extend(second.iter().map(|second| format!("{name} {second}"))),
        }
    }
    verbs.remove("help");
    verbs
}
