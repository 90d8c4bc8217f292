//! A unit file, or a drop-in of one: comments, and sections of settings in their order.

use std::fmt::{self, Display};

use super::{Sandbox, Value};

/// Says whose file it is, at the head of a unit.
const OURS: &str = "Written by aztec-kit; changes here are undone by its next run. Use a drop-in.";
/// The same at the head of a drop-in.
const OURS_BESIDE: &str = "Written by aztec-kit; changes here are undone by its next run.";

/// A unit file, or a drop-in. Its text is what [`Display`] writes.
#[derive(Debug, Clone, Default)]
pub struct UnitFile {
    comments: Vec<Value>,
    sections: Vec<Section>,
}

impl UnitFile {
    /// One without a comment.
    pub fn new() -> Self {
        Self::default()
    }

    /// A unit whose first line says that it is ours.
    pub fn ours() -> Self {
        Self::new().comment(OURS)
    }

    /// A drop-in whose first line says that it is ours.
    pub fn drop_in() -> Self {
        Self::new().comment(OURS_BESIDE)
    }

    /// One more line at its head.
    #[must_use]
    pub fn comment(mut self, text: impl Into<Value>) -> Self {
        self.comments.push(text.into());
        self
    }

    /// One more section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The section that makes it start at boot, once it is enabled.
    #[must_use]
    pub fn at_boot(self) -> Self {
        self.wanted_by("multi-user.target")
    }

    /// The section that makes it start with this target, once it is enabled.
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

/// A section and its settings. Names are words of this program, so that no value can be one.
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

    /// `[Unit]`: what it is, and what it comes after.
    pub fn unit() -> Self {
        Self::named("Unit")
    }

    /// `[Service]`: what runs, and how.
    pub fn service() -> Self {
        Self::named("Service")
    }

    /// `[Timer]`: when the service of the same name is started.
    pub fn timer() -> Self {
        Self::named("Timer")
    }

    /// One more setting.
    #[must_use]
    pub fn set(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// One more setting for each value; none for nothing.
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

    /// One more setting with all of these on its line; none for nothing.
    #[must_use]
    pub fn list(self, name: &'static str, values: impl IntoIterator<Item = Value>) -> Self {
        let mut values = values.into_iter().peekable();
        match values.peek() {
            None => self,
            Some(_) => self.set(name, Value::words(values)),
        }
    }

    /// A variable of its environment; its value as [`Value::word`], unless specifiers in it are meant.
    #[must_use]
    pub fn environment(self, name: impl Display, value: &Value) -> Self {
        self.set("Environment", Value::raw(format!("{name}={value}")))
    }

    /// A file or directory that systemd, as root, hands over as a credential: readable for this service alone, and gone with
    /// it. Specifiers in `source` are meant.
    #[must_use]
    pub fn credential(self, name: impl Display, source: impl Display) -> Self {
        self.set("LoadCredential", Value::raw(format!("{name}:{source}")))
    }

    /// Starts again after every end, so many seconds later.
    #[must_use]
    pub fn restarts(self, seconds: u32) -> Self {
        self.set("Restart", "always").set("RestartSec", seconds)
    }

    /// All that confines it.
    #[must_use]
    pub fn confined(self, sandbox: Sandbox) -> Self {
        let mut section = self;
        section.settings.extend(sandbox.into_settings());
        section
    }
}
