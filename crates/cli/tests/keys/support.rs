//! Shared parts of the tests: a temporary directory, calls of aztec-kit, and known keys.

pub use serde_json::{Value, json};
pub use std::fs;
pub use std::io::{BufRead, Read, Write};
pub use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
pub use std::path::{Path, PathBuf};
pub use std::process::{Command, Stdio};
pub use std::sync::atomic::{AtomicU32, Ordering};

pub const KIT: &str = env!("CARGO_BIN_EXE_aztec-kit");
pub const JUNK: &str = "test test test test test test test test test test test junk";
pub const ETH: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
pub const BLS: &str = "0x285526323b860bde9d845bed1bcaffe6a0da0373b3cf08f45f5ee3c85e095da5";
pub const FIRST: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
pub const ZERO: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

/// A temporary directory.
pub struct Temp(pub PathBuf);

impl Temp {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("aztec-kit-keys-{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A keystore directory with this file in it.
    pub fn keystore(&self, text: &str) -> PathBuf {
        let dir = self.path("keystore");
        fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
        write(&dir.join("key1.json"), text, 0o600);
        dir
    }

    /// Every file with its content, to prove that nothing changed.
    pub fn all(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    found.push((path.clone(), fs::read(&path).unwrap_or_default()));
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        found.sort();
        found
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn write(path: &Path, text: &str, mode: u32) {
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Output {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that the output contains no key of this keystore, in any letter case, and no mnemonic.
    pub fn silent_about(&self, keystore: &str, mnemonic: &str) {
        let output = format!("{}{}", self.out, self.err).to_lowercase();
        let keystore: Value = serde_json::from_str(keystore).unwrap();
        let mut secrets = Vec::new();
        collect(&keystore, &mut secrets);
        assert!(!secrets.is_empty());
        for secret in secrets {
            assert!(!output.contains(&secret[2..34].to_lowercase()), "{output}");
            assert!(!output.contains(&secret[34..].to_lowercase()), "{output}");
        }
        assert!(!output.contains(mnemonic), "{output}");
    }
}

/// Every private key, which is every text of that length that is not a fee recipient.
pub fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() == 66 && text != ZERO => secrets.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, secrets)),
        _ => {}
    }
}

/// Without a terminal, even when the test has one.
pub fn keys(arguments: &[&str], input: &str) -> Output {
    keys_in(Path::new("/"), arguments, input)
}

/// The same in a working directory.
pub fn keys_in(dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new("setsid")
        .args(["--wait", KIT, "keys"])
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The command may not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Output {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn validator(fields: &str) -> String {
    format!(
        r#"{{"schemaVersion":1,"validators":[{{"attester":{{"eth":"{ETH}","bls":"{BLS}"}},"feeRecipient":"{ZERO}"{fields}}}]}}"#
    )
}
