//! The published schemas, and the comparison with them. `UPDATE_SCHEMAS=1 cargo test -p aztec-kit schemas` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use aztec::checks::{Bundle, Diagnosis, Report, Topic, table};
use jsonschema::Validator;
use keys::StakerOutput;
use provision::engine::Plan;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{
    Alerted, Checked, ChecksList, Confirmed, Document, Event, Explained, Exported, Failed,
    Forgotten, Listing, LogLine, Made, Outcome, ReleaseChecked, ReleaseList, SCHEMA_VERSION,
    ServiceCommand, Status, Versioned,
};

/// The schema of every document, by its name.
fn generated() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        document::<Bundle>(),
        document::<Diagnosis>(),
        document::<Confirmed<'_>>(),
        document::<Event<'_>>(),
        document::<Forgotten<'_>>(),
        document::<LogLine<'_>>(),
        document::<ServiceCommand<'_>>(),
        document::<Alerted<'_>>(),
        document::<Checked<'_>>(),
        document::<ChecksList<'_>>(),
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
        // Aztec defines this format, so it is not a document of aztec-kit.
        ("staker-output", schema::<Vec<StakerOutput>>()),
    ])
}

fn schema<T: JsonSchema + ?Sized>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    json!(settings.into_generator().into_root_schema_for::<T>())
}

/// The schema of a document, with its name and its version.
fn document<D: Document + JsonSchema>() -> (&'static str, Value) {
    let mut whole = schema::<Versioned<'_, D>>();
    whole["title"] = json!(format!("aztec-kit {}", D::NAME));
    whole["description"] = schema::<D>()["description"].take();
    whole["properties"]["schema_version"]["const"] = json!(SCHEMA_VERSION);
    whole["properties"]["document"]["const"] = json!(D::NAME);
    (D::NAME, whole)
}

fn path(name: &str) -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.join("../../docs/reference/schemas")
        .join(format!("{name}.json"))
}

fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// The published schemas, by name. `UPDATE_SCHEMAS` writes them first.
static PUBLISHED: LazyLock<BTreeMap<&'static str, String>> = LazyLock::new(|| {
    let generated = generated();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        for (name, schema) in &generated {
            fs::write(path(name), text(schema)).unwrap();
        }
    }
    let names = generated.into_keys();
    names
        .map(|name| (name, fs::read_to_string(path(name)).unwrap_or_default()))
        .collect()
});

/// A schema that forbids every field that it does not name, so a document has no unpublished field.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            let whole = object.get("properties").is_some_and(Value::is_object);
            for (key, value) in object.iter_mut() {
                *value = closed(value.take());
                // Each of these schemas covers only some of the fields.
                if whole && key == "oneOf" {
                    for part in value.as_array_mut().into_iter().flatten() {
                        part.as_object_mut()
                            .unwrap()
                            .remove("unevaluatedProperties");
                    }
                }
            }
            if whole {
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
    let published = PUBLISHED.iter();
    let read = published.map(|(name, text)| {
        let schema = serde_json::from_str(text).unwrap_or_else(|it| panic!("{name}: {it}"));
        (*name, jsonschema::validator_for(&closed(schema)).unwrap())
    });
    read.collect()
});

/// Checks a printed document against its published schema, and returns its name.
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

/// The names of all published schemas.
pub fn names() -> Vec<&'static str> {
    generated().into_keys().collect()
}

#[test]
fn the_published_schemas_are_those_of_the_documents() {
    for (name, schema) in generated() {
        let same = PUBLISHED[name] == text(&schema);
        assert!(
            same,
            "{name}.json is out of date: UPDATE_SCHEMAS=1 writes it"
        );
    }
    let files = fs::read_dir(path("x").parent().unwrap()).unwrap();
    let files: BTreeSet<_> = files.map(|file| file.unwrap().path()).collect();
    let expected = names().into_iter().map(path).collect();
    assert_eq!(files, expected);
}

/// The row of a topic in the reference.
fn row(topic: Topic) -> String {
    let names = |value: Value| {
        let names = value.as_array().unwrap().iter();
        let names: Vec<_> = names.map(|name| name.as_str().unwrap()).collect();
        names.join(", ")
    };
    let check = table::of(topic);
    let (phase, looks_at, verbs, needs) = match check {
        Some(check) => (
            check.phase.word(),
            check.looks_at,
            names(json!(check.verbs)),
            names(json!(check.needs)),
        ),
        None => ("", "the plan", "status".into(), String::new()),
    };
    let (name, reason) = (topic.name(), topic.reason());
    format!("| `{name}` | {phase} | {reason} | {looks_at} | {verbs} | {needs} |")
}

/// The reference has the table of checks. `UPDATE_SCHEMAS` writes it first.
#[test]
fn the_reference_lists_every_check() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/checks.md"
    );
    let expected: Vec<_> = Topic::ALL.iter().map(|topic| row(*topic)).collect();
    let text = fs::read_to_string(path).unwrap();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        let prose = text.lines().filter(|it| !it.starts_with("| `"));
        let lines: Vec<_> = prose.chain(expected.iter().map(String::as_str)).collect();
        fs::write(path, lines.join("\n") + "\n").unwrap();
    }
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<_> = text.lines().filter(|it| it.starts_with("| `")).collect();
    assert_eq!(rows, expected);
}

#[test]
fn a_document_that_violates_its_schema_is_found() {
    let good = json!({
        "schema_version": SCHEMA_VERSION, "document": "keys-export", "directory": "/root/backup", "files": ["a.json"],
    });
    assert_eq!(checked(&good), "keys-export");
    for (field, value) in [
        ("schema_version", json!(SCHEMA_VERSION + 1)),
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
