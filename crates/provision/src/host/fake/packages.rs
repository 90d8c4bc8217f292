//! A small apt and dpkg: every name is a package that the archive has.

use super::{FakeHost, Output, failed};
use crate::Fault;

const STATUS: &str = "/var/lib/dpkg/status";
const HALF: &str = "Status: install ok half-configured\n";
const WHOLE: &str = "Status: install ok installed\n";

impl FakeHost {
    /// Unpacks all packages, then configures them: whoever dies in between leaves them half configured.
    pub(super) fn apt(&mut self, words: &[&str]) -> Result<Output, Fault> {
        if !words.contains(&"install") {
            return Ok(Output::default());
        }
        if self.text(STATUS).is_some_and(|text| text.contains(HALF)) {
            return Ok(failed(
                100,
                "dpkg was interrupted, you must manually run 'dpkg --configure -a'",
            ));
        }
        let names = words.iter().skip_while(|word| **word != "--").skip(1);
        for name in names {
            let (name, goes) = match name.strip_suffix('-') {
                Some(name) => (name, true),
                None => (*name, false),
            };
            let head = format!("Package: {name}\n");
            self.edit(STATUS, |text| {
                let blocks = text.split_inclusive("\n\n");
                let mut text: String = blocks.filter(|block| !block.starts_with(&head)).collect();
                if !goes {
                    text.push_str(&format!("{head}{HALF}Version: 1\n\n"));
                }
                text
            });
        }
        self.write()?;
        Ok(self.configure())
    }

    pub(super) fn configure(&mut self) -> Output {
        self.edit(STATUS, |text| text.replace(HALF, WHOLE));
        Output::default()
    }
}
