//! `kit.toml` as a resource.

use provision::kinds::{File, Owner};

use crate::layout;
use crate::settings::{self, Settings};

/// The configuration of a host: the text that its settings were parsed from, and what it may take the place of.
#[derive(Debug, Clone, Copy)]
pub struct KitToml<'a> {
    text: &'a str,
    instead_of: Option<&'a str>,
}

impl<'a> KitToml<'a> {
    /// What the file says: an apply never writes anything else into it.
    pub fn as_read(text: &'a str) -> Self {
        Self::edited(text, Some(text))
    }

    /// What it shall say, when it still says what was read.
    pub fn edited(text: &'a str, read: Option<&'a str>) -> Self {
        // Where there was no file, one that says nothing is no loss.
        let instead_of = Some(read.unwrap_or_default());
        Self { text, instead_of }
    }

    pub(crate) fn file(&self, settings: &Settings) -> File {
        let text = settings::shown(self.text, &settings.release);
        let file = File::new(layout::CONFIG, text, Owner::root(0o600));
        match self.instead_of {
            Some(read) => file.instead_of(read),
            None => file,
        }
    }
}

impl<'a> From<&'a str> for KitToml<'a> {
    /// What the file shall say, whatever it says now: for a host of which nothing was read.
    fn from(text: &'a str) -> Self {
        Self {
            text,
            instead_of: None,
        }
    }
}
