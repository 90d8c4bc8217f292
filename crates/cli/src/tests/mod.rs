//! Commands on a host in memory, from the words of the command line to the exit code.

mod documents;
mod endings;
mod looking;
mod output;
mod story;
mod verbs;
mod world;
