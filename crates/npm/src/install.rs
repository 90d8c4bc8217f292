//! Fetches and unpacks all packages of a tree in parallel.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::fetch::Fetcher;
use crate::unpack::{link, unpack};
use crate::{Config, Error, Omit, Package, Result};

/// The number of packages that are fetched at once. npm has 15 connections (`maxsockets`).
const AT_ONCE: usize = 16;

/// The interval between progress notes: short enough to see progress, and few lines in a log.
const NEWS: Duration = Duration::from_secs(2);

/// The time limit: enough for a thousand packages over a slow line.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// Fetches packages and unpacks them into `tree`, an existing directory that nothing else writes to. Everything is on
/// disk when it returns. After an error or a kill, the caller must discard the tree.
///
/// `keep` is a directory of tarballs, named by their SHA-512. Tarballs in it are not fetched, and fetched tarballs are
/// added to it. `note` gets the progress.
///
/// # Errors
///
/// If a package cannot be fetched, does not have the SHA-512 of the lock file, or does not fit on the disk, or if
/// fetching takes longer than half an hour.
pub fn install(
    packages: &[Package],
    tree: &Path,
    omit: &Omit,
    config: &Config,
    keep: Option<PathBuf>,
    note: &mut dyn FnMut(&str),
) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
        .map_err(|error| {
            Error::new(format!(
                "failed to start the runtime of the downloads: {error}"
            ))
        })?;
    let fetcher = Arc::new(Fetcher::new(config, keep)?);
    let all = all(packages, tree, omit, &fetcher, note);
    runtime.block_on(async {
        tokio::time::timeout(TIMEOUT, all)
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(format!(
                    "the packages did not arrive within {} s",
                    TIMEOUT.as_secs()
                ))
                .with("Run the same command again when the network is faster."))
            })
    })?;
    for package in packages {
        link(package, tree)?;
    }
    note("writing the packages to the disk");
    // One call syncs all files. A call for each of sixty thousand files takes minutes.
    File::open(tree)
        .and_then(|tree| Ok(rustix::fs::syncfs(tree)?))
        .map_err(|error| Error::new(format!("failed to sync {}: {error}", tree.display())))
}

async fn all(
    packages: &[Package],
    tree: &Path,
    omit: &Omit,
    fetcher: &Arc<Fetcher>,
    note: &mut dyn FnMut(&str),
) -> Result<()> {
    let (tree, omit) = (Arc::<Path>::from(tree), Arc::new(omit.clone()));
    let mut waiting = packages.iter();
    let mut running = JoinSet::new();
    let (mut done, mut fetched) = (0, 0);
    let mut last_note = Instant::now();
    loop {
        while running.len() < AT_ONCE
            && let Some(package) = waiting.next()
        {
            let package = package.clone();
            let (fetcher, tree, omit) = (fetcher.clone(), tree.clone(), omit.clone());
            running.spawn(async move {
                let tarball = fetcher.tarball(&package).await?;
                let size = tarball.len();
                tokio::task::spawn_blocking(move || unpack(&package, &tarball, &tree, &omit))
                    .await
                    .map_err(|error| Error::new(format!("unpacking ended early: {error}")))??;
                Ok::<_, Error>(size)
            });
        }
        // An error drops the set, which ends the other tasks.
        let Some(ended) = running.join_next().await else {
            return Ok(());
        };
        fetched +=
            ended.map_err(|error| Error::new(format!("fetching ended early: {error}")))??;
        done += 1;
        if done == packages.len() || last_note.elapsed() >= NEWS {
            last_note = Instant::now();
            note(&format!(
                "{done} of {} packages, {} MB",
                packages.len(),
                fetched / 1_000_000
            ));
        }
    }
}
