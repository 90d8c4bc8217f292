//! The layers of this crate: the modules that a module may use, and a check that no files form a circle, in this crate and
//! in those of [`CRATES`].
//!
//! The test reads the sources: `use` declarations and paths that begin with `crate`, `super` or `self`. It follows
//! re-exports. Code that is compiled only for tests may use anything.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// From the bottom: a module uses modules of the lines above its own, and none of its own line.
const LAYERS: &[&[&str]] = &[
    // Names and paths, and the common vocabulary.
    &["layout", "health", "unit", "keystores"],
    &["names"],
    // The known facts about networks and releases, and about a host.
    &["data", "facts"],
    &["env", "settings", "container"],
    // Derived from both, without a resource.
    &["runtime", "fit", "databases", "alert", "signer"],
    &["kinds"],
    &["roles"],
    &["features"],
    &["desired"],
    &["units"],
    &["checks"],
    &["fuzz"],
];

/// The crates without a circle of files.
const CRATES: &[&str] = &["aztec", "provision", "npm", "collector", "beacon"];

/// Segments of a path below the crate.
type Segments = Vec<String>;

/// The uses of a file, and its re-exports with their names.
#[derive(Default)]
struct Source {
    module: Segments,
    uses: Vec<Segments>,
    exports: Vec<(String, Segments)>,
}

fn tests_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg") && list.is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

impl Source {
    /// The path below the crate, for a path that begins with `crate`, `super`, `self` or a child module.
    fn absolute(&self, path: &[String], modules: &BTreeMap<Segments, PathBuf>) -> Option<Segments> {
        let ups = path.iter().take_while(|it| *it == "super").count();
        let own = |path: &[String]| [&self.module[..], path].concat();
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some(own(&path[1..])),
            "super" => {
                let above = self.module.len().checked_sub(ups)?;
                Some([&self.module[..above], &path[ups..]].concat())
            }
            first => {
                let child = own(&[first.to_owned()]);
                modules.contains_key(&child).then(|| own(path))
            }
        }
    }

    fn tree(&mut self, before: &[String], tree: &UseTree, is_export: bool) {
        let with = |name: &str| [before, &[name.to_owned()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident.to_string()), &path.tree, is_export),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(before, tree, is_export);
                }
            }
            UseTree::Glob(_) => self.uses.push(before.to_vec()),
            UseTree::Name(name) if name.ident == "self" => self.uses.push(before.to_vec()),
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.named(name.clone(), with(&name), is_export);
            }
            UseTree::Rename(both) => {
                self.named(
                    both.rename.to_string(),
                    with(&both.ident.to_string()),
                    is_export,
                );
            }
        }
    }

    fn named(&mut self, name: String, path: Segments, is_export: bool) {
        if is_export {
            self.exports.push((name, path));
        } else {
            self.uses.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(ItemMod { attrs, .. }) | Item::Use(ItemUse { attrs, .. }) => attrs,
            Item::Fn(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !tests_only(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_export = !matches!(item.vis, Visibility::Inherited);
        self.tree(&[], &item.tree, is_export);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|it| it.ident.to_string());
        let segments: Segments = segments.collect();
        if segments.len() > 1 {
            self.uses.push(segments);
        }
        visit::visit_path(self, path);
    }
}

/// The files of a crate, and the uses of each.
struct Sources {
    files: BTreeMap<Segments, PathBuf>,
    sources: Vec<Source>,
}

impl Sources {
    /// Reads the crate in that folder of `crates`.
    fn read(name: &str) -> Self {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let root = crates.join(name).join("src");
        let mut files = BTreeMap::new();
        let mut open = vec![root.clone()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if !path.to_string_lossy().ends_with("tests.rs") {
                    let below = path.strip_prefix(&root).unwrap().with_extension("");
                    let segments = below.iter().map(|it| it.to_string_lossy().into_owned());
                    let mut segments: Segments = segments.collect();
                    if matches!(segments.last().unwrap().as_str(), "mod" | "lib") {
                        segments.pop();
                    }
                    files.insert(segments, path);
                }
            }
        }
        let read = |(module, path): (&Segments, &PathBuf)| {
            let mut source = Source {
                module: module.clone(),
                ..Source::default()
            };
            source.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
            source
        };
        let sources = files.iter().map(read).collect();
        Self { files, sources }
    }

    /// The file that a path leads to, after re-exports.
    fn leads(&self, path: &[String], exports: &BTreeMap<Segments, Segments>) -> Option<Segments> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let next = (1..=path.len()).find_map(|end| {
                let target = exports.get(&path[..end])?;
                Some([target, &path[end..]].concat())
            });
            match next {
                Some(next) if next != path => path = next,
                _ => break,
            }
        }
        let mut ends = (0..=path.len()).rev();
        let file = ends.find(|end| self.files.contains_key(&path[..*end]))?;
        Some(path[..file].to_vec())
    }

    /// Each file with the files that it uses.
    fn edges(&self) -> BTreeMap<Segments, BTreeSet<Segments>> {
        let mut exports = BTreeMap::new();
        for source in &self.sources {
            for (name, path) in &source.exports {
                let name = [&source.module[..], std::slice::from_ref(name)].concat();
                exports.extend(source.absolute(path, &self.files).map(|path| (name, path)));
            }
        }
        let edges = self.sources.iter().map(|source| {
            let used = source.uses.iter().filter_map(|path| {
                let path = source.absolute(path, &self.files)?;
                self.leads(&path, &exports)
            });
            let used = used.filter(|file| *file != source.module);
            (source.module.clone(), used.collect())
        });
        edges.collect()
    }
}

