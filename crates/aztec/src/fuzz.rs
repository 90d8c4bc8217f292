//! Private functions that read foreign text, for the fuzzers of the folder `fuzz`.

use std::collections::BTreeMap;

use provision::{Fault, Text};
use serde_json::Value;

use crate::data::{Description, Omitted, Release, ReleaseFacts, Table, folder, wrong_fact};
use crate::env::{self, Decoded};
use crate::{alert, checks, data, facts, kinds, settings, signer};

/// The redacted text of `kit.toml`.
pub fn shown(text: &str, release: &Release) -> Text {
    settings::shown(text, release)
}

/// The variables of an environment file as systemd reads them: name, value, and whether it accepts the line.
pub fn entries(text: &str) -> Vec<(String, String, bool)> {
    let entries = env::entries(text).into_iter();
    entries
        .map(|entry| {
            let valid = entry.is_valid() && entry.closed;
            (entry.name, entry.value.unwrap_or_default(), valid)
        })
        .collect()
}

/// The environment file of these variables.
pub fn rendered(variables: &BTreeMap<String, String>) -> Text {
    let variables = variables.iter();
    let typed = variables.map(|(name, value)| (name.clone(), env::Value::secret(value.as_str())));
    env::render("Fuzz", &typed.collect())
}

/// The text that systemd reads from the bytes of an environment file; `None` if it refuses the file.
pub fn whole(bytes: &[u8]) -> Option<String> {
    match env::decode(bytes) {
        Decoded::Read(text) | Decoded::Marked(text, _) => Some(text),
        Decoded::Refused(..) => None,
    }
}

/// Reads a file of a release's folder.
///
/// # Errors
///
/// When it has a mistake, with its line.
pub fn release_file(name: &str, text: &str) -> Result<(), Fault> {
    match name {
        "env.toml" => Table::read("1.0.0", &[(name.to_owned(), text)]).map(drop),
        "omit.toml" => folder::read::<Omitted>(name, text).map(drop),
        _ => {
            folder::read::<toml::Table>(name, text)?;
            if folder::read::<Description>(name, text).is_ok() {
                return Ok(());
            }
            let facts: ReleaseFacts = folder::read(name, text)?;
            wrong_fact(&facts).map_or(Ok(()), |wrong| {
                let line = folder::line_of(text, &wrong.key);
                let what = format!("{name}:{line}: {}: {}", wrong.key, wrong.what);
                Err(Fault::new(what).fix(wrong.fix))
            })
        }
    }
}

/// The patterns of files in the packages of a release that are never written.
pub fn omitted(release: &Release) -> Vec<String> {
    Omitted::of(release).paths()
}

/// The number of duties that a node reports, of missed duties, and of watched slots.
///
/// # Errors
///
/// Why there is no view.
pub fn duties(answer: &Value) -> Result<(usize, usize, u64), String> {
    let view = signer::View::read(answer)?;
    let duties = || view.history.values().flatten();
    let missed = duties().filter(|(_, duty)| *duty == signer::Duty::Missed);
    Ok((duties().count(), missed.count(), view.watched()))
}

/// A claim, written again.
pub fn claim(bytes: &[u8]) -> Option<Vec<u8>> {
    let claim: signer::Claim = serde_json::from_slice(bytes).ok()?;
    serde_json::to_vec(&claim).ok()
}

/// The deliveries of an alert, from the metrics of Alertmanager before and after it.
pub fn deliveries(before: &str, after: &str, names: &[String]) -> Vec<alert::Delivery> {
    let [before, after] = [before, after].map(alert::Counts::parse);
    after.since(&before, names)
}

/// The version of a package, the flags of a processor and the memory of a host.
pub fn facts(text: &str) -> (Option<(u32, u32)>, Vec<String>, u64) {
    let (version, flags) = (facts::version(text), facts::cpu_flags(text));
    (version, flags, facts::memory(text))
}

/// The registry in a record of contracts, and the lines that aztec-kit wrote.
pub fn record(text: &str) -> (Option<l1::Address>, String) {
    (kinds::registry(text), kinds::ours(text))
}

/// The complaints in a log.
pub fn heard(lines: &[provision::tools::journal::Line]) -> Vec<checks::Finding> {
    checks::heard("aztec-node.service", lines, 0)
}

/// The rollup of databases, from the file in which the node records it.
pub fn rollup(text: &str) -> Option<l1::Address> {
    crate::databases::noted(text)
}

/// A version of a release, written again.
pub fn version(text: &str) -> Option<String> {
    data::version(text).ok().map(|version| version.to_string())
}
