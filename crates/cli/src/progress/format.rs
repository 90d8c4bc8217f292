//! The formats of progress.

use clap::ValueEnum;

/// How progress is reported on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressFormat {
    /// A spinner on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// Plain lines.
    Plain,
    /// A JSON document in each line.
    Json,
}
