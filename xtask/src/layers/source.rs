//! One source file: what it uses, and what it re-exports.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

/// The segments of a path.
pub(super) type Segments = Vec<String>;

/// A path, and the module in which it is written.
#[derive(Debug)]
pub(super) struct Use {
    pub scope: Segments,
    pub path: Segments,
}

/// A file of a crate.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The path of the file below the workspace.
    pub file: String,
    /// Its module, as segments below the crate.
    pub module: Segments,
    /// The paths that it names.
    uses: Vec<Use>,
    /// Its re-exports: the path below the crate that each makes, and what it stands for.
    pub exports: Vec<(Segments, Use)>,
    /// Modules in other files that are compiled only for tests.
    pub tests: Vec<Segments>,
    /// The single names in its code.
    names: BTreeSet<String>,
    /// The module that is visited: that of the file, or one inside it.
    scope: Segments,
}

impl Source {
    /// Reads a file. `below` is its path below `src`.
    pub(super) fn parse(file: &str, below: &str, text: &str) -> syn::Result<Self> {
        let module = module(below);
        let mut source = Self {
            file: file.to_owned(),
            scope: module.clone(),
            module,
            ..Self::default()
        };
        source.visit_file(&syn::parse_file(text)?);
        Ok(source)
    }

    /// The paths that it names, and its re-exports whose names it uses itself.
    pub(super) fn all_uses(&self) -> impl Iterator<Item = &Use> {
        let used = |name: &Segments| name.last().is_some_and(|name| self.names.contains(name));
        let exports = self.exports.iter().filter(move |(name, _)| used(name));
        self.uses.iter().chain(exports.map(|(_, it)| it))
    }

    fn uses(&mut self, path: Segments) {
        let scope = self.scope.clone();
        self.uses.push(Use { scope, path });
    }

    fn exports(&mut self, name: &str, path: Segments) {
        let scope = self.scope.clone();
        let name = [&scope[..], &[name.to_owned()]].concat();
        self.exports.push((name, Use { scope, path }));
    }

    fn tree(&mut self, before: &[String], tree: &UseTree, is_export: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree, is_export),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(before, tree, is_export);
                }
            }
            UseTree::Glob(_) => self.uses(before.to_vec()),
            UseTree::Name(name) if name.ident == "self" => self.uses(before.to_vec()),
            UseTree::Name(name) if is_export => {
                self.exports(&name.ident.to_string(), with(&name.ident));
            }
            UseTree::Name(name) => self.uses(with(&name.ident)),
            UseTree::Rename(both) if is_export => {
                self.exports(&both.rename.to_string(), with(&both.ident));
            }
            UseTree::Rename(both) => self.uses(with(&both.ident)),
        }
    }

    /// The paths in the arguments of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Segments::new();
        let mut colons = 0;
        for tree in tokens {
            match tree {
                TokenTree::Punct(sign) if sign.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(name) if colons == 2 => path.push(name.to_string()),
                TokenTree::Ident(name) => {
                    self.ended(std::mem::replace(&mut path, vec![name.to_string()]));
                }
                TokenTree::Group(group) => {
                    self.ended(std::mem::take(&mut path));
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.ended(std::mem::take(&mut path));
                }
            }
            colons = 0;
        }
        self.ended(path);
    }

    /// A path outside of a `use`. For a single name, the `use` that brought it here counts.
    fn ended(&mut self, path: Segments) {
        match &path[..] {
            [] => {}
            [name] => {
                self.names.insert(name.clone());
            }
            _ => self.uses(path),
        }
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        } else if let Item::Mod(ItemMod {
            ident,
            content: None,
            ..
        }) = item
        {
            let module = [&self.scope[..], &[ident.to_string()]].concat();
            self.tests.push(module);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let is_test =
            matches!(item, ImplItem::Fn(function) if function.attrs.iter().any(is_for_tests));
        if !is_test {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.scope.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.scope.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_export = !matches!(item.vis, Visibility::Inherited);
        self.tree(&[], &item.tree, is_export);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        let is_exported = item
            .attrs
            .iter()
            .any(|it| it.path().is_ident("macro_export"));
        // The name of such a macro is in the root of the crate, wherever it is written.
        if let Some(name) = item.ident.as_ref().filter(|_| is_exported) {
            let (scope, name) = (self.scope.clone(), name.to_string());
            let path = vec!["self".to_owned(), name.clone()];
            self.exports.push((vec![name], Use { scope, path }));
        }
        visit::visit_item_macro(self, item);
    }

    // `pub(in path)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|it| it.ident.to_string());
        self.ended(segments.collect());
        visit::visit_path(self, path);
    }
}

/// The module of a file, from its path below `src`.
fn module(below: &str) -> Segments {
    let stem = below.strip_suffix(".rs").unwrap_or(below);
    let mut segments: Segments = stem.split('/').map(str::to_owned).collect();
    let last = segments.last().map(String::as_str);
    if last == Some("mod") || matches!(stem, "lib" | "main") {
        segments.pop();
    }
    segments
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let list = attribute.meta.require_list();
    attribute.path().is_ident("cfg") && list.is_ok_and(|list| list.tokens.to_string() == "test")
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
