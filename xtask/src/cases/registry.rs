//! A stand-in for the public registry: its name, its certificate, its protocol. It runs on the machine itself.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::image;
use crate::machine::Machine;
use crate::sh;

/// The name of the public registry.
const HOST: &str = "registry-1.docker.io";

/// The directory of its files.
const DIR: &str = "/root/registry";

/// Its configuration: distribution 2.8, docs/configuration.md.
const CONFIG: &str = "\
version: 0.1
storage: {filesystem: {rootdirectory: /root/registry/data}}
http:
  addr: 127.0.0.1:443
  tls: {certificate: /root/registry/leaf.crt, key: /root/registry/leaf.key}
";

/// An authority that the machine trusts, and a certificate of it.
const CERTIFICATES: &str = "\
openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=authority -keyout ca.key -out ca.crt
openssl req -newkey rsa:2048 -nodes -subj /CN=registry -keyout leaf.key -out leaf.csr
printf 'subjectAltName=DNS:%s\\n' \"$HOST\" > leaf.ext
openssl x509 -req -days 9 -in leaf.csr -CA ca.crt -CAkey ca.key -extfile leaf.ext -out leaf.crt
cp ca.crt /usr/local/share/ca-certificates/registry.crt
update-ca-certificates";

/// Resolves the name to this machine, on which nothing answers yet.
pub(super) fn away(machine: &Machine) -> Result<()> {
    machine
        .shell(&format!("echo 127.0.0.1 {HOST} >> /etc/hosts"))
        .map(drop)
}

/// Installs it and starts it. It is empty.
pub(super) fn start(machine: &Machine) -> Result<()> {
    machine.shell(
        "apt-get update -qq; apt-get install -qq --yes --no-install-recommends docker-registry skopeo openssl ca-certificates",
    )?;
    machine.shell(&format!(
        "set -e; mkdir -p {DIR}; cd {DIR}; HOST={HOST}; {CERTIFICATES}"
    ))?;
    machine.write(&format!("{DIR}/config.yml"), CONFIG, 0o600)?;
    machine.shell(&format!(
        "systemd-run --quiet --unit registry docker-registry serve {DIR}/config.yml"
    ))?;
    let ask = format!("docker://{HOST}/none");
    sh::wait_for("the registry answers", Duration::from_secs(180), || {
        let message = machine.exec(&["skopeo", "list-tags", &ask])?.stderr;
        Ok(message.contains("not known to registry").then_some(()))
    })
}

/// Stops it.
pub(super) fn stop(machine: &Machine) -> Result<()> {
    machine.shell("systemctl stop registry").map(drop)
}

/// Points the tag to the image of an archive.
pub(super) fn push(machine: &Machine, archive: &str) -> Result<()> {
    let (from, to) = (format!("{}/{archive}", image::SHOWN), image::NAME);
    machine
        .shell(&format!(
            "skopeo copy --quiet --insecure-policy --dest-compress-level 1 docker-archive:{from} docker://docker.io/{to}"
        ))
        .map(drop)
}

/// Points the tag to a list for several machines, which contains the current image of the tag.
pub(super) fn push_list(machine: &Machine) -> Result<()> {
    let image = format!("docker://docker.io/{}", image::NAME);
    machine.shell(&format!(
        "set -e; podman manifest create list; podman manifest add list {image}; podman manifest push --all list {image}; podman manifest rm list"
    ))?;
    let raw = machine.shell(&format!("skopeo inspect --raw {image}"))?;
    ensure!(raw.contains("\"manifests\""), "no list: {raw}");
    Ok(())
}
