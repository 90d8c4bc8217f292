//! The file tree of the host in memory. It behaves and refuses like the real one: both are tested with one list of
//! statements, `tests/host_contract.rs`.
//!
//! Changes for which the real host needs several system calls are several writes here too, so that a run can die
//! between them.

use std::ops::Bound;
use std::path::{Component, Path, PathBuf};

use super::host::{FakeHost, FakeNode};
use crate::Fault;
use crate::host::{FileType, Held, NewFile, staged};

/// The limit of Linux for links in a path: path_resolution(7).
const LINKS: usize = 40;

fn refused(verb: &str, path: &Path, why: &str) -> Fault {
    Fault::new(format!("failed to {verb} {}: {why}", path.display()))
}

impl FakeHost {
    /// The target of a path: links in it are followed, and the last one on request.
    pub(super) fn resolved(&self, path: &Path, last: bool) -> Result<PathBuf, Fault> {
        self.walked(path, last, |_| true)
    }

    /// The place of a change, without links that another account can set.
    fn trusted(&self, path: &Path) -> Result<PathBuf, Fault> {
        self.walked(path, false, |link| {
            let roots = |path: &Path| self.tree.get(path).is_none_or(|node| node.uid == 0);
            roots(link) && link.parent().is_none_or(roots)
        })
    }

