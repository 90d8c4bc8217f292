#!/usr/bin/env bash
# anvil 1.4.4 (npm: @foundry-rs/anvil-linux-amd64@1.4.4), x86_64 Linux.
#
# Guess: anvil_reorg does what a reorganisation of Ethereum does, with the newest blocks that are replaced: their transactions
#   are pending again and are mined anew, a log filter reports their logs once more with `removed: true`, and a block that was
#   `finalized` is never replaced.
# Seen: the transactions are gone as if they had never been sent, and the sender's nonce is back. The log filter reports
#   nothing, so its reader keeps logs of blocks that do not exist. Finalized blocks are replaced like any others.
# Why it matters: a rollup node that is tried against anvil_reorg sees a harsher and a stranger L1 than there is: what it
#   published never comes back by itself, and a reader that trusts filters looks broken, or worse, well.
set -euo pipefail
dir=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true; rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" @foundry-rs/anvil-linux-amd64@1.4.4 >/dev/null
port=28550
"$dir/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil" --silent --port "$port" --slots-in-an-epoch 1 &
pid=$!
from=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
log=0x60006000a000 # a contract whose birth writes one empty log

rpc() {
    curl --silent --header 'content-type: application/json' "http://127.0.0.1:$port" \
        --data "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":${2:-[]}}"
}
result() { rpc "$@" | sed 's/.*"result":"\([^"]*\)".*/\1/'; }
expect() {
    printf '%-48s %.90s\n' "$1" "$3"
    case $3 in *"$2"*) ;; *)
        echo "changed: no $2" >&2
        exit 1
        ;;
    esac
}
for _ in $(seq 100); do
    rpc eth_chainId 2>/dev/null | grep -q 0x7a69 && break
    sleep 0.1
done
filter=$(result eth_newFilter '[{}]')
for _ in 1 2 3 4 5 6; do
    hash=$(result eth_sendTransaction "[{\"from\":\"$from\",\"data\":\"$log\"}]")
    for _ in $(seq 50); do
        rpc eth_getTransactionReceipt "[\"$hash\"]" | grep -q '"status":"0x1"' && break
        sleep 0.1
    done
done
finalized() { rpc eth_getBlockByNumber '["finalized",false]' | grep -o '"hash":"[^"]*"\|"number":"[^"]*"' | tr '\n' ' '; }
expect "before: logs that the filter reports" "6" "$(rpc eth_getFilterChanges "[\"$filter\"]" | grep -o '"logIndex"' | wc -l)"
before=$(finalized)
expect "before: finalized" '"number":"0x4"' "$before"

expect "anvil_reorg of 5 blocks" '"result":null' "$(rpc anvil_reorg '[5,[]]')"
expect "after: the newest block" '"result":"0x6"' "$(rpc eth_blockNumber)"
expect "after: the last transaction" '"result":null' "$(rpc eth_getTransactionByHash "[\"$hash\"]")"
expect "after: pool" '"pending":"0x0","queued":"0x0"' "$(rpc txpool_status)"
expect "after: transactions of the sender" '"result":"0x1"' "$(rpc eth_getTransactionCount "[\"$from\",\"latest\"]")"
expect "after: logs that the filter reports" '"result":[]' "$(rpc eth_getFilterChanges "[\"$filter\"]")"
expect "after: logs that the chain has" "1" "$(rpc eth_getLogs '[{"fromBlock":"0x0"}]' | grep -o '"logIndex"' | wc -l)"
expect "after: finalized" '"number":"0x4"' "$(finalized)"
if [ "$(finalized)" = "$before" ]; then
    echo "changed: the finalized block is the same" >&2
    exit 1
fi
