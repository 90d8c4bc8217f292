//! `cargo xtask <command>`: see the `xtask` library for what each command does.

use std::process::ExitCode;

fn main() -> ExitCode {
    match xtask::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