    fn walked(
        &self,
        path: &Path,
        last: bool,
        follows: impl Fn(&Path) -> bool,
    ) -> Result<PathBuf, Fault> {
        let mut done = PathBuf::from("/");
        let mut left: Vec<PathBuf> = Vec::new();
        let push = |left: &mut Vec<PathBuf>, path: &Path| {
            let names = path.components().rev();
            left.extend(
                names
                    .filter(|name| matches!(name, Component::Normal(_) | Component::ParentDir))
                    .map(|name| PathBuf::from(name.as_os_str())),
            );
        };
        push(&mut left, path);
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == Path::new("..") {
                done.pop();
                continue;
            }
            let next = done.join(&name);
            match self.tree.get(&next) {
                Some(node) if node.file_type == FileType::Symlink && (last || !left.is_empty()) => {
                    if !follows(&next) {
                        return Err(refused("follow", &next, "another account can set it"));
                    }
                    links += 1;
                    if links > LINKS {
                        return Err(refused("follow", path, "too many links"));
                    }
                    let target = PathBuf::from(String::from_utf8_lossy(&node.bytes).into_owned());
                    if target.is_absolute() {
                        done = "/".into();
                    }
                    push(&mut left, &target);
                }
                _ => done = next,
            }
        }
        Ok(done)
    }

    /// The node of a path itself, as `lstat` sees it.
    pub(super) fn node(&self, path: &Path) -> Result<Option<&FakeNode>, Fault> {
        Ok(self.tree.get(&self.resolved(path, false)?))
    }

    /// Names in a directory.
    pub(super) fn names(&self, dir: &Path) -> Result<Option<Vec<String>>, Fault> {
        let dir = self.resolved(dir, true)?;
        let is_dir = |node: &FakeNode| node.file_type == FileType::Directory;
        if !self.tree.get(&dir).is_some_and(is_dir) {
            return Ok(None);
        }
        let below = self.below(&dir);
        let children = below.filter(|(path, _)| path.parent() == Some(&dir));
        Ok(Some(
            children
                .filter_map(|(path, _)| Some(path.file_name()?.to_string_lossy().into_owned()))
                .collect(),
        ))
    }

    fn below<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = (&'a PathBuf, &'a FakeNode)> {
        let after = (Bound::Excluded(dir), Bound::Unbounded);
        let rest = self.tree.range::<Path, _>(after);
        rest.take_while(move |(path, _)| path.starts_with(dir))
    }

    /// The place for a new file; its directory must exist.
    fn place(&self, verb: &str, path: &Path) -> Result<PathBuf, Fault> {
        let place = self.trusted(path)?;
        match place.parent().and_then(|dir| self.tree.get(dir)) {
            Some(dir) if dir.file_type == FileType::Directory => Ok(place),
            Some(_) => Err(refused(verb, path, "its directory is none")),
            None => Err(refused(verb, path, "no directory for it")),
        }
    }

    fn is_dir(&self, path: &Path) -> bool {
        let node = self.tree.get(path);
        node.is_some_and(|node| node.file_type == FileType::Directory)
    }

    /// Creates a staged file.
    fn stage(&mut self, file: &NewFile<'_>, file_type: FileType) -> Result<[PathBuf; 2], Fault> {
        self.write()?;
        let path = self.place("create", file.path)?;
        let waiting = staged(&path).ok_or_else(|| refused("create", file.path, "no file path"))?;
        let staged = NewFile {
            path: &waiting,
            ..*file
        };
        self.insert(&staged, file_type);
        Ok([waiting, path])
    }

    /// Renames a staged file.
    fn take_name(&mut self, waiting: &Path, path: &Path) -> Result<(), Fault> {
        self.write()?;
        let node = self.tree.remove(waiting);
        if self.is_dir(path) {
            return Err(refused("replace", path, "it is a directory"));
        }
        self.tree.extend(node.map(|node| (path.to_owned(), node)));
        Ok(())
    }

    pub(super) fn put_file(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        let [waiting, path] = self.stage(file, FileType::File)?;
        self.take_name(&waiting, &path)
    }

    pub(super) fn put_new_file(&mut self, file: &NewFile<'_>) -> Result<(), Fault> {
        let [waiting, path] = self.stage(file, FileType::File)?;
        if self.tree.contains_key(&path) {
            self.tree.remove(&waiting);
            return Err(refused("create", file.path, "it exists"));
        }
        self.take_name(&waiting, &path)
    }

    pub(super) fn put_link(&mut self, path: &Path, target: &Path) -> Result<(), Fault> {
        let bytes = target.display().to_string();
        let link = NewFile {
            path,
            bytes: bytes.as_bytes(),
            uid: 0,
            gid: 0,
            mode: 0o777,
        };
        let [waiting, path] = self.stage(&link, FileType::Symlink)?;
        self.take_name(&waiting, &path)
    }

    pub(super) fn make_dir(&mut self, path: &Path) -> Result<(), Fault> {
        self.write()?;
        let path = self.place("create", path)?;
        if self.tree.contains_key(&path) {
            return Err(refused("create", &path, "it exists"));
        }
        let dir = NewFile {
            path: &path,
            bytes: b"",
            uid: 0,
            gid: 0,
            mode: 0o700,
        };
        self.insert(&dir, FileType::Directory);
        Ok(())
    }

    pub(super) fn held(&self, dir: &Path) -> Result<Held, Fault> {
        match self.tree.contains_key(&self.resolved(dir, true)?) {
            true => Ok(Held::alone()),
            false => Err(refused("lock", dir, "it is not there")),
        }
    }

    /// Sets owner, then mode; a run can die in between.
    pub(super) fn set_owner(
        &mut self,
        path: &Path,
        (uid, gid): (u32, u32),
        mode: u32,
    ) -> Result<(), Fault> {
        let path = self.trusted(path)?;
        for step in [0, 1] {
            self.write()?;
            let changed_us = self.tick();
            let node = self.tree.get_mut(&path);
            let node = node.ok_or_else(|| refused("own", &path, "it is not there"))?;
            if node.file_type == FileType::Symlink {
                return Err(refused("own", &path, "it is a link"));
            }
            node.changed_us = changed_us;
            if step == 0 {
                (node.uid, node.gid) = (uid, gid);
            } else {
                node.mode = mode;
            }
        }
        Ok(())
    }

    pub(super) fn move_to(&mut self, from: &Path, to: &Path) -> Result<(), Fault> {
        self.write()?;
        let (from, to) = (self.trusted(from)?, self.place("rename", to)?);
        if !self.tree.contains_key(&from) {
            return Err(refused("rename", &from, "it is not there"));
        }
        if from == to {
            return Ok(());
        }
        match (self.is_dir(&from), self.tree.get(&to)) {
            (_, None) => {}
            (true, Some(_)) if !self.is_dir(&to) => {
                return Err(refused("rename", &from, "the other one is no directory"));
            }
            (true, Some(_)) if self.below(&to).next().is_some() => {
                return Err(refused("rename", &from, "the other one is not empty"));
            }
            (false, Some(_)) if self.is_dir(&to) => {
                return Err(refused("rename", &from, "the other one is a directory"));
            }
            (_, Some(_)) => {}
        }
        if to.starts_with(&from) {
            return Err(refused("rename", &from, "it cannot be in itself"));
        }
        let below: Vec<_> = self.below(&from).map(|(path, _)| path.clone()).collect();
        for path in below.into_iter().chain([from.clone()]) {
            if let (Some(node), Ok(rest)) = (self.tree.remove(&path), path.strip_prefix(&from)) {
                let target = if rest.as_os_str().is_empty() {
                    to.clone()
                } else {
                    to.join(rest)
                };
                self.tree.insert(target, node);
            }
        }
        Ok(())
    }

    pub(super) fn remove_one(&mut self, path: &Path) -> Result<(), Fault> {
        self.write()?;
        let path = self.trusted(path)?;
        if self.is_dir(&path) && self.below(&path).next().is_some() {
            return Err(refused("remove", &path, "it is not empty"));
        }
        self.tree.remove(&path);
        if let Some(waiting) = staged(&path) {
            self.tree.remove(&waiting);
        }
        Ok(())
    }

    pub(super) fn remove_all(&mut self, path: &Path) -> Result<(), Fault> {
        self.write()?;
        let path = self.trusted(path)?;
        self.tree.retain(|known, _| !known.starts_with(&path));
        Ok(())
    }

    pub(super) fn set_value(&mut self, path: &Path, value: &str) -> Result<(), Fault> {
        self.write()?;
        let path = self.resolved(path, true)?;
        if !self.tree.contains_key(&path) {
            return Err(refused("set", &path, "it is not there"));
        }
        self.edit(&path.display().to_string(), |_| format!("{value}\n"));
        Ok(())
    }
}
