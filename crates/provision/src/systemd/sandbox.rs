//! The sandbox of a service as a value: all restrictions, and those that a service does without, with the reason.

use super::Value;

/// Every restriction that suits any service, in the order in which it is written: systemd.exec(5),
/// systemd.resource-control(5).
const ALL: &[(&str, &str)] = &[
    ("NoNewPrivileges", "yes"),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("PrivateNetwork", "yes"),
    ("PrivateUsers", "yes"),
    // The service cannot change the kernel.
    ("ProtectKernelTunables", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectProc", "invisible"),
    ("ProcSubset", "pid"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("RemoveIPC", "yes"),
    ("KeyringMode", "private"),
    ("CapabilityBoundingSet", ""),
    ("RestrictAddressFamilies", "none"),
    ("IPAddressDeny", "any"),
    // The system calls of a service, without privileged ones.
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    // A denied system call returns an error and does not kill the process.
    ("SystemCallErrorNumber", "EPERM"),
    ("UMask", "0077"),
];

/// The settings of a sandbox.
#[derive(Debug, Clone)]
pub struct Sandbox(Vec<(&'static str, Value)>);

impl Sandbox {
    /// All restrictions.
    pub fn strict() -> Self {
        let all = ALL.iter().map(|(name, value)| (*name, (*value).into()));
        Self(all.collect())
    }

    /// Removes these settings: the name of each, and the reason why the service cannot have it, or does not need it.
    #[must_use]
    pub fn without(mut self, taken_out: &[(&str, &str)]) -> Self {
        self.0
            .retain(|(name, _)| !taken_out.iter().any(|(out, _)| out == name));
        self
    }

    /// Replaces the lines of a setting by one: a permission for the service, or a stricter rule.
    #[must_use]
    pub fn with(mut self, setting: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let place = self.0.iter().position(|(name, _)| *name == setting);
        self.0.retain(|(name, _)| *name != setting);
        self.0
            .insert(place.unwrap_or(self.0.len()), (setting, value));
        self
    }

    /// Allows it to write to these paths, in addition to its own.
    #[must_use]
    pub fn writable(mut self, paths: impl IntoIterator<Item = Value>) -> Self {
        let behind = |(name, _): &(&str, Value)| *name == "ProtectSystem";
        let place = self.0.iter().position(behind).map_or(0, |at| at + 1);
        self.0
            .insert(place, ("ReadWritePaths", Value::words(paths)));
        self
    }

    /// Puts these settings first. Units that were written in another order keep it, because a changed text restarts
    /// them.
    #[must_use]
    pub fn in_order(mut self, first: &[&str]) -> Self {
        let last = first.len();
        self.0.sort_by_key(|(name, _)| {
            let place = first.iter().position(|it| it == name);
            place.unwrap_or(last)
        });
        self
    }

    pub(super) fn into_settings(self) -> Vec<(&'static str, Value)> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sandbox: Sandbox) -> Vec<&'static str> {
        let settings = sandbox.into_settings().into_iter();
        settings.map(|(name, _)| name).collect()
    }

    #[test]
    fn what_is_taken_out_is_gone_and_the_rest_keeps_its_order() {
        let all = names(Sandbox::strict());
        let without = [("SystemCallFilter", "why"), ("PrivateTmp", "why")];
        let rest = names(Sandbox::strict().without(&without));
        let mut wanted = all.clone();
        wanted.retain(|name| *name != "SystemCallFilter" && *name != "PrivateTmp");
        assert_eq!(rest, wanted);
        let ordered = names(Sandbox::strict().in_order(&["UMask"]));
        assert_eq!(ordered[0], "UMask");
        assert_eq!(ordered[1..], all[..all.len() - 1]);
    }

    #[test]
    fn a_setting_is_said_otherwise_in_its_place() {
        let sandbox = Sandbox::strict().with("SystemCallFilter", "@basic-io");
        let settings = sandbox.writable(["/a".into()]).into_settings();
        let said: Vec<_> = settings
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let place = |line: &str| said.iter().position(|it| it == line);
        assert_eq!(
            place("SystemCallFilter=@basic-io"),
            place("SystemCallArchitectures=native").map(|at| at + 1)
        );
        assert_eq!(
            place("ReadWritePaths=/a"),
            place("ProtectSystem=strict").map(|at| at + 1)
        );
        assert_eq!(place("SystemCallFilter=@system-service"), None);
    }
}
