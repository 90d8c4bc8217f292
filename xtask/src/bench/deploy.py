"""Makes the host that state.json describes, with pyinfra."""

import json

from pyinfra.operations import apt, files, server, systemd

with open("state.json", encoding="utf-8") as file:
    state = json.load(file)

account, home = state["account"], state["home"]
server.group(name="the group", group=account, system=True)
server.user(
    name="the account",
    user=account,
    group=account,
    home=home,
    shell="/usr/sbin/nologin",
    system=True,
    ensure_home=False,
)
apt.packages(name="the packages", packages=state["packages"])
for entry in state["directories"]:
    files.directory(
        name=entry["path"],
        path=entry["path"],
        user=entry["owner"],
        group=entry["group"],
        mode=entry["mode"],
    )
units = []
for entry in state["files"]:
    put = files.put(
        name=entry["path"],
        src="files" + entry["path"],
        dest=entry["path"],
        user=entry["owner"],
        group=entry["group"],
        mode=entry["mode"],
    )
    if entry["path"].endswith(".service"):
        units.append(put)
    if entry["path"].startswith("/etc/sysctl.d/"):
        server.shell(
            name="load the kernel settings",
            commands="sysctl --quiet --load " + entry["path"] + " || true",
            _if=put.did_change,
        )
for entry in state["links"]:
    files.link(name=entry["path"], path=entry["path"], target=entry["target"])
systemd.daemon_reload(
    name="read the units again", _if=lambda: any(put.did_change() for put in units)
)
for service in state["services"]:
    systemd.service(name=service, service=service, running=True, enabled=True)
