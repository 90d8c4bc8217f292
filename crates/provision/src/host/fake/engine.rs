//! The container engine of the host in memory.

use crate::Fault;
use crate::host::{Output, Query};

/// A name of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeImage {
    /// Repository.
    pub repository: String,
    /// Tag; nothing for an image whose name a newer one took.
    pub tag: Option<String>,
    /// Its digest in the registry; nothing when it was loaded from an archive.
    pub digest: Option<String>,
    /// Digest of its configuration.
    pub id: String,
}

/// The images of an engine and of its registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FakeEngine {
    /// Local images.
    pub images: Vec<FakeImage>,
    /// Images that can be pulled; none without a network.
    pub offered: Vec<FakeImage>,
    /// Whether the registry has an index for each name, which does not show the content of the images.
    pub lists: bool,
    /// Architecture of all of them.
    pub architecture: String,
    /// Whether a container uses an image, which then cannot be removed.
    pub in_use: bool,
}

impl FakeEngine {
    pub(super) fn ask(&self, query: &Query) -> Result<Output, Fault> {
        let none = || "<none>".to_owned();
        let stdout = match query {
            Query::Images(_) => self
                .images
                .iter()
                .map(|row| {
                    let tag = row.tag.clone().unwrap_or_else(none);
                    let digest = row.digest.clone().unwrap_or_else(none);
                    format!("{} {tag} {digest} {}\n", row.repository, row.id)
                })
                .collect(),
            Query::Manifest(_, what) => match self.offered.iter().find(|row| is(row, what)) {
                Some(row) if self.lists => format!("{} and others", &row.id[..40]),
                Some(row) => row.id.clone(),
                None => return Err(Fault::new("no such host")),
            },
            _ => self.architecture.clone(),
        };
        Ok(Output {
            stdout,
            ..Output::default()
        })
    }

    pub(super) fn tell(&mut self, arguments: &[&str]) -> Output {
        let what = arguments.last().copied().unwrap_or_default();
        let named = |row: &FakeImage| is(row, what);
        match arguments {
            ["pull", ..] => match self.offered.iter().find(|row| named(row)) {
                Some(row) => self.images.push(row.clone()),
                None => return failed("no such host"),
            },
            ["image", "rm", ..] if self.in_use && self.images.iter().any(named) => {
                return failed("image is in use by a container");
            }
            ["image", "rm", ..] => {
                let before = self.images.len();
                self.images.retain(|row| !named(row));
                if self.images.len() == before {
                    return failed("no such image");
                }
            }
            _ => return failed("no such command"),
        }
        Output::default()
    }
}

/// Whether a name refers to this image.
fn is(row: &FakeImage, what: &str) -> bool {
    let what = what.strip_prefix("docker.io/").unwrap_or(what);
    let tag = row.tag.as_deref().unwrap_or_default();
    let digest = row.digest.as_deref().unwrap_or_default();
    what == format!("{}:{tag}", row.repository) || what == format!("{}@{digest}", row.repository)
}

fn failed(why: &str) -> Output {
    Output {
        code: 1,
        stderr: why.into(),
        ..Output::default()
    }
}
