//! A unit as the systemd of a host in memory knows it.

/// One unit as systemd would know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FakeUnit {
    /// Text of the unit file when systemd last read it.
    pub loaded: Option<Vec<u8>>,
    /// `active`, `inactive`, `failed`.
    pub active: String,
    /// Number of starts so far.
    pub starts: u32,
    /// Whether the time of a timer is up and its service has started.
    pub elapsed: bool,
    /// The result of a start.
    pub fate: Fate,
    /// Automatic restarts since then.
    pub restarts: u32,
    /// Time of the last start.
    pub started_us: i64,
    /// Time of the last start, stop or reload.
    pub changed_us: i64,
}

/// The result of the start of a unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    /// It runs.
    #[default]
    Runs,
    /// A condition of its file is not met: systemd skips it without an error.
    Skipped,
    /// An assertion of its file is not met: systemd refuses to start it.
    Refused,
    /// Its process ends at once.
    Dies,
}
