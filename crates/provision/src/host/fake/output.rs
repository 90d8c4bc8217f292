//! The output of programs.

use crate::host::Output;

/// The output of a program that fails.
pub(super) fn failed(code: i32, stderr: &str) -> Output {
    Output {
        code,
        stderr: stderr.into(),
        ..Output::default()
    }
}
