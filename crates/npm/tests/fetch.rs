//! A registry fails at first, and another one sends wrong bytes. Only the packages of the lock file get on the disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use npm::{Config, Lock, Omit, Platform};
use sha2::{Digest as _, Sha512};

/// The answers to the requests for each path, one after the other. The last answer is repeated.
type Answers = BTreeMap<&'static str, Vec<Answer>>;

#[derive(Clone)]
enum Answer {
    Status(u16),
    Bytes(Vec<u8>),
    /// A body that ends early.
    Cut(Vec<u8>),
}

/// A path, and the header `Authorization` of the request.
type Request = (String, Option<String>);

/// A registry on loopback. It records paths and `Authorization` headers.
struct Registry {
    url: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Registry {
    fn new(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mirror", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, heard) = (Arc::new(Mutex::new(answers)), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, heard) = (answers.clone(), heard.clone());
                thread::spawn(move || serve(&stream.unwrap(), &answers, &heard));
            }
        });
        Self { url, asked }
    }

    fn config(&self, more: &str) -> Config {
        // A proxy of this machine is not used for loopback.
        let text = format!("registry={}\n{more}", self.url);
        Config::new([text.as_str()], &[])
    }

    fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, answers: &Mutex<Answers>, heard: &Mutex<Vec<Request>>) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(first)) = lines.next() {
        let mut auth = None;
        while let Some(Ok(line)) = lines.next() {
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("authorization: ") {
                auth = Some(line[line.len() - value.len()..].to_owned());
            }
        }
        let path = first.split(' ').nth(1).unwrap().to_owned();
        let answer = {
            let mut answers = answers.lock().unwrap();
            match answers.get_mut(path.as_str()) {
                Some(left) if left.len() > 1 => left.remove(0),
                Some(left) => left[0].clone(),
                None => Answer::Status(404),
            }
        };
        heard.lock().unwrap().push((path, auth));
        let mut out = stream;
        let head =
            |status, length| format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n");
        match answer {
            Answer::Status(status) => out.write_all(head(status, 0).as_bytes()).unwrap(),
            Answer::Bytes(bytes) => {
                out.write_all(head(200, bytes.len()).as_bytes()).unwrap();
                out.write_all(&bytes).unwrap();
            }
            Answer::Cut(bytes) => {
                out.write_all(head(200, bytes.len() + 9).as_bytes())
                    .unwrap();
                out.write_all(&bytes).unwrap();
                return;
            }
        }
    }
}

fn tarball(content: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "package/index.js", content.as_bytes())
        .unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

