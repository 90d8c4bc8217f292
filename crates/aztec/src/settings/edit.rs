//! Writes the flags of a command line into `kit.toml`, and keeps the operator's comments.

use std::net::IpAddr;

use super::{encoding, file, mistake};
use provision::Fault;
use secrecy::{ExposeSecret, SecretString};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use crate::names::Role;

/// The keys that a command line sets. All other keys of the file stay as they are.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Keys, each with its table, and their values.
    keys: Vec<(String, NewValue)>,
    /// The SSH client that is connected now.
    ssh_client: Option<IpAddr>,
}

/// The value of a key. A text may carry a secret.
#[derive(Debug, Clone)]
enum NewValue {
    On,
    Number(u64),
    Text(SecretString),
    List(Vec<SecretString>),
}

impl Asked {
    /// Turns a switch on.
    #[must_use]
    pub fn on(self, key: &str) -> Self {
        self.with(key, NewValue::On)
    }

    /// Sets a number.
    #[must_use]
    pub fn number(self, key: &str, number: u64) -> Self {
        self.with(key, NewValue::Number(number))
    }

    /// Sets a text.
    #[must_use]
    pub fn text(self, key: &str, text: impl Into<SecretString>) -> Self {
        self.with(key, NewValue::Text(text.into()))
    }

    /// Sets a list of texts.
    #[must_use]
    pub fn list(self, key: &str, texts: impl IntoIterator<Item = impl Into<SecretString>>) -> Self {
        let texts = texts.into_iter().map(Into::into);
        self.with(key, NewValue::List(texts.collect()))
    }

    /// Records the SSH client that runs the command.
    #[must_use]
    pub fn by(self, ssh_client: Option<IpAddr>) -> Self {
        Self { ssh_client, ..self }
    }

    fn with(mut self, key: &str, value: NewValue) -> Self {
        self.keys.push((key.to_owned(), value));
        self
    }

    /// Whether the command line enables a table.
    fn turns_on(&self, table: &str) -> bool {
        let mut keys = self.keys.iter().map(|(key, _)| key.as_str());
        keys.any(|key| key.strip_suffix(".enabled") == Some(table))
    }

    /// The roles that the command line enables. Enabling one never removes another.
    fn roles(&self) -> Vec<Role> {
        Role::all()
            .filter(|role| self.turns_on(role.spec().table))
            .collect()
    }
}

impl NewValue {
    fn value(&self, key: &str) -> Result<Value, Fault> {
        Ok(match self {
            Self::On => true.into(),
            Self::Number(number) => i64::try_from(*number)
                .map_err(|_| {
                    Fault::new(format!(
                        "kit.toml: {key}: {number} is larger than TOML can represent"
                    ))
                    .fix("Write a smaller number.")
                })?
                .into(),
            Self::Text(text) => text.expose_secret().into(),
            Self::List(texts) => {
                let texts: Array = texts.iter().map(SecretString::expose_secret).collect();
                Value::Array(texts)
            }
        })
    }
}

/// The first line of a new file.
pub(super) const HEAD: &str =
    "# What this host shall be. Edit it and run `aztec-kit plan`, then `aztec-kit apply`.\n";

/// The text of `kit.toml` with the keys of the command line; pure.
pub fn edited(text: Option<&str>, command_line: &Asked) -> Result<String, Fault> {
    let old = text.unwrap_or_default();
    encoding::check(old)?;
    let mut document: DocumentMut = old.parse().map_err(|error: toml_edit::TomlError| {
        mistake::fault(old, error.message(), error.span())
    })?;
    let before = document.to_string();
    for (key, value) in &command_line.keys {
        set(&mut document, key, value.value(key)?)?;
    }
    // A host for prover agents only provides its cores and does not get a node.
    if text.is_none() && command_line.roles() == [Role::ProverAgent] {
        set(&mut document, "node.enabled", false.into())?;
    }
    if let (true, Some(client)) = (command_line.turns_on("hardening"), command_line.ssh_client) {
        never_ban(&mut document, client);
    }
    // toml_edit would put a comment without a key below the keys.
    let head = if text.is_none() { HEAD } else { "" };
    let new = document.to_string();
    // The writer uses its own line ends, no byte order mark, and no blanks in the headers of some tables, even if nothing was
    // edited.
    let new = match new == before {
        true => format!("{head}{old}"),
        false => format!("{head}{new}"),
    };
    match (file::parse(&new), file::parse(old)) {
        // The line numbers are those of the operator's own file if the mistake is in it.
        (Err(_), Err(mistake)) => Err(mistake),
        _ => Ok(new),
    }
}

