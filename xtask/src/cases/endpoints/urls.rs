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

#[cfg(test)]
mod tests {
    use super::{FIRST, ROWS, Urls, filled};

    #[test]
    fn every_row_has_endpoints_with_ports() {
        for row in ROWS {
            let urls = Urls::of(row).unwrap();
            assert!(!urls.execution.is_empty(), "{}", row.name);
            for url in urls.execution.iter().chain(&urls.consensus) {
                assert!(!url.contains(['{', ' ', ',']), "{}: {url}", row.name);
            }
        }
    }

    #[test]
    fn a_name_stands_for_the_port_of_its_row() {
        let first = format!("http://[::1]:{{{}}}/x", ROWS[0].name);
        let filled = |template| filled(template, 7).unwrap();
        assert_eq!(filled(&first), format!("http://[::1]:{FIRST}/x"));
        assert_eq!(filled("https://h:{}"), "https://h:7");
        assert_eq!(filled("http://h:2"), "http://h:2");
        assert!(super::filled("http://h:{nothing}", 7).is_err());
    }

    /// Two rows of one name would have one port.
    #[test]
    fn no_two_rows_have_one_name() {
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
    }
}
