#!/usr/bin/env bash
# @aztec/archiver@4.1.2: how it checks an L1 endpoint for traces and reads them. anvil 1.4.4
# (npm: @foundry-rs/anvil-linux-amd64@1.4.4) is the endpoint, x86_64 Linux. Node.js 20 or newer.
#
# Guess: whether an endpoint has `trace_transaction` is a property of the endpoint: asked twice, the archiver finds the same. It
#   looks for calls in a trace and passes over what is none, such as the creation of a contract.
# Seen: it demands a `callType` of each entry of a trace, which a creation has not in this format. If the newest block begins with
#   the deployment of a contract, the endpoint is said to have no `trace_transaction`; one transfer later it has. A call that is
#   sought is not found in a trace that holds a creation beside it. `debug_traceTransaction` has none of this.
# Why it matters: with an endpoint that has `trace_` only, a node logs "does not support" at one start and not at the next, and with
#   ETHEREUM_ALLOW_NO_DEBUG_HOSTS=false it ends at the one. Calls beside a creation cannot be read from such an endpoint at all.
#
# Of the archiver only these three files run, with the packages that they name.
set -euo pipefail
dir=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true; rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": {
        "@aztec/foundation": "4.1.2",
        "@foundry-rs/anvil-linux-amd64": "1.4.4",
        "viem": "npm:@aztec/viem@2.38.2",
        "zod": "3.25.76"
    }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cd "$dir"
npm pack --silent @aztec/archiver@4.1.2 >/dev/null
mkdir node_modules/@aztec/archiver
tar --extract --gzip --file aztec-archiver-4.1.2.tgz --directory node_modules/@aztec/archiver --strip-components 1
port=28551
node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil --silent --port "$port" &
pid=$!
cat >run.mjs <<'JS'
import { EthAddress } from '@aztec/foundation/eth-address';
import { createPublicClient, http } from 'viem';
const files = 'file://' + process.cwd() + '/node_modules/@aztec/archiver/dest/l1/';
const { validateTraceAvailability } = await import(files + 'validate_trace.js');
const { getSuccessfulCallsFromTrace } = await import(files + 'trace_tx.js');
const { getSuccessfulCallsFromDebug } = await import(files + 'debug_tx.js');

const client = createPublicClient({ transport: http(process.argv[2], { retryCount: 20 }), pollingInterval: 50 });
const [from, to] = await client.request({ method: 'eth_accounts' });
const send = async transaction => {
    const hash = await client.request({ method: 'eth_sendTransaction', params: [{ from, ...transaction }] });
    return client.waitForTransactionReceipt({ hash });
};
const seen = {};
async function check(what) {
    const { debugTraceRecent, traceTransactionRecent } = await validateTraceAvailability(client);
    seen[what] = `debug_: ${debugTraceRecent ? 'yes' : 'no'}, trace_: ${traceTransactionRecent ? 'yes' : 'no'}`;
}
await send({ to, value: '0x1' });
await check('after a transfer');
// a contract that makes an empty contract whenever it is called
const { contractAddress } = await send({ data: '0x635f5f5ff05f526004601cf3' });
await check('after a deployment');
await send({ to, value: '0x1' });
await check('after another transfer');
const { transactionHash } = await send({ to: contractAddress, data: '0x12345678' });
const what = [client, transactionHash, EthAddress.fromString(contractAddress), '0x12345678'];
const count = found => found.then(calls => `${calls.length} found`, error => error.name);
seen['a call that makes a contract'] =
    `debug_: ${await count(getSuccessfulCallsFromDebug(...what))}, trace_: ${await count(getSuccessfulCallsFromTrace(...what))}`;
for (const [what, end] of Object.entries(seen)) console.log(`${what.padEnd(30)} ${end}`);
const known = [
    'debug_: yes, trace_: yes',
    'debug_: yes, trace_: no',
    'debug_: yes, trace_: yes',
    'debug_: 1 found, trace_: ZodError',
];
process.exit(Object.values(seen).join('|') === known.join('|') ? 0 : 1);
JS
if ! LOG_LEVEL=silent node run.mjs "http://127.0.0.1:$port"; then
    echo "changed: traces are read otherwise" >&2
    exit 1
fi
