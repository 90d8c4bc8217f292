//! Fetches tarballs from the registry, or from a directory that keeps them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use sha2::{Digest, Sha512};
use url::Url;

use crate::config::Config;
use crate::lock::Package;
use crate::{Error, Result};

/// A connection without data for so long is dead.
const SILENCE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(15);
/// The pauses before the next tries. A busy registry is asked again, as npm does (`fetch-retries`).
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(20),
];
/// The most bytes of a tarball. It is in memory until its digest is known.
const LARGEST: usize = 512 << 20;

/// Fetches tarballs. It may be shared.
pub(crate) struct Fetcher {
    client: reqwest::Client,
    config: Config,
    keep: Option<PathBuf>,
}

/// Why a try failed, and whether another try may succeed.
struct Failed {
    again: bool,
    why: String,
}

impl Fetcher {
    pub fn new(config: &Config, keep: Option<PathBuf>) -> Result<Self> {
        // An error means that there is a provider already, which is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE);
        if let Some(path) = config.cafile() {
            let unread = |why: String| {
                Error::new(format!("`cafile` {} cannot be read: {why}", path.display()))
                    .with("Correct `cafile` in ~/.npmrc or /etc/npmrc.")
            };
            let pem = fs::read(&path).map_err(|error| unread(error.to_string()))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| unread(error.to_string()))?;
            builder = builder.tls_certs_merge(authorities);
        }
        let client = builder.build().map_err(|error| {
            Error::new(format!(
                "failed to set up the HTTPS client: {}",
                cause(&error)
            ))
        })?;
        Ok(Self {
            client,
            config: config.clone(),
            keep,
        })
    }

    /// The tarball of a package, with the digest of the lock file.
    pub async fn tarball(&self, package: &Package) -> Result<Vec<u8>> {
        let kept = self
            .keep
            .as_ref()
            .map(|dir| dir.join(format!("{}.tgz", const_hex::encode(package.sha512))));
        if let Some(kept) = &kept
            && let Ok(bytes) = fs::read(kept)
            && is_it(&bytes, package)
        {
            return Ok(bytes);
        }
        let bytes = self.fetched(package).await?;
        if let Some(kept) = &kept {
            put(kept, &bytes)?;
        }
        Ok(bytes)
    }

    async fn fetched(&self, package: &Package) -> Result<Vec<u8>> {
        let (url, auth) = match &package.elsewhere {
            Some(url) => (
                Url::parse(url)
                    .map_err(|_| Error::new(format!("the URL of {} is not valid", package.dir)))?,
                None,
            ),
            None => {
                let registry = self.config.registry(&package.name)?;
                let url = registry
                    .url
                    .join(&package.tarball())
                    .map_err(|_| Error::new(format!("the URL of {} is not valid", package.dir)))?;
                (url, registry.auth)
            }
        };
        let mut pauses = PAUSES.iter();
        loop {
            let failed = match self.attempt(&url, auth.as_deref()).await {
                Ok(bytes) if is_it(&bytes, package) => return Ok(bytes),
                // A network may damage bytes once. If it happens again, the mirror has other bytes.
                Ok(bytes) => Failed {
                    again: pauses.len() == PAUSES.len(),
                    why: format!(
                        "its {} bytes do not have the SHA-512 of the lock file",
                        bytes.len()
                    ),
                },
                Err(failed) => failed,
            };
            match pauses.next() {
                Some(pause) if failed.again => tokio::time::sleep(*pause).await,
                _ => {
                    let host = url.host_str().unwrap_or_default();
                    return Err(Error::new(format!(
                        "failed to fetch {} {} from {host}: {}",
                        package.name, package.version, failed.why
                    ))
                    .with(format!(
                        "Check that this host reaches the npm registry {host}, or name a mirror in NPM_CONFIG_REGISTRY or in \
                         `registry` of /root/.npmrc. Then run the same command again."
                    )));
                }
            }
        }
    }

    async fn attempt(&self, url: &Url, auth: Option<&str>) -> std::result::Result<Vec<u8>, Failed> {
        let broken = |error: reqwest::Error| Failed {
            again: true,
            why: cause(&error),
        };
        let mut request = self.client.get(url.clone());
        if let Some(auth) = auth {
            request = request.header(AUTHORIZATION, auth);
        }
        let mut answer = request.send().await.map_err(broken)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Failed {
                again: status.is_server_error()
                    || matches!(
                        status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    ),
                why: format!("the answer is HTTP status {status}"),
            });
        }
        let length = answer.content_length().unwrap_or_default();
        let mut bytes =
            Vec::with_capacity(usize::try_from(length).unwrap_or_default().min(LARGEST));
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > LARGEST {
                return Err(Failed {
                    again: false,
                    why: format!("it is larger than {} MiB", LARGEST >> 20),
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn is_it(bytes: &[u8], package: &Package) -> bool {
    Sha512::digest(bytes)[..] == package.sha512[..]
}

/// Keeps a tarball. Several hosts may share the directory. It does not matter which of them renames the file first,
/// because the bytes are the same.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: String| {
        Error::new(format!("failed to keep {}: {error}", path.display()))
            .with("Free some space, or remove the directory: it only saves downloads.")
    };
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| failed(error.to_string()))?;
    let staged = path.with_extension(const_hex::encode(random));
    let done = fs::write(&staged, bytes).and_then(|()| fs::rename(&staged, path));
    done.map_err(|error| {
        // If it cannot be removed either, the reported error is still the cause.
        fs::remove_file(&staged).ok();
        failed(error.to_string())
    })
}

/// Why a request failed, without the URL, which may contain a password.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut innermost: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(deeper) = innermost.and_then(std::error::Error::source) {
        innermost = Some(deeper);
    }
    innermost.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}
