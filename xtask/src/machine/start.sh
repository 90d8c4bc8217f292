# Process 1 of a namespace that holds one machine: when it ends, the kernel ends the machine.
# Arguments: control group, target directory, lower directories (empty: no overlay), upper
# directory, work directory; then the systemd-nspawn command.
set -eu
group=$1 root=$2 lower=$3 upper=$4 work=$5
shift 5

echo 0 >"$group/keeper/cgroup.procs"
if [ -n "$lower" ]; then
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
fi
if [ "${1-}" = --probe ]; then
    exit 0
fi

# systemd inside wants a pure cgroup2 tree, whatever the outer machine has. Only this mount
# namespace sees the change.
umount -R /sys/fs/cgroup 2>/dev/null || mount -t tmpfs none /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup

# nspawn keeps files by machine name here, and several runs may have machines of one name.
mkdir -p /run/systemd/nspawn
mount -t tmpfs none /run/systemd/nspawn

# nspawn makes `payload` and `supervisor` groups below its own group, which must hold no other
# process: hence the keeper stays in a group of its own, and a second shell becomes nspawn.
sh -c 'echo 0 >"$0/cgroup.procs"; exec "$@"' "/sys/fs/cgroup/aztec-kit/${group##*/}" "$@" &
wait $!
