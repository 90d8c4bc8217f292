//! Writing what was asked on the command line into `kit.toml`, keeping the operator's comments.

use std::net::IpAddr;

use super::{encoding, file, mistake};
use provision::Fault;
use secrecy::{ExposeSecret, SecretString};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use crate::names::Role;

/// What was asked on the command line; what was not asked leaves the file's own word.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Keys, each with its table before it, and what they shall be.
    edits: Vec<(String, Wanted)>,
    /// Who is connected by SSH right now.
    ssh_client: Option<IpAddr>,
}

/// What a key shall be. A text may carry a secret.
#[derive(Debug, Clone)]
enum Wanted {
    On,
    Number(u64),
    Text(SecretString),
    List(Vec<SecretString>),
}

impl Asked {
    /// A switch is on.
    #[must_use]
    pub fn on(self, key: &str) -> Self {
        self.with(key, Wanted::On)
    }

    /// A number.
    #[must_use]
    pub fn number(self, key: &str, number: u64) -> Self {
        self.with(key, Wanted::Number(number))
    }

    /// A text.
    #[must_use]
    pub fn text(self, key: &str, text: impl Into<SecretString>) -> Self {
        self.with(key, Wanted::Text(text.into()))
    }

    /// A list of texts.
    #[must_use]
    pub fn list(self, key: &str, texts: impl IntoIterator<Item = impl Into<SecretString>>) -> Self {
        let texts = texts.into_iter().map(Into::into);
        self.with(key, Wanted::List(texts.collect()))
    }

    /// Who is connected by SSH, and asks for it.
    #[must_use]
    pub fn by(self, ssh_client: Option<IpAddr>) -> Self {
        Self { ssh_client, ..self }
    }

    fn with(mut self, key: &str, wanted: Wanted) -> Self {
        self.edits.push((key.to_owned(), wanted));
        self
    }

    /// Whether a table is asked to be there.
    fn turns_on(&self, table: &str) -> bool {
        let mut keys = self.edits.iter().map(|(key, _)| key.as_str());
        keys.any(|key| key.strip_suffix(".enabled") == Some(table))
    }

    /// The roles that are asked for; asking for one never takes another away.
    fn roles(&self) -> Vec<Role> {
        Role::all()
            .filter(|role| self.turns_on(role.spec().table))
            .collect()
    }
}

impl Wanted {
    fn value(&self, key: &str) -> Result<Value, Fault> {
        Ok(match self {
            Self::On => true.into(),
            Self::Number(number) => i64::try_from(*number)
                .map_err(|_| {
                    Fault::new(format!(
                        "kit.toml: {key}: {number} is more than the file can say"
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

/// The text of `kit.toml` with what was asked in it; pure.
pub fn edited(text: Option<&str>, asked: &Asked) -> Result<String, Fault> {
    let old = text.unwrap_or_default();
    encoding::check(old)?;
    let mut document: DocumentMut = old.parse().map_err(|error: toml_edit::TomlError| {
        mistake::fault(old, error.message(), error.span())
    })?;
    for (key, wanted) in &asked.edits {
        set(&mut document, key, wanted.value(key)?)?;
    }
    // A machine that is asked for agents alone lends its cores; it does not get a node of its own.
    if text.is_none() && asked.roles() == [Role::ProverAgent] {
        set(&mut document, "node.enabled", false.into())?;
    }
    if let (true, Some(client)) = (asked.turns_on("hardening"), asked.ssh_client) {
        never_ban(&mut document, client);
    }
    // A comment alone would end up below the keys: it has no key to stand before.
    let head = if text.is_none() { HEAD } else { "" };
    let mut new = format!("{head}{document}");
    // The writer has ends of lines of its own and no byte order mark, also where nothing was asked.
    let bare = old.strip_prefix('\u{feff}').unwrap_or(old);
    if new.lines().eq(bare.lines()) {
        old.clone_into(&mut new);
    }
    match (file::parse(&new), file::parse(old)) {
        // The lines are those of the operator's own file, where the mistake is in it.
        (Err(_), Err(mistake)) => Err(mistake),
        _ => Ok(new),
    }
}

/// Sets a key. What says the same already keeps its own form.
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

/// Whoever hardens a host must not be banned from it. Only the first client is noted: the next run may come
/// from elsewhere, and must not change anything.
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

    fn asked() -> Asked {
        let asked = Asked::default().text("network", "local");
        asked.on("sequencer.enabled")
    }

    #[test]
    fn a_new_file_says_just_what_was_asked() {
        let text = edited(None, &asked()).unwrap();
        assert!(text.starts_with("# What this host shall be"), "{text}");
        assert!(text.contains("network = \"local\"\n"), "{text}");
        assert!(text.contains("[sequencer]\nenabled = true\n"), "{text}");
    }

    #[test]
    fn asking_for_the_same_again_changes_nothing() {
        let text = "network  =  'local' # mine\n\n[sequencer]\nenabled = true\n[l1]\nconsensus_urls = [ 'https://a' ]\n";
        let again = asked().list("l1.consensus_urls", ["https://a"]);
        assert_eq!(edited(Some(text), &again).unwrap(), text);
        // Nor do ends of lines that are missing, or of another system.
        for own in [
            "network = \"local\"",
            "# mine",
            "",
            "# mine\r\nstandby = true\r\n",
            "\u{feff}# mine\n",
        ] {
            assert_eq!(edited(Some(own), &Asked::default()).unwrap(), own);
        }
    }

    #[test]
    fn a_table_in_one_line_stays_one() {
        let text = "prover = { enabled = false, agents = 2 } # mine\nhardening = { ssh = false }\n";
        let asked = Asked::default()
            .on("prover.enabled")
            .on("hardening.enabled");
        let asked = asked.by(Some([192, 0, 2, 1].into()));
        assert_eq!(
            edited(Some(text), &asked).unwrap(),
            "prover = { enabled = true, agents = 2 } # mine\n\
             hardening = { ssh = false , enabled = true, never_ban = [\"192.0.2.1\"] }\n"
        );
    }

    #[test]
    fn a_machine_that_is_asked_for_agents_alone_gets_no_node() {
        let agents = Asked::default().on("prover_agent.enabled");
        let nodeless = |text: Option<&str>, asked: &Asked| {
            edited(text, asked)
                .unwrap()
                .contains("[node]\nenabled = false\n")
        };
        assert!(nodeless(None, &agents));
        assert!(!nodeless(None, &agents.clone().on("bootnode.enabled")));
        assert!(!nodeless(Some("network = \"local\"\n"), &agents));
    }

    #[test]
    fn only_the_first_client_is_noted() {
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
        let new = edited(Some(text), &asked()).unwrap();
        assert!(
            new.contains("# mine") && new.contains("# more") && new.contains("network = \"local\""),
            "{new}"
        );
    }
}
