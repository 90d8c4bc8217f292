//! Unpacks one verified tarball as npm does (pacote of npm 10 and 11, lib/fetcher.js).

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use crate::lock::{Package, is_below};
use crate::{Error, Omit, Result};

/// The most bytes of an unpacked package. A tarball of a few bytes must not fill a disk.
const LARGEST: u64 = 4 << 30;

/// Unpacks a package into its directory below `tree`, and returns the number of bytes.
///
/// Links in a tarball are left out, as npm does. A file has at least mode 0644, and only its owner can write it. It
/// belongs to the user of this process, not to an id in the tarball.
pub(crate) fn unpack(package: &Package, tarball: &[u8], tree: &Path, omit: &Omit) -> Result<u64> {
    let failed = |error: io::Error| {
        Error::new(format!(
            "failed to unpack {} {}: {error}",
            package.name, package.version
        ))
    };
    let mut archive = Archive::new(MultiGzDecoder::new(tarball).take(LARGEST));
    let mut dirs = Dirs::default();
    let mut written = 0;
    dirs.make(&tree.join(&package.dir)).map_err(failed)?;
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let kind = entry.header().entry_type();
        if !matches!(
            kind,
            EntryType::Regular | EntryType::Continuous | EntryType::Directory
        ) {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(path) = placed(&name) else {
            // This is the directory that contains everything else.
            if kind.is_dir() && is_below(&name) {
                continue;
            }
            return Err(Error::new(format!(
                "the tarball of {} {} has a path that leads out of it: {name:?}",
                package.name, package.version
            )));
        };
        // npm packs no .gitignore, so one in a tarball stands for .npmignore.
        let path = match path.strip_suffix(".gitignore") {
            Some(dir) if dir.is_empty() || dir.ends_with('/') => format!("{dir}.npmignore"),
            _ => path,
        };
        let path = format!("{}/{path}", package.dir);
        if omit.covers(&path) {
            continue;
        }
        let place = tree.join(&path);
        if kind.is_dir() {
            dirs.make(&place).map_err(failed)?;
            continue;
        }
        if let Some(dir) = place.parent() {
            dirs.make(dir).map_err(failed)?;
        }
        let mode = 0o644 | entry.header().mode().map_err(failed)? & 0o755;
        written += write(&mut entry, &place, mode).map_err(failed)?;
    }
    Ok(written)
}

/// The path in the package: without the first directory, whatever its name (usually `package`).
fn placed(name: &str) -> Option<String> {
    let name = name.trim_start_matches("./");
    let (_, path) = name.split_once('/')?;
    let path = path.trim_end_matches('/');
    is_below(name).then_some(())?;
    (!path.is_empty()).then(|| path.to_owned())
}

fn write(from: &mut impl Read, place: &Path, mode: u32) -> io::Result<u64> {
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        // No link can lead elsewhere: the tree has none yet, and none is followed.
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .mode(mode)
        .open(place)?;
    // The mode does not depend on the umask of the caller.
    file.set_permissions(Permissions::from_mode(mode))?;
    io::copy(from, &mut file)
}

/// Remembers the last directory that was made. A package has a dozen files in each.
#[derive(Default)]
struct Dirs {
    last: PathBuf,
}

impl Dirs {
    fn make(&mut self, dir: &Path) -> io::Result<()> {
        if self.last == dir {
            return Ok(());
        }
        make(dir)?;
        self.last = dir.to_owned();
        Ok(())
    }
}

fn make(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Ok(()) => fs::set_permissions(dir, Permissions::from_mode(0o755)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(dir.parent().ok_or(error)?)?;
            make(dir)
        }
        // Another thread made it, for another package. If it is not a directory, its first file fails.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the programs of a package executable, and links them into the `.bin` beside it.
pub(crate) fn link(package: &Package, tree: &Path) -> Result<()> {
    let Some((modules, own)) = package.dir.rsplit_once("node_modules/") else {
        return Ok(());
    };
    let bin = tree.join(modules).join("node_modules/.bin");
    for (name, file) in &package.bin {
        let program = tree.join(&package.dir).join(file);
        let failed = |error: io::Error| {
            Error::new(format!("failed to link {name} of {}: {error}", package.dir))
        };
        // npm also skips a program that a package names and does not contain.
        if !fs::symlink_metadata(&program).is_ok_and(|meta| meta.is_file()) {
            continue;
        }
        fs::set_permissions(&program, Permissions::from_mode(0o755)).map_err(failed)?;
        make(&bin).map_err(failed)?;
        match symlink(format!("../{own}/{file}"), bin.join(name)) {
            // The first link of a name stays.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
