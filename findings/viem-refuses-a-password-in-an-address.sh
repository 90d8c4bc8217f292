#!/usr/bin/env bash
# viem 2.38.2 (npm: @aztec/viem@2.38.2, the copy that Aztec 4.1.2 and 5.2.0 use), viem 2.57.20, ethers 6.17.0, cast 1.7.1
# (npm: @foundry-rs/cast-linux-amd64@1.7.1), x86_64 Linux. Node.js 20 or newer.
#
# Guess: an L1 endpoint behind HTTP's basic authentication, http://user:password@host, is one that every client of this field can
#   ask, as curl can.
# Seen: the viem that Aztec uses cannot: it makes a `Request` of the address, and JavaScript's refuses any that holds a password.
#   Nothing is sent, it tries four times all the same, and calls that "HTTP request failed". ethers, cast and a later viem send
#   the header `Authorization`.
# Why it matters: an address that was tried with curl or cast, and with which the contracts were even deployed by forge, makes a
#   node fail as if the endpoint were down. It needs an endpoint that takes its key in the path or query, or a proxy.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" \
    viem@npm:@aztec/viem@2.38.2 later-viem@npm:viem@2.57.20 ethers@6.17.0 @foundry-rs/cast-linux-amd64@1.7.1 >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { execFile } from 'node:child_process';
import http from 'node:http';
import { promisify } from 'node:util';
import { JsonRpcProvider } from 'ethers';
import { createPublicClient as laterClient, http as laterTransport } from 'later-viem';
import { createPublicClient, http as transport } from 'viem';

let authorized = 0;
const endpoint = http.createServer((request, response) => {
    let body = '';
    request.on('data', part => (body += part));
    request.on('end', () => {
        const right = request.headers.authorization === `Basic ${btoa('user:password')}`;
        authorized += right;
        const answer = right ? { result: '0x1' } : { error: { code: -32001, message: 'who are you?' } };
        response.writeHead(right ? 200 : 401, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(body).id, ...answer }));
    });
});
await new Promise(ready => endpoint.listen(0, '127.0.0.1', ready));
const url = `http://user:password@127.0.0.1:${endpoint.address().port}`;

const cast = process.argv[2];
let requests = 0;
globalThis.Request = class extends Request {
    constructor(...what) {
        requests++;
        super(...what);
    }
};
const ways = {
    'viem 2.38.2': () => createPublicClient({ transport: transport(url) }).getChainId(),
    'viem 2.57.20': () => laterClient({ transport: laterTransport(url) }).getChainId(),
    ethers: () => new JsonRpcProvider(url, 1, { staticNetwork: true }).send('eth_chainId', []),
    cast: () => promisify(execFile)(cast, ['chain-id', '--rpc-url', url]),
};
const seen = [];
for (const [what, ask] of Object.entries(ways)) {
    authorized = requests = 0;
    const end = await ask().then(
        () => 'fine',
        error => error.name,
    );
    seen.push(`${end}, ${authorized} authorized` + (end === 'fine' ? '' : `, ${requests} tries`));
    console.log(`${what.padEnd(14)} ${seen.at(-1)}`);
}
const fine = 'fine, 1 authorized';
process.exit(seen.join('|') === ['HttpRequestError, 0 authorized, 4 tries', fine, fine, fine].join('|') ? 0 : 1);
JS
if ! node "$dir/run.mjs" "$dir/node_modules/@foundry-rs/cast-linux-amd64/bin/cast"; then
    echo "changed: one of them does otherwise" >&2
    exit 1
fi
