//! Mistakes in a described release. A test applies the same checks to the releases that aztec-kit carries.

use provision::Fault;

use super::folder::{Folder, LOCK};
use super::release::ReleaseFacts;
use crate::names::Component;

/// A fact that cannot be right.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// Its key, such as `roles.txe`.
    pub key: String,
    /// The mistake.
    pub what: String,
    /// What to do, a whole sentence.
    pub fix: String,
}

impl Wrong {
    /// A mistake and its fix.
    pub fn new(key: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            what: what.into(),
            fix: fix.into(),
        }
    }
}

/// The first fact that cannot be right.
pub(crate) fn facts(facts: &ReleaseFacts) -> Option<Wrong> {
    let method = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    for (key, value) in [("rpc", &facts.rpc), ("tips", &facts.tips)] {
        if !method(value) {
            return Some(Wrong::new(
                key,
                "not a part of the name of a method",
                "Write letters and digits only, for example rpc = \"aztec\".",
            ));
        }
    }
    if let Some(unknown) = facts
        .presets
        .iter()
        .find(|name| !facts.networks.contains(name))
    {
        return Some(Wrong::new(
            "presets",
            format!("`{unknown}` is not among its networks"),
            "Add it to networks, or remove it.",
        ));
    }
    let repository = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "./:_-".contains(c);
    // It becomes a word of a command line, where one that begins with a hyphen is an option.
    let begins = facts.image.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || !facts.image.chars().all(repository) {
        return Some(Wrong::new(
            "image",
            "not the repository of an image",
            "Write it without its tag, for example image = \"azteclabs/aztec\".",
        ));
    }
    if facts.stop_seconds == 0 {
        return Some(Wrong::new(
            "stop_seconds",
            "a process needs time to close its databases",
            "Write seconds, for example 180.",
        ));
    }
    if facts.agent.cpus == 0 || facts.agent.memory_gib == 0 {
        return Some(Wrong::new(
            "agent",
            "an agent needs CPUs and memory",
            "Write both, for example agent = { cpus = 64, memory_gib = 128 }.",
        ));
    }
    roles(facts)
}

fn roles(facts: &ReleaseFacts) -> Option<Wrong> {
    for (component, facts) in &facts.roles {
        let key = format!("roles.{}", component.spec().name);
        // It becomes part of a command line of systemd.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.=".contains(c);
        let flag = |flag: &String| flag.starts_with("--") && flag.chars().all(plain);
        if !facts.flags.iter().all(flag) {
            return Some(Wrong::new(
                key,
                "not a flag of `aztec start`",
                "Write each as --name or --name=value.",
            ));
        }
        if !facts.is_complete() {
            return Some(Wrong::new(
                key,
                "the role has neither flags nor a refusal",
                "Write flags = [\"--…\"], or refused = [{ why = \"…\", instead = \"…\" }].",
            ));
        }
        if facts.stop_seconds == Some(0) {
            return Some(Wrong::new(
                format!("{key}.stop_seconds"),
                "a process needs time to close its databases",
                "Write seconds, for example 180.",
            ));
        }
        if *component == Component::Pxe && facts.is_possible() {
            return Some(Wrong::new(
                key,
                "aztec-kit does not have a service for a PXE",
                "Remove the role from the description.",
            ));
        }
    }
    None
}

/// Checks that the lock file, if there is one, is of this release and pins every package by its digest.
///
/// # Errors
///
/// When it is not, or names the sources of packages: npm's configuration on each host decides them.
pub(crate) fn lock(folder: &Folder) -> Result<(), Fault> {
    const FIX: &str = "Remove it, or copy a file that `npm install --package-lock-only` wrote, without `resolved`.";
    let Some(text) = folder.lock else {
        return Ok(());
    };
    let file = folder.file(LOCK);
    let wrong = |what: String| Fault::new(format!("{file}: {what}")).fix(FIX);
    let lock: serde_json::Value = serde_json::from_str(&text.text()?)
        .map_err(|error| wrong("not a lock file".into()).because(error))?;
    let packages = lock["packages"].as_object();
    let packages = packages.ok_or_else(|| wrong("not a lock file of npm 7 or later".into()))?;
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        if !package["integrity"].is_string() {
            return Err(wrong(format!("{name} has no digest")));
        }
        if package.get("resolved").is_some() {
            return Err(wrong(format!("{name} names its source (`resolved`)")));
        }
    }
    let aztec = packages.get("node_modules/@aztec/aztec");
    if aztec.is_some_and(|aztec| aztec["version"] == folder.version) {
        Ok(())
    } else {
        Err(wrong(format!("it is not of Aztec {}", folder.version)))
    }
}
