//! `kit.toml` as a resource.

use provision::kinds::{File, Owner};

use crate::layout;
use crate::settings::{self, Settings};

/// The configuration of a host: the text that its settings were parsed from, and the text that it may replace.
#[derive(Debug, Clone, Copy)]
pub struct KitToml<'a> {
    text: &'a str,
    instead_of: Option<&'a str>,
}

impl<'a> KitToml<'a> {
    /// The text as read: an apply never writes anything else into the file.
    pub fn as_read(text: &'a str) -> Self {
        Self::edited(text, Some(text))
    }

    /// A new text, which is written only if the file still has the text that was read.
    pub fn edited(text: &'a str, read: Option<&'a str>) -> Self {
        // If there was no file, an empty one may be replaced.
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
    /// A text that may replace any other, for a host of which nothing was read.
    fn from(text: &'a str) -> Self {
        Self {
            text,
            instead_of: None,
        }
    }
}
