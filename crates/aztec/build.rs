//! Finds the releases under `data/releases/`: a folder is a release, and its name is the version. Lock files are carried
//! compressed, because a large one is 0.4 MB and only an installation reads it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// The files that a folder may have, each with the field of `Folder` that gets its text. The first file must exist.
const FILES: [(&str, &str); 4] = [
    ("release.toml", "facts"),
    ("env.toml", "env"),
    ("omit.toml", "omit"),
    ("package-lock.json", LOCK),
];
const LOCK: &str = "lock";

fn main() -> io::Result<()> {
    let root = PathBuf::from(var("CARGO_MANIFEST_DIR")?).join("data/releases");
    // Everything below it, at any depth. A single file that is named here and does not exist would cause a rebuild each time.
    println!("cargo::rerun-if-changed={}", root.display());
    let mut folders: Vec<PathBuf> = fs::read_dir(&root)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    let mut code = String::from("&[\n");
    for folder in folders {
        code += &written(&folder)?;
    }
    code += "]\n";
    fs::write(Path::new(&var("OUT_DIR")?).join("releases.rs"), code)
}

/// The folder as an expression.
fn written(folder: &Path) -> io::Result<String> {
    let version = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut code = format!("Folder {{ version: {version:?}, place: None, ");
    for (at, (name, field)) in FILES.iter().enumerate() {
        let path = folder.join(name);
        let text = || format!("include_str!({:?})", path.display().to_string());
        let value = match (at == 0, path.exists()) {
            (true, _) => text(),
            (false, false) => "None".to_owned(),
            (false, true) if *field == LOCK => format!("Some({})", packed(&path, &version)?),
            (false, true) => format!("Some({})", text()),
        };
        // Writing to a string cannot fail.
        let _ = write!(code, "{field}: {value}, ");
    }
    Ok(code + "},\n")
}

/// A lock file as an expression, with its compressed text next to the code.
fn packed(lock: &Path, version: &str) -> io::Result<String> {
    let text = fs::read(lock)?;
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&text)?;
    let path = Path::new(&var("OUT_DIR")?).join(format!("{version}-lock.zlib"));
    fs::write(&path, packed.finish()?)?;
    // Written by `sha256sum package-lock.json > package-lock.json.sha256`, and compared in a test. To compile SHA-256 for
    // this machine as well takes longer than the rest of this program.
    let sha256 = fs::read_to_string(lock.with_extension("json.sha256"))?;
    let sha256 = sha256.split_whitespace().next().unwrap_or_default();
    let path = path.display().to_string();
    Ok(format!(
        "LockText::Packed {{ zlib: include_bytes!({path:?}), sha256: {sha256:?} }}"
    ))
}

fn var(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
