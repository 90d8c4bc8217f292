//! What the tests of the desired state start from.

use aztec::kinds::Kind;
use aztec::settings::Settings;
use aztec::{HostFacts, desired};
use provision::engine::Graph;

/// A small server that every release runs on.
pub fn facts() -> HostFacts {
    HostFacts {
        os: "debian".into(),
        os_name: "Debian GNU/Linux 13 (trixie)".into(),
        arch: "x86_64".into(),
        glibc: Some((2, 41)),
        cpu_flags: Vec::new(),
        cpus: 2,
        memory: 8 << 30,
        sshd: true,
        container: false,
        engine: None,
    }
}

/// What this text of `kit.toml` asks of that server.
pub fn graph(kit_toml: &str) -> Graph<Kind> {
    let settings = Settings::parse(kit_toml).expect("a valid kit.toml");
    desired(&settings, &facts(), kit_toml).expect("a fit host")
}
