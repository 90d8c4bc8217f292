#!/usr/bin/env bash
# anvil 1.4.4 (npm: @foundry-rs/anvil-linux-amd64@1.4.4), x86_64 Linux.
#
# Guess: a pending transaction is replaced by one that pays a tenth more, fee cap and tip alike, as in the pools of Ethereum's
#   clients (geth, reth and others), and by nothing less.
# Seen: a cap of one wei more is enough, with the same tip or with a smaller one. A tip of ten times as much under the same cap
#   is refused as underpriced: anvil compares the caps alone.
# Why it matters: a publisher whose speed-up or cancellation bumps too little passes every test on anvil, and is refused with
#   "replacement transaction underpriced" on the first congested day of a live network. One that bumps only the tip, to
#   please a client, is refused by anvil.
set -euo pipefail
dir=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true; rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" @foundry-rs/anvil-linux-amd64@1.4.4 >/dev/null
port=28549
"$dir/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil" --silent --port "$port" --no-mining &
pid=$!
from=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266

rpc() {
    curl --silent --header 'content-type: application/json' "http://127.0.0.1:$port" \
        --data "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":${2:-[]}}"
}
# what, expected, fee cap, tip (both in wei)
send() {
    local answer
    answer=$(rpc eth_sendTransaction "$(printf '[{"from":"%s","to":"%s","nonce":"0x0","gas":"0x5208","maxFeePerGas":"0x%x","maxPriorityFeePerGas":"0x%x"}]' \
        "$from" "$from" "$3" "$4")")
    printf '%-46s %.90s\n' "$1" "$answer"
    case $answer in *"$2"*) ;; *)
        echo "changed: no $2" >&2
        exit 1
        ;;
    esac
}
for _ in $(seq 100); do
    rpc eth_chainId 2>/dev/null | grep -q 0x7a69 && break
    sleep 0.1
done
gwei=1000000000
send "first: cap 10 gwei, tip 1 gwei" '"result":"0x' $((10 * gwei)) "$gwei"
send "the same cap, ten times the tip" 'replacement transaction underpriced' $((10 * gwei)) $((10 * gwei))
send "one wei more of cap, the same tip" '"result":"0x' $((10 * gwei + 1)) "$gwei"
send "one wei more of cap, no tip at all" '"result":"0x' $((10 * gwei + 2)) 0
rpc evm_mine >/dev/null
mined=$(rpc eth_getBlockByNumber '["latest",true]')
case $mined in *'"maxPriorityFeePerGas":"0x0"'*) echo "mined is the one that pays no tip" ;; *)
    echo "changed: another one is mined" >&2
    exit 1
    ;;
esac
