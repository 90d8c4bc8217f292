//! Which file of a crate uses which.

use std::collections::BTreeMap;

use super::source::{Segments, Source, Use};

/// A file that uses another file of its crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    /// The file, as a path below the workspace.
    pub from: String,
    /// The file that it uses.
    pub to: String,
    /// One of the paths by which it does, as it is written.
    pub path: String,
}

/// The files that are compiled not only for tests.
pub(super) fn without_tests(sources: &[Source]) -> Vec<&Source> {
    let tests: Vec<_> = sources.iter().flat_map(|source| &source.tests).collect();
    let is_test = |source: &&Source| {
        source.file.ends_with("tests.rs") || tests.iter().any(|it| source.module.starts_with(it))
    };
    sources.iter().filter(|source| !is_test(source)).collect()
}

/// The uses among the files of a crate, each pair once.
pub(super) fn edges(sources: &[&Source]) -> Vec<Edge> {
    let names = Names::of(sources);
    let mut edges = Vec::new();
    for source in sources {
        let mut used = BTreeMap::new();
        for it in source.all_uses() {
            if let Some(file) = names.file(it).filter(|file| *file != source.file) {
                used.entry(file).or_insert(it);
            }
        }
        edges.extend(used.into_iter().map(|(file, it)| Edge {
            from: source.file.clone(),
            to: file.to_owned(),
            path: it.path.join("::"),
        }));
    }
    edges
}

/// What the names of a crate stand for.
struct Names<'a> {
    /// The file of each module.
    files: BTreeMap<&'a [String], &'a str>,
    /// The path that each re-export stands for.
    exports: BTreeMap<Segments, Segments>,
}

impl<'a> Names<'a> {
    fn of(sources: &[&'a Source]) -> Self {
        let files = sources.iter().map(|it| (&it.module[..], &it.file[..]));
        let mut names = Self {
            files: files.collect(),
            exports: BTreeMap::new(),
        };
        let all = sources.iter().flat_map(|source| &source.exports);
        let exports = all.filter_map(|(name, it)| Some((name.clone(), names.absolute(it)?)));
        names.exports = exports.collect();
        names
    }

    /// The path below the crate, for a path that begins with `crate`, `super`, `self` or a child module.
    fn absolute(&self, Use { scope, path }: &Use) -> Option<Segments> {
        let ups = path.iter().take_while(|it| *it == "super").count();
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([scope, &path[1..]].concat()),
            "super" => {
                let above = scope.len().checked_sub(ups)?;
                Some([&scope[..above], &path[ups..]].concat())
            }
            first => {
                let child = [&scope[..], &[first.to_owned()]].concat();
                let is_child = self.files.contains_key(&child[..]);
                is_child.then(|| [&scope[..], path].concat())
            }
        }
    }

    /// The file that a path leads to, after re-exports.
    fn file(&self, it: &Use) -> Option<&'a str> {
        let mut path = self.absolute(it)?;
        // Re-exports of re-exports end somewhere, and this ends even if they do not.
        for _ in 0..8 {
            // A name with more behind it is a module, even if a re-exported function has the same name.
            let may_be_export =
                |end: &usize| *end == path.len() || !self.files.contains_key(&path[..*end]);
            let next = (1..=path.len()).filter(may_be_export).find_map(|end| {
                let target = self.exports.get(&path[..end])?;
                Some([target, &path[end..]].concat())
            });
            match next {
                Some(next) if next != path => path = next,
                _ => break,
            }
        }
        let mut ends = (0..=path.len()).rev();
        ends.find_map(|end| self.files.get(&path[..end]).copied())
    }
}
