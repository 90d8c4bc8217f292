#!/bin/bash
# Makes the host that state.json describes; changes only what differs.
set -eu
cd "$(dirname "$0")"

each() {
    jq -r "$1 | @tsv" state.json
}

same() {
    [ "$(stat --format '%U %G %a' "$1" 2>/dev/null)" = "$2 $3 ${4#0}" ]
}

account=$(jq -r .account state.json)
home=$(jq -r .home state.json)
getent group "$account" >/dev/null || groupadd --system "$account"
[ "$(getent passwd "$account" | cut -d: -f6,7)" = "$home:/usr/sbin/nologin" ] ||
    useradd --system --gid "$account" --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$account"

mapfile -t packages < <(jq -r '.packages[]' state.json)
dpkg-query --show --showformat '${db:Status-Abbrev}\n' "${packages[@]}" 2>/dev/null | grep -qv '^ii ' &&
    apt-get -qq install --yes --no-install-recommends "${packages[@]}"

while IFS=$'\t' read -r path owner group mode; do
    same "$path" "$owner" "$group" "$mode" || install --directory --owner "$owner" --group "$group" --mode "$mode" "$path"
done < <(each '.directories[] | [.path, .owner, .group, .mode]')

changed=
while IFS=$'\t' read -r path owner group mode; do
    if ! same "$path" "$owner" "$group" "$mode" || ! cmp --quiet "files$path" "$path"; then
        install --owner "$owner" --group "$group" --mode "$mode" "files$path" "$path"
        changed+=" $path"
    fi
done < <(each '.files[] | [.path, .owner, .group, .mode]')

while IFS=$'\t' read -r path target; do
    [ "$(readlink "$path" || true)" = "$target" ] || ln --symbolic --force --no-dereference "$target" "$path"
done < <(each '.links[] | [.path, .target]')

while IFS='= ' read -r key value; do
    [ "$(sysctl --values "$key" | tr '\t' ' ')" = "$value" ] || sysctl --quiet --write "$key=$value" || true
done < <(sed -n 's/^\([a-z][^ ]*\) = /\1=/p' /etc/sysctl.d/60-aztec.conf)

case $changed in *.service*) systemctl daemon-reload ;; esac
for service in $(jq -r '.services[]' state.json); do
    systemctl is-enabled --quiet "$service" || systemctl enable --quiet "$service"
    systemctl is-active --quiet "$service" || systemctl start "$service"
done