#[test]
fn a_module_uses_only_lower_layers() {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let mut wrong = Vec::new();
    for (file, used) in Sources::read("aztec").edges() {
        // lib.rs is the interface for other crates.
        let Some(top) = file.first() else { continue };
        let own = layer(top).unwrap_or_else(|| panic!("{top} has no layer: add it to LAYERS"));
        for other in used.iter().filter(|other| other.first() != Some(top)) {
            let Some(theirs) = other.first() else {
                wrong.push(format!(
                    "{} uses lib.rs: name the module itself",
                    file.join("/")
                ));
                continue;
            };
            if layer(theirs).is_none_or(|theirs| theirs >= own) {
                wrong.push(format!("{} uses {}", file.join("/"), other.join("/")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_form_a_circle() {
    for name in CRATES {
        let circles = circles(Sources::read(name).edges());
        assert!(circles.is_empty(), "{name}:\n{}", circles.join("\n"));
    }
}

#[test]
fn a_circle_is_found() {
    let file = |name: &str| vec![name.to_owned()];
    let edges = |pairs: &[(&str, &str)]| {
        let mut edges = BTreeMap::<_, BTreeSet<_>>::new();
        for (from, to) in pairs {
            edges.entry(file(from)).or_default().insert(file(to));
            edges.entry(file(to)).or_default();
        }
        edges
    };
    assert_eq!(
        circles(edges(&[("a", "b"), ("b", "c"), ("a", "c")])),
        [""; 0]
    );
    let found = circles(edges(&[("a", "b"), ("b", "c"), ("c", "b")]));
    assert_eq!(found, ["b uses c", "c uses b"]);
    assert!(
        Sources::read("provision")
            .edges()
            .values()
            .flatten()
            .count()
            > 500
    );
}

/// The files that are in a circle, or between two circles.
fn circles(mut edges: BTreeMap<Segments, BTreeSet<Segments>>) -> Vec<String> {
    // Remove files that use no remaining file, and files that none uses, until nothing changes. The rest is
    // in a circle, or between two.
    loop {
        let used: BTreeSet<_> = edges.values().flatten().cloned().collect();
        let before: usize = edges.values().map(BTreeSet::len).sum();
        edges.retain(|file, others| used.contains(file) && !others.is_empty());
        let left: BTreeSet<_> = edges.keys().cloned().collect();
        edges
            .values_mut()
            .for_each(|others| others.retain(|other| left.contains(other)));
        if edges.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let shown = edges.iter().map(|(file, others)| {
        let others: Vec<_> = others.iter().map(|other| other.join("/")).collect();
        format!("{} uses {}", file.join("/"), others.join(", "))
    });
    shown.collect()
}
