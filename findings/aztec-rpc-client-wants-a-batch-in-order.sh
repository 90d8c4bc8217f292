#!/usr/bin/env bash
# @aztec/foundation@5.2.0: its JSON-RPC client and server. Node.js 20 or newer.
#
# Guess: a client that numbers its calls finds each answer of a batch by its number, since JSON-RPC 2.0 lets a server give them
#   in any order. And a call that is alone is not a batch.
# Seen: it takes the n-th answer for that of the n-th call. When the order differs every call fails with "RPC id mismatch",
#   though all answers are there, well numbered. One call alone is sent as a batch too, so that each call of the official
#   client is an array. The server answers a failing call with HTTP 400, but in an array with 200.
# Why it matters: a proxy or cache before a node that answers a batch as its parts become ready, as the standard allows, breaks
#   wallets only when two calls meet. A filter on the request's `method` sees no method, and whoever counts errors by HTTP
#   status sees those of curl and none of the official client.
#
# The registry lacks bb.js 5.2.0, of which nothing here is called: 5.0.0 stands in.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/foundation": "5.2.0", "zod": "4.1.13" },
    "overrides": { "@aztec/bb.js": "5.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cat >"$dir/run.mjs" <<'JS'
import http from 'node:http';
import { z } from 'zod';
import { createSafeJsonRpcClient } from '@aztec/foundation/json-rpc/client';
import { createNamespacedSafeJsonRpcServer, startHttpRpcServer } from '@aztec/foundation/json-rpc/server';

const call = () => z.function({ input: z.tuple([]), output: z.number() });
const schema = { one: call(), two: call(), fails: call() };
const node = {
    one: () => Promise.resolve(1),
    two: () => Promise.resolve(2),
    fails: () => Promise.reject(new Error('no such block')),
};
const server = await startHttpRpcServer(createNamespacedSafeJsonRpcServer({ node: [node, schema] }), { host: '127.0.0.1' });

// a proxy that keeps the answers of a batch and their numbers, and may turn their order
let turned = false;
let log;
const proxy = http.createServer((request, response) => {
    let body = '';
    request.on('data', part => (body += part));
    request.on('end', async () => {
        const answer = await fetch(`http://127.0.0.1:${server.port}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body,
        });
        const parts = await answer.json();
        log = `${Array.isArray(JSON.parse(body)) ? 'array' : 'object'}, HTTP ${answer.status}`;
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(turned ? parts.reverse() : parts));
    });
});
await new Promise(ready => proxy.listen(0, '127.0.0.1', ready));
const url = `http://127.0.0.1:${proxy.address().port}`;
const client = createSafeJsonRpcClient(url, schema, { namespaceMethods: 'node' });

const both = async () =>
    (await Promise.allSettled([client.one(), client.two()])).map(end => end.value ?? end.reason.message).join(', ');
const seen = {};
seen['two calls, in order'] = await both();
turned = true;
seen['two calls, the order turned'] = await both();
turned = false;
await client.one();
seen['a call alone, sent by the client'] = log;
await client.fails().catch(() => {});
seen['a failing call, sent by the client'] = log;
await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'node_fails', params: [] }),
});
seen['the same, sent as curl would'] = log;
for (const [what, end] of Object.entries(seen)) console.log(`${what.padEnd(36)} ${end}`);
const known = ['1, 2', 'RPC id mismatch, RPC id mismatch', 'array, HTTP 200', 'array, HTTP 200', 'object, HTTP 400'];
process.exit(Object.values(seen).join('|') === known.join('|') ? 0 : 1);
JS
if ! LOG_LEVEL=silent node "$dir/run.mjs"; then
    echo "changed: one of the five is otherwise" >&2
    exit 1
fi
