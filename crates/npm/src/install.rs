//! All packages of a tree: fetched side by side, unpacked side by side.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::fetch::Fetcher;
use crate::unpack::{link, unpack};
use crate::{Config, Error, Omit, Package, Result};

/// Packages on their way at once. npm has 15 connections (`maxsockets`).
const AT_ONCE: usize = 16;

/// How often it is said how far it is: often enough to see it move, and few lines of a log.
const NEWS: Duration = Duration::from_secs(2);

/// A thousand packages over a slow line.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// Fetches packages and unpacks them into `tree`, an existing directory that nothing else writes to; all of it is on
/// disk when it returns. After an error, or a kill, the tree is to be thrown away.
///
/// `keep` is a directory of tarballs by their SHA-512: what is in it is not fetched, what is fetched is put there.
/// `note` is told how far it is.
///
/// # Errors
/// A package cannot be fetched, is not what the lock file names, or does not fit on the disk; the fetching takes longer
/// than half an hour.
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
        .map_err(|error| Error::new(format!("no runtime: {error}")))?;
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
                .with("Run the same command again when the line is better."))
            })
    })?;
    for package in packages {
        link(package, tree)?;
    }
    note("writing the packages to the disk");
    // Once for all: a call for each of sixty thousand files takes minutes.
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
    let mut told = Instant::now();
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
        // Dropping the rest at an error ends it.
        let Some(ended) = running.join_next().await else {
            return Ok(());
        };
        fetched +=
            ended.map_err(|error| Error::new(format!("fetching ended early: {error}")))??;
        done += 1;
        if done == packages.len() || told.elapsed() >= NEWS {
            told = Instant::now();
            note(&format!(
                "{done} of {} packages, {} MB",
                packages.len(),
                fetched / 1_000_000
            ));
        }
    }
}
