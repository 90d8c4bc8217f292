use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn package() -> Package {
    Package {
        dir: "node_modules/a".into(),
        name: "a".into(),
        version: "1.0.0".into(),
        sha512: [0; 64],
        elsewhere: None,
        bin: BTreeMap::new(),
        peer: false,
    }
}

/// A header with any values, even those that no builder would write.
fn header(name: &[u8], kind: EntryType, mode: u32, size: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_entry_type(kind);
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    header
}

fn tarball(entries: &[(&[u8], EntryType, u32, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, mode, bytes) in entries {
        tar.append(&header(name, *kind, *mode, bytes.len()), *bytes)
            .unwrap();
    }
    packed(&tar.into_inner().unwrap())
}

fn packed(tar: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(tar).unwrap();
    gzip.finish().unwrap()
}

/// A directory of the test's own. The tree must stay the only entry in it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("npm-unpack-{name}-{}", std::process::id()));
        fs::remove_dir_all(&dir).ok();
        fs::create_dir_all(dir.join("tree")).unwrap();
        Self(dir)
    }

    fn tree(&self) -> PathBuf {
        self.0.join("tree")
    }

    fn is_alone(&self) -> bool {
        fs::read_dir(&self.0).unwrap().count() == 1
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const FILE: EntryType = EntryType::Regular;

#[test]
fn files_get_the_modes_of_npm_and_omitted_files_are_not_written() {
    let place = Place::new("modes");
    let bytes = tarball(&[
        (b"any/", EntryType::Directory, 0o777, b""),
        (b"any/bin/run", FILE, 0o4775, b"#!x"),
        (b"any/lib/deep/a.js", FILE, 0o600, b"a"),
        (b"any/lib/deep/a.js.map", FILE, 0o644, b"map"),
        (b"any/.gitignore", FILE, 0o666, b"x"),
        (b"any/link", EntryType::Symlink, 0o777, b""),
        (b"any/hard", EntryType::Link, 0o777, b""),
    ]);
    let written = unpack(
        &package(),
        &bytes,
        &place.tree(),
        &Omit::new(&["*.map".into()]),
    )
    .unwrap();
    assert_eq!(written, 5);
    let dir = place.tree().join("node_modules/a");
    let mode = |name: &str| {
        fs::symlink_metadata(dir.join(name))
            .map(|meta| meta.permissions().mode() & 0o7777)
            .ok()
    };
    assert_eq!(mode("bin/run"), Some(0o755));
    assert_eq!(mode("lib"), Some(0o755));
    assert_eq!(mode("lib/deep/a.js"), Some(0o644));
    assert_eq!(mode(".npmignore"), Some(0o644));
    for absent in ["lib/deep/a.js.map", "link", "hard", ".gitignore"] {
        assert_eq!(mode(absent), None, "{absent}");
    }
}

#[test]
fn a_path_that_leads_out_is_refused() {
    let names: &[&[u8]] = &[
        b"../evil",
        b"package/../../evil",
        b"package/../../../../evil",
        b"/package/evil",
        b"package/a/../../../../evil",
        b"package//../../../evil",
        b"evil",
        b"..",
        b"package/a\\..\\evil",
    ];
    for name in names {
        let place = Place::new("out");
        let bytes = tarball(&[(name, FILE, 0o644, b"evil")]);
        let message = unpack(&package(), &bytes, &place.tree(), &Omit::default());
        let message = message.map_err(|error| error.to_string());
        assert!(
            message
                .as_ref()
                .is_err_and(|message| message.contains("leads out")),
            "{name:?}: {message:?}"
        );
        assert!(place.is_alone(), "{name:?}");
    }
}

#[test]
fn a_link_on_disk_is_not_followed() {
    let place = Place::new("link");
    let dir = place.tree().join("node_modules/a");
    fs::create_dir_all(&dir).unwrap();
    symlink(place.0.join("evil"), dir.join("x")).unwrap();
    let bytes = tarball(&[(b"package/x", FILE, 0o644, b"evil")]);
    assert!(unpack(&package(), &bytes, &place.tree(), &Omit::default()).is_err());
    assert!(place.is_alone());
}

/// A tarball that is truncated anywhere, or has any byte altered, is an error or a tree, and nothing is beside the
/// tree.
#[test]
fn an_altered_tarball_stays_in_the_tree() {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        (&b"package/a/b.js"[..], &b"one"[..]),
        (b"package/c", b"two"),
    ] {
        tar.append(&header(name, FILE, 0o644, bytes.len()), bytes)
            .unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let place = Place::new("altered");
    let mut dice = fastrand::Rng::with_seed(1);
    for at in (0..tar.len()).step_by(3) {
        let mut altered = tar.clone();
        altered[at] = dice.u8(..);
        // The checksum of a header is no protection, because an attacker can correct it.
        let block = at / 512 * 512;
        if altered[block..].len() >= 512 && altered[block + 257..block + 262] == *b"ustar" {
            let sum: u32 = altered[block..block + 512]
                .iter()
                .enumerate()
                .map(|(index, byte)| {
                    if (148..156).contains(&index) {
                        32
                    } else {
                        u32::from(*byte)
                    }
                })
                .sum();
            altered[block + 148..block + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        for bytes in [packed(&altered), packed(&tar[..at])] {
            unpack(&package(), &bytes, &place.tree(), &Omit::default()).ok();
            assert!(place.is_alone(), "byte {at}");
        }
    }
}