fn lock(packages: &[(&str, &[u8])]) -> Lock {
    let entries: Vec<_> = packages
        .iter()
        .map(|(name, bytes)| {
            let digest = base64::engine::general_purpose::STANDARD.encode(Sha512::digest(bytes));
            format!(r#""node_modules/{name}": {{"version": "1.0.0", "integrity": "sha512-{digest}", "bin": {{"run": "index.js"}}}}"#)
        })
        .collect();
    let text = format!(
        r#"{{"lockfileVersion": 3, "packages": {{{}}}}}"#,
        entries.join(",")
    );
    Lock::parse(&text, Platform::LINUX_X64).unwrap()
}

/// An empty directory that no other test of this process uses. It is removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = std::process::id();
        let dir = std::env::temp_dir().join(format!("npm-fetch-{name}-{id}-{count}"));
        fs::remove_dir_all(&dir).ok();
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn install(
    lock: &Lock,
    dir: &Path,
    config: &Config,
    keep: Option<&Path>,
) -> Result<Vec<String>, String> {
    let mut notes = Vec::new();
    let keep = keep.map(Path::to_owned);
    npm::install(
        &lock.packages,
        dir,
        &Omit::default(),
        config,
        keep,
        &mut |note| notes.push(note.to_owned()),
    )
    .map(|()| notes)
    .map_err(|error| format!("{error}; {}", error.fix().unwrap_or_default()))
}

#[test]
fn a_registry_that_fails_once_is_asked_again() {
    let (a, b) = (tarball("a"), tarball("b"));
    let registry = Registry::new(BTreeMap::from([
        (
            "/mirror/a/-/a-1.0.0.tgz",
            vec![Answer::Status(503), Answer::Bytes(a.clone())],
        ),
        (
            "/mirror/@s/b/-/b-1.0.0.tgz",
            vec![Answer::Cut(b[..20].to_vec()), Answer::Bytes(b.clone())],
        ),
    ]));
    let place = Place::new("again");
    let lock = lock(&[("a", &a), ("@s/b", &b)]);
    let notes = install(&lock, &place.0, &registry.config(""), None).unwrap();
    let text = |path: &str| fs::read_to_string(place.0.join(path)).unwrap();
    assert_eq!(text("node_modules/a/index.js"), "a");
    assert_eq!(text("node_modules/@s/b/index.js"), "b");
    assert_eq!(text("node_modules/.bin/run").len(), 1);
    assert_eq!(registry.asked().len(), 4);
    assert!(
        notes.iter().any(|note| note.starts_with("2 of 2 packages")),
        "{notes:?}"
    );
}

#[test]
fn a_tarball_with_another_digest_is_never_unpacked() {
    let registry = Registry::new(BTreeMap::from([(
        "/mirror/a/-/a-1.0.0.tgz",
        vec![Answer::Bytes(tarball("evil"))],
    )]));
    let place = Place::new("evil");
    let message = install(
        &lock(&[("a", &tarball("a"))]),
        &place.0,
        &registry.config(""),
        None,
    )
    .unwrap_err();
    assert!(
        message.contains("SHA-512") && message.contains("127.0.0.1"),
        "{message}"
    );
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 0);
}

#[test]
fn a_missing_package_is_an_error_at_once() {
    let registry = Registry::new(BTreeMap::new());
    let place = Place::new("absent");
    let message = install(
        &lock(&[("a", &tarball("a"))]),
        &place.0,
        &registry.config(""),
        None,
    )
    .unwrap_err();
    assert!(
        message.contains("failed to fetch a 1.0.0")
            && message.contains("404")
            && message.contains("NPM_CONFIG_REGISTRY"),
        "{message}"
    );
    assert_eq!(registry.asked().len(), 1);
}

#[test]
fn a_token_is_sent_to_its_registry_and_never_shown() {
    let registry = Registry::new(BTreeMap::from([(
        "/mirror/a/-/a-1.0.0.tgz",
        vec![Answer::Status(401)],
    )]));
    let place = Place::new("token");
    let host = registry.url.trim_start_matches("http:");
    let config = registry.config(&format!("{host}/:_authToken=s3cret\n"));
    let message = install(&lock(&[("a", &tarball("a"))]), &place.0, &config, None).unwrap_err();
    assert_eq!(registry.asked()[0].1.as_deref(), Some("Bearer s3cret"));
    assert!(!message.contains("s3cret"), "{message}");
}

#[test]
fn a_kept_tarball_is_not_fetched_again_unless_it_is_damaged() {
    let a = tarball("a");
    let registry = Registry::new(BTreeMap::from([(
        "/mirror/a/-/a-1.0.0.tgz",
        vec![Answer::Bytes(a.clone())],
    )]));
    let keep = Place::new("keep");
    let lock = lock(&[("a", &a)]);
    let kept = keep
        .0
        .join(format!("{}.tgz", const_hex::encode(Sha512::digest(&a))));
    for (asked, round) in [(1, "first"), (1, "again"), (2, "damaged")] {
        if round == "damaged" {
            fs::write(&kept, b"x").unwrap();
        }
        let place = Place::new(round);
        install(&lock, &place.0, &registry.config(""), Some(&keep.0)).unwrap();
        assert!(place.0.join("node_modules/a/index.js").exists());
        assert_eq!(registry.asked().len(), asked, "{round}");
        assert_eq!(fs::read(&kept).unwrap(), a, "{round}");
    }
    assert_eq!(fs::read_dir(&keep.0).unwrap().count(), 1);
}
