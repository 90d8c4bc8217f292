//! The endpoints of a row, with ports in place of names.

use anyhow::{Context as _, Result};

use super::rows::{ROWS, Row};

/// The port of the first row. Those of the others follow.
pub(super) const FIRST: u16 = 20000;

/// The endpoints of one configuration.
#[derive(Debug, Clone)]
pub(super) struct Urls {
    /// The port of the row, which no other row has.
    pub port: u16,
    pub execution: Vec<String>,
    pub consensus: Vec<String>,
    /// Whether a key is sent to the consensus endpoint.
    pub key: bool,
}

impl Urls {
    /// The endpoints of a row.
    pub fn of(row: &Row) -> Result<Urls> {
        let port = port(row.name)?;
        let each = |templates: &str| -> Result<Vec<String>> {
            let templates = templates.split(", ").filter(|it| !it.is_empty());
            templates.map(|template| filled(template, port)).collect()
        };
        Ok(Urls {
            port,
            execution: each(row.execution)?,
            consensus: each(row.consensus)?,
            key: row.key,
        })
    }
}

/// A URL with a port in place of `{name}`, and its own port in place of `{}`.
fn filled(template: &str, own: u16) -> Result<String> {
    let Some((before, rest)) = template.split_once('{') else {
        return Ok(template.to_owned());
    };
    let (name, after) = rest.split_once('}').context("a brace is not closed")?;
    let port = if name.is_empty() { own } else { port(name)? };
    Ok(format!("{before}{port}{after}"))
}

/// The port of the row with this name.
pub(super) fn port(name: &str) -> Result<u16> {
    let at = ROWS.iter().position(|row| row.name == name);
    let at = at.with_context(|| format!("no row is called {name}"))?;
    Ok(FIRST + u16::try_from(at)?)
}
