//! The units that roll a change back. An older release may have written those on a host, and this one reads them.

use std::collections::BTreeMap;
use std::path::Path;

use provision::engine::MemoryJournal;
use provision::systemd::verify::complaints;

use crate::guard::{host, run};

const TIMER: &str = "\
# Written by aztec-kit: gone as soon as `aztec-kit confirm` is run.
[Unit]
Description=Time to confirm a change of this host with `aztec-kit confirm`

[Timer]
OnActiveSec=300
AccuracySec=1

[Install]
WantedBy=timers.target
";

const SERVICE: &str = "\
# Written by aztec-kit: gone as soon as `aztec-kit confirm` is run.
[Unit]
Description=Take back a change of this host that nobody confirmed

[Service]
Type=oneshot
ExecStart=/var/lib/aztec-kit/take-back/aztec-kit take-back --due
Restart=on-failure
RestartSec=15
";

#[test]
fn they_are_as_they_were_and_systemd_takes_them() {
    let mut host = host();
    run(&mut host, &mut MemoryJournal::default(), "shut\n").unwrap();
    let mut texts = BTreeMap::new();
    for (name, text) in [
        ("aztec-kit-take-back.timer", TIMER),
        ("aztec-kit-take-back.service", SERVICE),
    ] {
        let path = Path::new("/etc/systemd/system").join(name);
        assert_eq!(host.text(path.to_str().unwrap()).unwrap(), text);
        texts.insert(path, text.to_owned());
    }
    let dir = tempfile::tempdir().unwrap();
    if let Some(complaint) = complaints(dir.path(), &texts) {
        assert_eq!(complaint, "");
    }
}
