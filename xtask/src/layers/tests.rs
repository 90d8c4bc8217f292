//! Crates that are made up: which circles and wrong layers are found in them.

use super::*;

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let owned = |(file, text): &(&str, &str)| ((*file).to_owned(), (*text).to_owned());
    faults(&files.iter().map(owned).collect())
}

/// The uses that are in a circle in a crate of these files, as `a b`.
fn circle(files: &[(&str, &str)]) -> Vec<String> {
    let placed: Vec<_> = files
        .iter()
        .map(|(file, text)| (format!("crates/keys/src/{file}"), *text))
        .collect();
    let files: Vec<_> = placed
        .iter()
        .map(|(file, text)| (&file[..], *text))
        .collect();
    let short = |fault: String| {
        let words: Vec<_> = fault.split(' ').collect();
        let name = |word: &str| {
            let name = word.trim_start_matches("crates/keys/src/");
            name.trim_end_matches([':', ',']).to_owned()
        };
        format!("{} {}", name(words[0]), name(words[2]))
    };
    found(&files).into_iter().map(short).collect()
}

#[test]
fn a_circle_is_named_by_its_files_and_paths() {
    let files = [
        ("crates/keys/src/a.rs", "use super::b::Both;"),
        ("crates/keys/src/b.rs", "fn f() { crate::a::f() }"),
        ("crates/keys/src/lib.rs", "mod a; mod b; use a::f;"),
    ];
    assert_eq!(
        found(&files),
        [
            "crates/keys/src/a.rs: uses crates/keys/src/b.rs (`super::b::Both`), which in turn depends on this file: \
             move the item that both need to a file of its own",
            "crates/keys/src/b.rs: uses crates/keys/src/a.rs (`crate::a::f`), which in turn depends on this file: \
             move the item that both need to a file of its own",
        ]
    );
}

#[test]
fn a_circle_of_three_is_found_and_what_is_beside_it_is_not() {
    let found = circle(&[
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::c::C; use crate::below::X;"),
        ("c.rs", "use crate::a::A;"),
        ("above.rs", "use crate::a::A; use crate::b::B;"),
        ("below.rs", "pub struct X;"),
        ("lib.rs", "mod a;"),
    ]);
    assert_eq!(found, ["a.rs b.rs", "b.rs c.rs", "c.rs a.rs"]);
}

#[test]
fn a_folder_and_its_files_are_in_a_circle_when_both_use_each_other() {
    let parent = (
        "part/mod.rs",
        "mod child; use child::Child; pub struct Own;",
    );
    let found = circle(&[parent, ("part/child.rs", "use super::Own;")]);
    assert_eq!(
        found,
        ["part/child.rs part/mod.rs", "part/mod.rs part/child.rs"]
    );
    assert_eq!(
        circle(&[parent, ("part/child.rs", "pub struct Child;")]),
        [""; 0]
    );
}

#[test]
fn a_use_counts_for_the_file_behind_a_re_export() {
    // c.rs uses a.rs through two re-exports and not the files that pass it on.
    let found = circle(&[
        ("lib.rs", "mod a; mod b; mod c; pub use b::A; use c::C;"),
        ("a.rs", "use crate::c::C;"),
        ("b.rs", "pub use super::a::Own as A;"),
        ("c.rs", "use crate::A;"),
    ]);
    assert_eq!(found, ["a.rs c.rs", "c.rs a.rs"]);
}

#[test]
fn a_re_export_is_a_use_where_its_name_is_used() {
    let files = |parent| circle(&[("a/mod.rs", parent), ("a/b.rs", "use super::Own;")]);
    assert_eq!(files("mod b; pub use b::B; pub struct Own;"), [""; 0]);
    assert_eq!(
        files("mod b; pub use b::B; pub struct Own(B);"),
        ["a/b.rs a/mod.rs", "a/mod.rs a/b.rs"]
    );
}

#[test]
fn a_macro_is_in_its_own_file_and_its_arguments_are_read() {
    let shout = "#[macro_export] macro_rules! shout { ($it:expr) => { $crate::shout::loud($it) } }";
    let files = |argument| {
        circle(&[
            ("lib.rs", "mod a; mod shout; fn f() { a::run() }"),
            ("shout.rs", shout),
            ("a.rs", argument),
        ])
    };
    assert_eq!(
        files("use crate::shout; fn run() { crate::shout!(1) }"),
        [""; 0]
    );
    assert_eq!(
        files("fn run() { shout!([x: 1, crate::f()]) }"),
        ["a.rs lib.rs", "lib.rs a.rs"]
    );
}

