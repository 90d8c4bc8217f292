#!/usr/bin/env bash
# anvil 1.4.4 (npm: @foundry-rs/anvil-linux-amd64@1.4.4), x86_64 Linux.
#
# Guess: an anvil that is restarted on its --state file knows what it knew before.
# Seen: blocks and receipts are there, but the state of every block before the newest one is not, nor is any trace.
#   A call at such a block is refused in the words for a block of the future ("block height is 5 but requested was 3"),
#   and so is one at the tag `finalized`, which names a block that the same anvil returns.
# Why it matters: a client that reads at `finalized` or traces recent transactions, as rollup nodes do, works against a
#   running anvil and fails after its restart, with an error that points at the wrong cause.
set -euo pipefail
dir=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true; rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" @foundry-rs/anvil-linux-amd64@1.4.4 >/dev/null
anvil=$dir/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil
port=28545
from=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
to=0x00000000000000000000000000000000c01ba5e0

rpc() {
    curl --silent --header 'content-type: application/json' "http://127.0.0.1:$port" \
        --data "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":${2:-[]}}"
}
start() {
    "$anvil" --silent --port "$port" --state "$dir/state.json" --slots-in-an-epoch 1 &
    pid=$!
    for _ in $(seq 100); do
        rpc eth_chainId 2>/dev/null | grep -q 0x7a69 && return
        sleep 0.1
    done
    echo "anvil does not answer" >&2
    exit 1
}
expect() {
    local what=$1 wanted=$2 answer=$3
    printf '%-44s %.110s\n' "$what" "$answer"
    case $answer in *"$wanted"*) ;; *)
        echo "changed: no $wanted" >&2
        exit 1
        ;;
    esac
}

start
for _ in 1 2 3 4 5; do
    hash=$(rpc eth_sendTransaction "[{\"from\":\"$from\",\"to\":\"$to\",\"value\":\"0x1\"}]" | sed 's/.*"result":"\([^"]*\)".*/\1/')
done
expect "before: balance at block 3" '"result":"0x3"' "$(rpc eth_getBalance "[\"$to\",\"0x3\"]")"
expect "before: balance at finalized" '"result":"0x3"' "$(rpc eth_getBalance "[\"$to\",\"finalized\"]")"
expect "before: trace of a transaction in block 5" '"gasUsed"' "$(rpc debug_traceTransaction "[\"$hash\",{\"tracer\":\"callTracer\"}]")"

kill "$pid" && wait "$pid" || true
start
expect "after: balance at latest, which is block 5" '"result":"0x5"' "$(rpc eth_getBalance "[\"$to\",\"latest\"]")"
expect "after: receipt of that transaction" '"status":"0x1"' "$(rpc eth_getTransactionReceipt "[\"$hash\"]")"
expect "after: block at finalized" '"number":"0x3"' "$(rpc eth_getBlockByNumber '["finalized",false]' | grep -o '"number":"[^"]*"')"
expect "after: balance at block 3" 'block height is 5 but requested was 3' "$(rpc eth_getBalance "[\"$to\",\"0x3\"]")"
expect "after: balance at finalized" 'block height is 5 but requested was 3' "$(rpc eth_getBalance "[\"$to\",\"finalized\"]")"
expect "after: balance at block 9, of the future" 'block height is 5 but requested was 9' "$(rpc eth_getBalance "[\"$to\",\"0x9\"]")"
expect "after: trace of that transaction" 'Resource not found' "$(rpc debug_traceTransaction "[\"$hash\",{\"tracer\":\"callTracer\"}]")"
