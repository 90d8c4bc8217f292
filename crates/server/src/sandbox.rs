//! What the sandboxes of services have in common; what each setting means: systemd.exec(5).

/// Nothing of the kernel can be changed: its settings, modules, log, control groups, clock and name.
pub const KERNEL: &str = "\
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
";

/// The system calls of a service, without those that need privileges; any other is refused.
pub const CALLS: &str = "\
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
";
