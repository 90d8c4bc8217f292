//! Roots made from roots.

use anyhow::{Result, bail, ensure};

use super::Context;
use crate::machine::{Machine, Options, Root};

pub(super) fn run(context: &Context) -> Result<()> {
    let base = context.root()?;
    let first = Root::layered(&base, "layer", "1", |machine| {
        machine.write("/srv/first", "made once\n", 0o644)?;
        machine.shell("rm /etc/debian_version; rm -r /usr/share/doc; mkdir /usr/share/doc")?;
        Ok(())
    })?;
    let again = Root::layered(&base, "layer", "1", |_| {
        bail!("a prepared root is made twice")
    })?;
    ensure!(again.id() == first.id());
    let second = Root::layered(&first, "layer-upon-layer", "1", |machine| {
        machine.write("/srv/second", "on top\n", 0o644)
    })?;
    let failed = Root::layered(&base, "broken", "1", |_| bail!("as it must"));
    ensure!(failed.is_err());

    let one = context.boot(&second, "one")?;
    let two = context.boot(&second, "two")?;
    ensure!(one.shell("cat /srv/first /srv/second")? == "made once\non top\n");
    ensure!(
        !one.exists("/etc/debian_version")?,
        "a deleted file is back"
    );
    ensure!(
        one.shell("ls /usr/share/doc")?.is_empty(),
        "a replaced directory is back"
    );
    ensure!(one.read("/etc/machine-id")? != two.read("/etc/machine-id")?);
    one.write("/srv/first", "changed\n", 0o644)?;
    ensure!(
        two.read("/srv/first")? == "made once\n",
        "machines share a disk"
    );

    // A directory that is not on the overlay exists, and is part of the disk.
    let plain = Options {
        plain: vec!["/var/lib/docker".to_owned()],
        ..context.options()?
    };
    let mut three = Machine::boot_with(&first, "three", plain)?;
    three.exec_ok(&["mountpoint", "/var/lib/docker"])?;
    three.write("/var/lib/docker/image", "large\n", 0o600)?;
    three.poweroff()?;
    ensure!(
        three.exec(&["true"]).is_err(),
        "a machine that is off answers"
    );
    three.start()?;
    ensure!(three.read("/var/lib/docker/image")? == "large\n");
    Ok(())
}