/// Sets a key. An equal value keeps its form.
fn set(document: &mut DocumentMut, key: &str, new: Value) -> Result<(), Fault> {
    let (place, key): (&mut dyn TableLike, _) = match key.split_once('.') {
        None => (document.as_table_mut(), key),
        Some((name, key)) => {
            let table = document
                .entry(name)
                .or_insert_with(|| Item::Table(Table::new()))
                .as_table_like_mut();
            let table = table.ok_or_else(|| {
                Fault::new(format!("kit.toml: `{name}` is not a table"))
                    .fix(format!("Write it as [{name}]."))
            })?;
            (table, key)
        }
    };
    match place.get_mut(key).and_then(Item::as_value_mut) {
        None => drop(place.insert(key, Item::Value(new))),
        Some(old) if meaning(old) == meaning(&new) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = new;
            *old.decor_mut() = decor;
        }
    }
    Ok(())
}

/// Records the operator's SSH client, so that it is never banned. Only the first one is recorded: a later run may come
/// from elsewhere, and must not change the file.
fn never_ban(document: &mut DocumentMut, client: IpAddr) {
    let Some(hardening) = document
        .get_mut("hardening")
        .and_then(Item::as_table_like_mut)
    else {
        return;
    };
    if !hardening.contains_key("never_ban") {
        let mut clients = Array::new();
        clients.push(client.to_string());
        hardening.insert("never_ban", Item::Value(Value::Array(clients)));
    }
}

/// The value without its quotes, white space and comments.
fn meaning(value: &Value) -> String {
    match value {
        Value::String(text) => text.value().clone(),
        Value::Array(array) => array.iter().map(meaning).collect::<Vec<_>>().join(","),
        other => other.to_string().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits() -> Asked {
        let edits = Asked::default().text("network", "local");
        edits.on("sequencer.enabled")
    }

    #[test]
    fn a_new_file_has_only_the_keys_of_the_command_line() {
        let text = edited(None, &edits()).unwrap();
        assert!(text.starts_with("# What this host shall be"), "{text}");
        assert!(text.contains("network = \"local\"\n"), "{text}");
        assert!(text.contains("[sequencer]\nenabled = true\n"), "{text}");
    }

    #[test]
    fn the_same_command_line_changes_nothing() {
        let text = "network  =  'local' # mine\n\n[sequencer]\nenabled = true\n[l1]\nconsensus_urls = [ 'https://a' ]\n";
        let again = edits().list("l1.consensus_urls", ["https://a"]);
        assert_eq!(edited(Some(text), &again).unwrap(), text);
        // Missing line ends, or those of another system, change nothing either.
        for own in [
            "network = \"local\"",
            "# mine",
            "",
            "# mine\r\nstandby = true\r\n",
            "\u{feff}# mine\n",
            "[[ \t monitoring.receivers]]\ntype = \"telegram\"\n",
        ] {
            assert_eq!(edited(Some(own), &Asked::default()).unwrap(), own);
        }
    }

    #[test]
    fn a_table_in_one_line_stays_in_one_line() {
        let text = "prover = { enabled = false, agents = 2 } # mine\nhardening = { ssh = false }\n";
        let edits = Asked::default()
            .on("prover.enabled")
            .on("hardening.enabled");
        let edits = edits.by(Some([192, 0, 2, 1].into()));
        assert_eq!(
            edited(Some(text), &edits).unwrap(),
            "prover = { enabled = true, agents = 2 } # mine\n\
             hardening = { ssh = false , enabled = true, never_ban = [\"192.0.2.1\"] }\n"
        );
    }

    #[test]
    fn a_host_with_only_agents_gets_no_node() {
        let agents = Asked::default().on("prover_agent.enabled");
        let nodeless = |text: Option<&str>, edits: &Asked| {
            edited(text, edits)
                .unwrap()
                .contains("[node]\nenabled = false\n")
        };
        assert!(nodeless(None, &agents));
        assert!(!nodeless(None, &agents.clone().on("bootnode.enabled")));
        assert!(!nodeless(Some("network = \"local\"\n"), &agents));
    }

    #[test]
    fn only_the_first_client_is_recorded() {
        let from = |last| {
            let client = Some([192, 0, 2, last].into());
            Asked::default().on("hardening.enabled").by(client)
        };
        let first = edited(None, &from(1)).unwrap();
        assert!(
            first.contains("[hardening]\nenabled = true\nnever_ban = [\"192.0.2.1\"]\n"),
            "{first}"
        );
        assert_eq!(edited(Some(&first), &from(2)).unwrap(), first);
    }

    #[test]
    fn comments_of_the_operator_stay() {
        let text = "# mine\nnetwork = \"testnet\"\n[env] # more\nLOG_LEVEL = \"debug\"\n";
        let new = edited(Some(text), &edits()).unwrap();
        assert!(
            new.contains("# mine") && new.contains("# more") && new.contains("network = \"local\""),
            "{new}"
        );
    }
}
