#!/usr/bin/env bash
# viem 2.38.2 (npm: @aztec/viem@2.38.2, the copy that Aztec 4.1.2 and 5.2.0 use) and ethers 6.17.0. Node.js 20 or newer.
#
# Guess: an L1 endpoint may refuse a batch as a whole, with one error object, as JSON-RPC 2.0 says. Every call of that batch
#   then fails with that error, as it does when it is sent alone.
# Seen: neither library reads the object. In viem each call fails with "An unknown RPC error occurred" around a TypeError of
#   viem's own, the endpoint's words are nowhere, and the batch is sent four times, though the same refusal of a single call
#   (-32600) is not repeated. In ethers the code is BAD_DATA, "missing response for request", with the words deep in its dump.
# Why it matters: "this is over your plan" is what the operator has to read, and a log of viem does not have it. Whoever sees
#   the unknown error only when calls meet should try the endpoint without batches.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" viem@npm:@aztec/viem@2.38.2 ethers@6.17.0 >/dev/null
cat >"$dir/run.mjs" <<'JS'
import http from 'node:http';
import { JsonRpcProvider } from 'ethers';
import { createPublicClient, http as transport } from 'viem';

let requests = 0;
const error = { code: -32600, message: 'this is over your plan' };
const endpoint = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => {
        requests++;
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
    });
});
await new Promise(ready => endpoint.listen(0, '127.0.0.1', ready));
const url = `http://127.0.0.1:${endpoint.address().port}`;

async function show(what, calls) {
    requests = 0;
    const [{ reason }] = await Promise.allSettled(calls());
    const seen = [requests, reason.name, reason.code, reason.message.includes(error.message) ? 'has the words' : 'no words'].join(' ');
    console.log(`${what.padEnd(22)} ${seen}\n    ${reason.message.replace(/\s+/g, ' ').slice(0, 110)}`);
    return seen;
}
const single = createPublicClient({ transport: transport(url) });
const batch = createPublicClient({ transport: transport(url, { batch: true }) });
const provider = new JsonRpcProvider(url, 1, { staticNetwork: true });
const seen = [
    await show('viem, one call:', () => [single.getGasPrice()]),
    await show('viem, batch of two:', () => [batch.getGasPrice(), batch.getChainId()]),
    await show('ethers, batch of two:', () => [provider.send('eth_gasPrice', []), provider.send('eth_chainId', [])]),
];
const known = [
    '1 InvalidRequestRpcError -32600 has the words',
    '4 UnknownRpcError -1 no words',
    '1 Error BAD_DATA has the words',
];
process.exit(seen.join() === known.join() ? 0 : 1);
JS
if ! node "$dir/run.mjs"; then
    echo "changed: a batch's error is read, or read otherwise" >&2
    exit 1
fi
