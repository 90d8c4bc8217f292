//! aide on a host in memory: it writes the database that its configuration names.

use std::path::Path;

use super::host::FakeHost;
use crate::host::{FileType, Output};

impl FakeHost {
    /// Runs it with these arguments.
    pub(super) fn aide(&mut self, arguments: &[&str]) -> Output {
        let value = |name: &str| {
            let found = arguments.iter().find_map(|word| word.strip_prefix(name));
            found.map(str::to_owned)
        };
        let config = value("--config=").and_then(|path| self.text(&path));
        let database = config.as_deref().and_then(|config| {
            let mut lines = config.lines();
            lines.find_map(|line| line.strip_prefix("database_out=file:"))
        });
        let Some(database) = database else {
            return Output {
                code: 17,
                stderr: "no database to write".into(),
                ..Output::default()
            };
        };
        let updates = arguments.contains(&"--update");
        let known = database.trim_end_matches(".new");
        if updates && !self.tree.contains_key(Path::new(known)) {
            return Output {
                code: 18,
                stderr: "no database to read".into(),
                ..Output::default()
            };
        }
        self.plant(database, FileType::File, b"database\n", 0o600);
        let report = r#"{"changed": {"/etc/foreign": "f = .c..", "/etc/ours": "f = .c.."}}"#;
        Output {
            // Differences are not a failure.
            code: if updates { 4 } else { 0 },
            stdout: report.into(),
            ..Output::default()
        }
    }
}
