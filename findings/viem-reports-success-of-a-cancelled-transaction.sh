#!/usr/bin/env bash
# viem 2.38.2 (npm: @aztec/viem@2.38.2, the copy that Aztec 4.1.2 and 5.2.0 use), ethers 6.17.0, anvil 1.4.4
# (npm: @foundry-rs/anvil-linux-amd64@1.4.4), x86_64 Linux. Node.js 20 or newer.
#
# Guess: whoever waits for the receipt of a transaction gets an error when its sender cancels it with another of the same nonce.
# Seen: viem's waitForTransactionReceipt({ hash }) ends well, with a receipt that says success: it is that of the cancellation,
#   which has another hash. That is so if viem saw the transaction pending once. If the cancellation came before viem looked,
#   it waits to the end of its timeout. In ethers 6 `response.wait()` fails with TRANSACTION_REPLACED, and
#   `provider.waitForTransaction(hash)` waits to the end of its timeout.
# Why it matters: a publisher that gives up a transaction cancels it just so. Code that looks at `receipt.status` alone takes a
#   checkpoint or a proof for published that never was; it has to compare `receipt.transactionHash` or use onReplaced.
set -euo pipefail
dir=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true; rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" \
    viem@npm:@aztec/viem@2.38.2 ethers@6.17.0 @foundry-rs/anvil-linux-amd64@1.4.4 >/dev/null
port=28548
"$dir/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil" --silent --port "$port" --no-mining &
pid=$!
cat >"$dir/run.mjs" <<'JS'
import { JsonRpcProvider } from 'ethers';
import { createTestClient, http, publicActions, walletActions } from 'viem';
import { foundry } from 'viem/chains';

const url = process.argv[2];
const account = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const viem = createTestClient({ mode: 'anvil', chain: foundry, account, transport: http(url, { retryCount: 20 }), pollingInterval: 100 })
    .extend(publicActions)
    .extend(walletActions);
await viem.getChainId();
const ethers = new JsonRpcProvider(url, 31337, { staticNetwork: true, pollingInterval: 100 });
const pause = () => new Promise(done => setTimeout(done, 1000));

const send = (nonce, to, gwei) =>
    viem.sendTransaction({ nonce, to, gas: 21000n, maxFeePerGas: gwei * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n });
const publish = nonce => send(nonce, '0x00000000000000000000000000000000c01ba5e0', 10n);
const cancel = nonce => send(nonce, account, 40n);
const viemWaits = hash =>
    viem.waitForTransactionReceipt({ hash, timeout: 5000 }).then(
        receipt => `${receipt.status}, ${receipt.transactionHash === hash ? 'the same' : 'another'} hash`,
        error => error.name,
    );

const seen = {};
const signer = await ethers.getSigner(account);
const gwei = 10n ** 9n;
const response = await signer.sendTransaction({
    nonce: 0,
    to: '0x00000000000000000000000000000000c01ba5e0',
    gasLimit: 21000n,
    maxFeePerGas: 10n * gwei,
    maxPriorityFeePerGas: gwei,
});
const first = response.hash;
const waits = {
    'viem, cancelled while it waits': viemWaits(first),
    'ethers, response.wait()': response.wait(1, 5000).then(
        receipt => `status ${receipt.status}`,
        error => `${error.code}, cancelled: ${error.cancelled}`,
    ),
    'ethers, waitForTransaction': ethers.waitForTransaction(first, 1, 5000).then(() => 'a receipt', error => error.code),
};
await pause();
await cancel(0);
await viem.mine({ blocks: 1 });
for (const [what, wait] of Object.entries(waits)) seen[what] = await wait;

const second = await publish(1);
await cancel(1);
const late = viemWaits(second);
await pause();
await viem.mine({ blocks: 1 });
seen['viem, cancelled before it waits'] = await late;

for (const [what, end] of Object.entries(seen)) console.log(`${what.padEnd(34)} ${end}`);
const known = ['success, another hash', 'TRANSACTION_REPLACED, cancelled: true', 'TIMEOUT', 'WaitForTransactionReceiptTimeoutError'];
process.exit(Object.values(seen).join() === known.join() ? 0 : 1);
JS
if ! node "$dir/run.mjs" "http://127.0.0.1:$port"; then
    echo "changed: one of the four ends otherwise" >&2
    exit 1
fi
