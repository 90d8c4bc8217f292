//! The release binary: one static file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo::{self, Haste};
use crate::prerequisites::{self, MUSL_TARGET};
use crate::{cache, say, sh};

const PACKAGE: &str = "aztec-kit";

/// The limit for the size of the binary, in bytes. `docs/benchmarks.md` says what made it smaller, and larger.
const LARGEST: usize = 11_600_000;

/// The place where [`build`] puts the binary.
///
/// `AZTEC_KIT_BINARY` names a binary that is built already: a debug build is quicker to try.
pub fn path() -> PathBuf {
    given().unwrap_or_else(|| sh::workspace().join("dist").join(PACKAGE))
}

fn given() -> Option<PathBuf> {
    std::env::var_os("AZTEC_KIT_BINARY").map(PathBuf::from)
}

/// Builds the release binary, checks that it is static, and puts it at its [`path`].
pub fn build() -> Result<PathBuf> {
    let path = path();
    if given().is_some() {
        say!("   {}: as given", path.display());
        return Ok(path);
    }
    prerequisites::for_dist()?;
    cargo::run(
        &[
            "build",
            "--release",
            "--locked",
            "--package",
            PACKAGE,
            "--target",
            MUSL_TARGET,
        ],
        Haste::Usual,
        &[("CC_x86_64_unknown_linux_musl", "musl-gcc")],
    )?;
    let built = cache::target()
        .join(MUSL_TARGET)
        .join("release")
        .join(PACKAGE);
    let bytes = fs::read(&built).with_context(|| format!("{}", built.display()))?;
    ensure!(
        interpreter(&bytes)?.is_none(),
        "{} is not static: it needs a dynamic loader",
        built.display()
    );
    ensure!(
        bytes.len() <= LARGEST,
        "{} has {} bytes, more than {LARGEST}: find the growth with `nm --size-sort`",
        built.display(),
        bytes.len()
    );
    fs::create_dir_all(sh::workspace().join("dist"))?;
    replace(&built, &path)?;
    say!(
        "   dist/{PACKAGE}: static, {:.1} MB",
        bytes.len() as f64 / 1e6
    );
    Ok(path)
}

/// A new inode: the old binary may be running.
fn replace(from: &Path, to: &Path) -> Result<()> {
    let temporary = to.with_extension("new");
    fs::copy(from, &temporary)?;
    fs::rename(&temporary, to).with_context(|| format!("cannot write {}", to.display()))
}

/// The offset of the request for a dynamic loader (`PT_INTERP`) in a 64-bit little-endian ELF file.
fn interpreter(elf: &[u8]) -> Result<Option<u64>> {
    const PT_INTERP: u64 = 3;
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        bail!("not a 64-bit little-endian ELF file");
    }
    let number = |at: usize, size: usize| -> Result<u64> {
        let bytes = elf
            .get(at..at + size)
            .context("the ELF file is cut short")?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    let table = usize::try_from(number(32, 8)?)?;
    let (size, count) = (
        usize::try_from(number(54, 2)?)?,
        usize::try_from(number(56, 2)?)?,
    );
    for index in 0..count {
        let header = table + index * size;
        if number(header, 4)? == PT_INTERP {
            return Ok(Some(number(header + 8, 8)?));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::interpreter;

    #[test]
    fn a_dynamic_program_is_recognised_among_noise() {
        // The test program itself is dynamic on the default target.
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert!(interpreter(&own).unwrap().is_some());
        assert!(interpreter(b"#!/bin/sh").is_err());
        assert!(interpreter(&own[..40]).is_err());
    }
}