#[test]
fn what_is_compiled_for_tests_may_use_anything() {
    let lib = "mod a; mod b; #[cfg(test)] mod whole; use a::A; fn f() { whole::run() }";
    let found = circle(&[
        ("lib.rs", lib),
        (
            "a.rs",
            "#[cfg(test)] mod tests { use crate::b::B; use super::super::f; }",
        ),
        (
            "b.rs",
            "use crate::a::A; #[cfg(test)] use crate::f; impl B { #[cfg(test)] fn t() { crate::f() } }",
        ),
        ("whole/mod.rs", "mod one; use crate::f;"),
        ("whole/one.rs", "use super::run;"),
        ("a_tests.rs", "use crate::f;"),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_module_inside_a_file_is_part_of_the_file() {
    let lib = "mod a; mod b; use a::A;";
    let found = circle(&[
        ("lib.rs", lib),
        (
            "a.rs",
            "pub struct A; pub mod inner { use super::A; pub use super::super::b::B; }",
        ),
        ("b.rs", "use crate::a::inner::Own;"),
    ]);
    assert_eq!(found, [""; 0]);
    let found = circle(&[
        ("lib.rs", lib),
        ("a.rs", "pub mod inner { use super::super::b::B; }"),
        ("b.rs", "use crate::a::inner::Own;"),
    ]);
    assert_eq!(found, ["a.rs b.rs", "b.rs a.rs"]);
}

#[test]
fn a_function_may_have_the_name_of_its_module() {
    let found = circle(&[
        ("lib.rs", "mod list; pub use list::list;"),
        (
            "list/mod.rs",
            "mod a; pub fn list() { a::run() } pub struct Own;",
        ),
        ("list/a.rs", "use crate::list::Own;"),
    ]);
    assert_eq!(found, ["list/a.rs list/mod.rs", "list/mod.rs list/a.rs"]);
}

#[test]
fn a_program_beside_a_library_is_not_its_root() {
    let (main, part) = (
        "mod part; fn f() { part::run() }",
        "use crate::f; pub(in crate::part) fn run() {}",
    );
    let alone = [("main.rs", main), ("part.rs", part)];
    assert_eq!(circle(&alone), ["main.rs part.rs", "part.rs main.rs"]);
    let both = [("lib.rs", "mod part;"), alone[0], alone[1]];
    assert_eq!(circle(&both), [""; 0]);
    let inner = "pub(in crate::part) fn run() {}";
    assert_eq!(circle(&[("main.rs", main), ("part.rs", inner)]), [""; 0]);
}

#[test]
fn each_wrong_layer_is_found() {
    let found = found(&[
        ("crates/aztec/src/lib.rs", "mod checks; use checks::C;"),
        (
            "crates/aztec/src/checks.rs",
            "use crate::names::role; use crate::settings::S;",
        ),
        (
            "crates/aztec/src/names/mod.rs",
            "use crate::layout::X; mod role;",
        ),
        (
            "crates/aztec/src/names/role.rs",
            "use super::Y; use crate::checks::C; use crate::Z;",
        ),
        ("crates/aztec/src/layout.rs", "use crate::severity::H;"),
        ("crates/aztec/src/severity.rs", ""),
        ("crates/aztec/src/settings.rs", ""),
        ("crates/aztec/src/news.rs", ""),
        ("crates/aztec/src/news_tests.rs", ""),
    ]);
    let layers = "move the item to a lower layer (LAYERS in xtask/src/layers/mod.rs)";
    let found: Vec<_> = found
        .iter()
        .filter(|fault| !fault.contains("in turn"))
        .collect();
    assert_eq!(
        found,
        [
            "crates/aztec/src/news.rs: `news` has no layer: add it to LAYERS in xtask/src/layers/mod.rs",
            &format!(
                "crates/aztec/src/layout.rs: uses crates/aztec/src/severity.rs (`crate::severity::H`), \
                 but `severity` is not below `layout`: {layers}"
            ),
            &format!(
                "crates/aztec/src/names/role.rs: uses crates/aztec/src/checks.rs (`crate::checks::C`), \
                 but `checks` is not below `names`: {layers}"
            ),
            "crates/aztec/src/names/role.rs: uses crates/aztec/src/lib.rs (`crate::Z`): name the module itself",
        ]
    );
}

#[test]
fn only_sources_of_the_workspace_are_read_and_each_can_be_parsed() {
    assert_eq!(
        placed("crates/keys/src/eth.rs"),
        Some(("crates/keys", "eth.rs"))
    );
    assert_eq!(placed("xtask/src/vm/mod.rs"), Some(("xtask", "vm/mod.rs")));
    for other in [
        "crates/keys/tests/a/src/b.rs",
        "crates/keys/build.rs",
        "docs/src/a.rs",
    ] {
        assert_eq!(placed(other), None);
    }
    let found = found(&[("fuzz/src/lib.rs", "fn")]);
    assert!(
        found[0].starts_with("fuzz/src/lib.rs: cannot be parsed: "),
        "{found:?}"
    );
}
