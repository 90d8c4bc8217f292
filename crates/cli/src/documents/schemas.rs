//! The published schemas, and what is compared with them. `UPDATE_SCHEMAS=1 cargo test -p aztec-kit schemas` writes them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use aztec::checks::{Report, Topic};
use jsonschema::Validator;
use keys::StakerOutput;
use provision::engine::Plan;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{
    Alerted, Checked, Document, Explained, Exported, Failed, Listing, Made, Outcome,
    ReleaseChecked, ReleaseList, SCHEMA_VERSION, Status, Versioned,
};

/// The schema of everything that is printed, by its name.
fn made() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        document::<Alerted<'_>>(),
        document::<Checked<'_>>(),
        document::<Explained<'_>>(),
        document::<Exported<'_>>(),
        document::<Failed<'_>>(),
        document::<Listing<'_>>(),
        document::<Made<'_>>(),
        document::<Outcome<'_>>(),
        document::<Plan>(),
        document::<ReleaseChecked<'_>>(),
        document::<ReleaseList<'_>>(),
        document::<Report>(),
        document::<Status<'_>>(),
        // Of a form that Aztec has set: no document of ours.
        ("staker-output", schema::<Vec<StakerOutput>>()),
    ])
}

fn schema<T: JsonSchema + ?Sized>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    json!(settings.into_generator().into_root_schema_for::<T>())
}

/// The schema of a document, which says its name and its edition.
fn document<D: Document + JsonSchema>() -> (&'static str, Value) {
    let mut whole = schema::<Versioned<'_, D>>();
    whole["title"] = json!(format!("aztec-kit {}", D::NAME));
    whole["description"] = schema::<D>()["description"].take();
    whole["properties"]["schema_version"]["const"] = json!(SCHEMA_VERSION);
    whole["properties"]["document"]["const"] = json!(D::NAME);
    (D::NAME, whole)
}

fn published(name: &str) -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.join("../../docs/reference/schemas")
        .join(format!("{name}.json"))
}

/// A schema that allows nothing but what it names: what is printed has no field that is not published.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            for value in object.values_mut() {
                *value = closed(value.take());
            }
            if object.get("properties").is_some_and(Value::is_object) {
                object.insert("unevaluatedProperties".into(), json!(false));
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = closed(item.take());
            }
        }
        _ => {}
    }
    schema
}

static VALIDATORS: LazyLock<BTreeMap<&'static str, Validator>> = LazyLock::new(|| {
    let names = made().into_keys();
    let read = names.map(|name| {
        let text = fs::read(published(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let schema = closed(serde_json::from_slice(&text).unwrap());
        (name, jsonschema::validator_for(&schema).unwrap())
    });
    read.collect()
});

/// Checks a document that was printed against its published schema, and gives its name.
pub fn checked(document: &Value) -> &'static str {
    let name = match document.is_array() {
        true => "staker-output",
        false => document["document"].as_str().expect("its name"),
    };
    let (name, validator) = VALIDATORS
        .get_key_value(name)
        .unwrap_or_else(|| panic!("{name} has no schema"));
    let wrong: Vec<_> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{name}: {wrong:#?} in {document:#}");
    name
}

/// The names of all that is published.
pub fn names() -> Vec<&'static str> {
    made().into_keys().collect()
}

#[test]
fn the_published_schemas_are_those_of_the_documents() {
    let dir = published("x");
    let dir = dir.parent().unwrap();
    let write = std::env::var_os("UPDATE_SCHEMAS").is_some();
    if write {
        fs::create_dir_all(dir).unwrap();
    }
    for (name, schema) in made() {
        let text = format!("{schema:#}\n");
        if write {
            fs::write(published(name), &text).unwrap();
        }
        let there = fs::read_to_string(published(name)).unwrap_or_default();
        assert!(
            there == text,
            "{name}.json is another one: UPDATE_SCHEMAS=1 writes it"
        );
    }
    let files = fs::read_dir(dir).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    let wanted: Vec<OsString> = names()
        .iter()
        .map(|it| format!("{it}.json").into())
        .collect();
    assert_eq!(files, wanted, "{}", dir.display());
}

/// Every check has its row in the reference, in the words of its variant, and every row is of a check.
#[test]
fn the_reference_lists_every_check() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/checks.md"
    );
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<_> = text.lines().filter(|it| it.starts_with("| `")).collect();
    let topics = schema::<Topic>();
    let topics = topics["oneOf"].as_array().unwrap().iter();
    let word = |topic: &Value, field: &str| topic[field].as_str().unwrap().to_owned();
    let wanted: Vec<_> = topics
        .map(|it| format!("| `{}` | {} |", word(it, "const"), word(it, "description")))
        .collect();
    assert_eq!(rows, wanted);
}

#[test]
fn a_document_that_is_not_as_published_is_found() {
    let good = json!({
        "schema_version": 1, "document": "keys-export", "directory": "/root/backup", "files": ["a.json"],
    });
    assert_eq!(checked(&good), "keys-export");
    for (field, value) in [
        ("schema_version", json!(2)),
        ("files", json!("a.json")),
        ("directory", Value::Null),
        ("more", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let found = std::panic::catch_unwind(|| checked(&bad));
        assert!(found.is_err(), "{field}");
    }
}
