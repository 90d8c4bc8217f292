#!/usr/bin/env bash
# anvil 1.4.4 (npm: @foundry-rs/anvil-linux-amd64@1.4.4), x86_64 Linux.
#
# Guess: an anvil that is started with --timestamp on a --state file that is ahead of it refuses, or goes on from the
#   state's newest block, since no Ethereum block may have a time before that of its parent.
# Seen: it mines a block that is years older than its parent, without a word. The time that is given to
#   evm_setNextBlockTimestamp of a running anvil, on the other hand, is checked against the newest block.
# Why it matters: a chain that was moved in time (evm_increaseTime, --timestamp) and is restarted without its offset can
#   have a head in the past of its parent; contracts that subtract the two times then revert.
set -euo pipefail
dir=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true; rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" @foundry-rs/anvil-linux-amd64@1.4.4 >/dev/null
anvil=$dir/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil
port=28546

rpc() {
    curl --silent --header 'content-type: application/json' "http://127.0.0.1:$port" \
        --data "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":${2:-[]}}"
}
start() {
    "$anvil" --silent --port "$port" --state "$dir/state.json" "$@" &
    pid=$!
    for _ in $(seq 100); do
        rpc eth_chainId 2>/dev/null | grep -q 0x7a69 && return
        sleep 0.1
    done
    echo "anvil does not answer" >&2
    exit 1
}
time_of() {
    printf '%d' "$(rpc eth_getBlockByNumber "[\"$1\",false]" | sed 's/.*"timestamp":"\([^"]*\)".*/\1/')"
}

start --timestamp 1800000000
rpc evm_mine >/dev/null
parent=$(time_of 0x1)
refused=$(rpc evm_setNextBlockTimestamp '[1700000000]')
echo "running, told of an earlier time: $refused"
case $refused in *'"error"'*) ;; *) echo "changed: it is taken" >&2; exit 1 ;; esac
kill "$pid" && wait "$pid" || true

start --timestamp 1700000000
rpc evm_mine >/dev/null
child=$(time_of 0x2)
echo "block 1 is of $parent, its child of $child"
if [ "$child" -ge "$parent" ]; then
    echo "changed: the child is not older" >&2
    exit 1
fi
