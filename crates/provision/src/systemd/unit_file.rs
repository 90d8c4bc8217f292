//! A unit file, or a drop-in of one: comments, and sections of settings in order.

use std::fmt::{self, Display};

use super::{Sandbox, Value};

/// The first line of a unit, which says who wrote it.
const OURS: &str = "Written by aztec-kit; changes here are undone by its next run. Use a drop-in.";
/// The first line of a drop-in.
const OURS_BESIDE: &str = "Written by aztec-kit; changes here are undone by its next run.";

/// A unit file or a drop-in. [`Display`] writes its text.
#[derive(Debug, Clone, Default)]
pub struct UnitFile {
    comments: Vec<Value>,
    sections: Vec<Section>,
}

impl UnitFile {
    /// A file without a comment.
    pub fn new() -> Self {
        Self::default()
    }

    /// A unit with the first line of aztec-kit.
    pub fn ours() -> Self {
        Self::new().comment(OURS)
    }

    /// A drop-in with the first line of aztec-kit.
    pub fn drop_in() -> Self {
        Self::new().comment(OURS_BESIDE)
    }

    /// Adds a line at the top.
    #[must_use]
    pub fn comment(mut self, text: impl Into<Value>) -> Self {
        self.comments.push(text.into());
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Adds the section for the start at boot, once it is enabled.
    #[must_use]
    pub fn at_boot(self) -> Self {
        self.wanted_by("multi-user.target")
    }

    /// Adds the section for the start with this target, once it is enabled.
    #[must_use]
    pub fn wanted_by(self, target: &'static str) -> Self {
        self.section(Section::named("Install").set("WantedBy", target))
    }
}

impl Display for UnitFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for comment in &self.comments {
            writeln!(f, "# {comment}")?;
        }
        for (at, section) in self.sections.iter().enumerate() {
            let apart = if at == 0 { "" } else { "\n" };
            writeln!(f, "{apart}[{}]", section.name)?;
            for (name, value) in &section.settings {
                writeln!(f, "{name}={value}")?;
            }
        }
        Ok(())
    }
}

/// A section and its settings. Names are static text of aztec-kit, so a value can never become one.
#[derive(Debug, Clone)]
pub struct Section {
    name: &'static str,
    settings: Vec<(&'static str, Value)>,
}

impl Section {
    fn named(name: &'static str) -> Self {
        Self {
            name,
            settings: Vec::new(),
        }
    }

    /// `[Unit]`: its description and its order.
    pub fn unit() -> Self {
        Self::named("Unit")
    }

    /// `[Service]`: its process.
    pub fn service() -> Self {
        Self::named("Service")
    }

    /// `[Timer]`: when the service of the same name is started.
    pub fn timer() -> Self {
        Self::named("Timer")
    }

    /// Adds a setting.
    #[must_use]
    pub fn set(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// Adds the setting once for each value; nothing without values.
    #[must_use]
    pub fn each(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = impl Into<Value>>,
    ) -> Self {
        let settings = values.into_iter().map(|value| (name, value.into()));
        self.settings.extend(settings);
        self
    }

    /// Adds the setting once with all values on its line; nothing without values.
    #[must_use]
    pub fn list(self, name: &'static str, values: impl IntoIterator<Item = Value>) -> Self {
        let mut values = values.into_iter().peekable();
        match values.peek() {
            None => self,
            Some(_) => self.set(name, Value::words(values)),
        }
    }

    /// Adds an environment variable. Its value is a [`Value::word`], unless it contains specifiers on purpose.
    #[must_use]
    pub fn environment(self, name: impl Display, value: &Value) -> Self {
        self.set("Environment", Value::raw(format!("{name}={value}")))
    }

    /// Adds a file or directory that systemd, as root, passes to the service as a credential: only this service can
    /// read it, and it disappears with the service. `source` may contain specifiers.
    #[must_use]
    pub fn credential(self, name: impl Display, source: impl Display) -> Self {
        self.set("LoadCredential", Value::raw(format!("{name}:{source}")))
    }

    /// Restarts the service after every end, after that many seconds.
    #[must_use]
    pub fn restarts(self, seconds: u32) -> Self {
        self.set("Restart", "always").set("RestartSec", seconds)
    }

    /// Adds the settings of a sandbox.
    #[must_use]
    pub fn confined(self, sandbox: Sandbox) -> Self {
        let mut section = self;
        section.settings.extend(sandbox.into_settings());
        section
    }
}
