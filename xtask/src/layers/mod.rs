//! The rules about which file uses which: no files of a crate form a circle, and a module of `crates/aztec` uses only
//! modules of lower layers (docs/decisions/0036-layers.md).
//!
//! The sources are parsed: `use` declarations, and paths that begin with `crate`, `super`, `self` or a child module,
//! also in the arguments of macros. Re-exports are followed. Code that is compiled only for tests may use anything.

mod circles;
mod edges;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use circles::circles;
use edges::{Edge, edges, without_tests};
use source::Source;

/// The crate that has layers.
const LAYERED: &str = "crates/aztec";

/// Its layers from the bottom: a module uses modules of the lines above its own, and none of its own line.
const LAYERS: &[&[&str]] = &[
    // Names and paths, and the common vocabulary.
    &["layout", "severity", "unit", "keystores"],
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

/// The faults of the sources: path below the workspace, and text. Each fault begins with the path of its file.
pub fn faults(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut packages: BTreeMap<&str, Vec<Source>> = BTreeMap::new();
    let mut faults = Vec::new();
    for (file, text) in sources {
        let Some((package, below)) = placed(file) else {
            continue;
        };
        // A program beside a library uses it from outside.
        if below == "main.rs" && sources.contains_key(&format!("{package}/src/lib.rs")) {
            continue;
        }
        match Source::parse(file, below, text) {
            Ok(source) => packages.entry(package).or_default().push(source),
            Err(error) => faults.push(format!("{file}: cannot be parsed: {error}")),
        }
    }
    for (package, sources) in packages {
        let sources = without_tests(&sources);
        let edges = edges(&sources);
        if package == LAYERED {
            faults.extend(sources.iter().filter_map(|source| no_layer(&source.file)));
            faults.extend(edges.iter().filter_map(wrong_layer));
        }
        faults.extend(circles(&edges).into_iter().map(in_a_circle));
    }
    faults
}

/// The package of a source file, and the path below its `src`. `None` for anything else, such as an integration test.
fn placed(file: &str) -> Option<(&str, &str)> {
    let (package, below) = file.split_once("/src/")?;
    let known = matches!(package, "xtask" | "fuzz")
        || package
            .strip_prefix("crates/")
            .is_some_and(|name| !name.contains('/'));
    (known && below.ends_with(".rs")).then_some((package, below))
}

fn in_a_circle(Edge { from, to, path }: &Edge) -> String {
    format!(
        "{from}: uses {to} (`{path}`), which in turn depends on this file: \
         move the item that both need to a file of its own"
    )
}

/// The fault of a file whose module is not in the table. `lib.rs` is the interface for other crates and needs no layer.
fn no_layer(file: &str) -> Option<String> {
    let module = module(file)?;
    layer(module).is_none().then(|| {
        format!("{file}: `{module}` has no layer: add it to LAYERS in xtask/src/layers/mod.rs")
    })
}

/// The fault of a use across layers, if it is one.
fn wrong_layer(Edge { from, to, path }: &Edge) -> Option<String> {
    let own = module(from)?;
    let layer = layer(own)?;
    let Some(other) = module(to) else {
        return Some(format!(
            "{from}: uses {to} (`{path}`): name the module itself"
        ));
    };
    let is_lower = self::layer(other).is_some_and(|other| other < layer);
    (own != other && !is_lower).then(|| {
        format!(
            "{from}: uses {to} (`{path}`), but `{other}` is not below `{own}`: move the item to a lower layer \
             (LAYERS in xtask/src/layers/mod.rs)"
        )
    })
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The topmost module that a file belongs to, `None` for `lib.rs`.
fn module(file: &str) -> Option<&str> {
    let (_, below) = placed(file)?;
    let first = below.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "main")).then_some(name)
}
