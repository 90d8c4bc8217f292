//! The keys of 500 validators: imported, backed up, restored, and registered with a slow L1.
//!
//! `AZTEC_KIT_BINARY` names another build to measure.

#[path = "../../../crates/l1/tests/stub/mod.rs"]
mod stub;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{cache, dist};

const VALIDATORS: u32 = 500;
/// The keys of the well-known test mnemonic.
const MNEMONIC: &str = "test test test test test test test test test test test junk";
const PASSWORD: &str = "correct horse battery staple";
/// The response time of a public endpoint on another continent.
const DELAY: Duration = Duration::from_millis(50);

/// Measures and prints one line for each step.
pub fn run() -> Result<()> {
    let kit = dist::build()?;
    let dir = cache::subdir("bench-keys")?;
    fs::remove_dir_all(&dir)?;
    fs::create_dir_all(&dir)?;
    let (url, requests) = stub::chain(|_| {
        thread::sleep(DELAY);
        true
    });
    let count = VALIDATORS.to_string();
    let registry = format!("0x{}", "11".repeat(20));
    println!("== the keys of {VALIDATORS} validators: seconds of wall time");
    let measured = |name: &str, words: &[&str], input: &str| -> Result<()> {
        let begin = Instant::now();
        keys(&kit, &dir, words, input)?;
        println!("   {name:<44} {:>7.2}", begin.elapsed().as_secs_f64());
        Ok(())
    };
    let import = [
        "import",
        "--mnemonic-stdin",
        "--count",
        &count,
        "--out",
        "made",
    ];
    measured("import of a mnemonic", &import, MNEMONIC)?;
    let export = ["export", "made", "--out", "backup", "--password-stdin"];
    measured("export", &export, PASSWORD)?;
    let back = [
        "import",
        "--from",
        "backup/key1.json",
        "--password-stdin",
        "--out",
        "back",
    ];
    measured("import of the exported keys", &back, PASSWORD)?;
    let register = [
        "staker-output",
        "made",
        "--l1-rpc-urls",
        &url,
        "--registry",
        &registry,
    ];
    measured(
        &format!(
            "staker-output, an L1 that answers after {} ms",
            DELAY.as_millis()
        ),
        &register,
        "",
    )?;
    println!(
        "   {:<44} {:>7}",
        "— requests",
        requests.load(Ordering::Relaxed)
    );
    fs::remove_dir_all(&dir)?;
    Ok(())
}

fn keys(kit: &Path, dir: &Path, words: &[&str], input: &str) -> Result<()> {
    let mut child = Command::new(kit)
        .arg("keys")
        .args(words)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| kit.display().to_string())?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // A command that asks for nothing may have ended already.
    let _ = writeln!(stdin, "{input}");
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "keys {}: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
