//! A desired state as text, for snapshots: everything about a resource except digests.

use aztec::kinds::Kind;
use provision::engine::{Graph, Node, Resource};
use serde_json::{Map, Value};

/// Fields that repeat the id or another resource, and digests. A digest changes with each letter of a text that is shown
/// itself.
const LEFT_OUT: &[&str] = &[
    "path",
    "name",
    "unit",
    "table",
    "purpose",
    "contracts",
    "stake",
    "funding",
    "lock",
    "sha256",
    "config_sha256",
];
/// Fields with a text of many lines.
const TEXTS: &[&str] = &["manifest", "text", "shown", "chains"];

/// Every resource in order: its dependencies, its fields, and its complete text if it has one.
pub fn shown(graph: &Graph<Kind>) -> String {
    let nodes = graph.ordered().unwrap();
    nodes.into_iter().map(one).collect()
}

/// One resource.
pub fn one(node: &Node<Kind>) -> String {
    let mut text = format!("{}\n", node.resource.id());
    let mut line = |line: &str| text.push_str(&format!("    {line}\n"));
    if !node.after.is_empty() {
        let after: Vec<_> = node.after.iter().map(ToString::to_string).collect();
        line(&format!("after: {}", after.join(" ")));
    }
    let fields = fields(&node.resource);
    for (field, value) in &fields {
        let field = field.as_str();
        if !LEFT_OUT.contains(&field) && !TEXTS.contains(&field) {
            for value in values(field, value) {
                line(&format!("{field}: {value}"));
            }
        }
    }
    for field in TEXTS {
        let text_of_field = fields.get(*field).and_then(Value::as_str);
        text_of_field
            .unwrap_or_default()
            .lines()
            .for_each(&mut line);
    }
    if let Kind::NftTable(table) = &node.resource {
        table.unit().text.lines().for_each(&mut line);
    }
    text
}

/// The specification of a resource, without the name of its kind.
fn fields(resource: &Kind) -> Map<String, Value> {
    let spec = serde_json::to_value(resource).unwrap();
    let (_, fields) = spec.as_object().unwrap().iter().next().unwrap();
    fields.as_object().unwrap().clone()
}

/// A field in one line, or in one line for each element that is more than a word. A missing field has no line.
fn values(field: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(owner) if field == "owner" => {
            let word = |name: &str| owner[name].as_str().unwrap();
            let mode = owner["mode"].as_u64().unwrap();
            vec![format!("{}:{} {mode:04o}", word("user"), word("group"))]
        }
        Value::Array(inputs) if field == "inputs" => {
            let ids = inputs.iter().map(|it| it["id"].clone()).collect();
            values("ids", &Value::Array(ids))
        }
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let words: Vec<_> = all.iter().map(plain).collect();
            words.first().map(|_| words.join(" ")).into_iter().collect()
        }
        Value::Array(all) => all.iter().map(plain).collect(),
        Value::Object(all) => {
            let pairs = all.iter();
            pairs
                .map(|(name, value)| format!("{name} = {}", plain(value)))
                .collect()
        }
        Value::Null | Value::Bool(false) => Vec::new(),
        value => vec![plain(value)],
    }
}

/// A value in a few words.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(pair) => pair.iter().map(plain).collect::<Vec<_>>().join(" = "),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let words: Vec<_> = fields
                .map(|(name, value)| format!("{name}={}", plain(value)))
                .collect();
            words.join(" ")
        }
        value => value.to_string(),
    }
}
