#!/usr/bin/env bash
# viem 2.38.2 (npm: @aztec/viem@2.38.2, the copy that Aztec 4.1.2 and 5.2.0 use). Node.js 20 or newer.
#
# Guess: an L1 endpoint that answers 429 with `Retry-After` is asked again at that time, or, where viem cannot read the header,
#   after the pauses that it makes without one.
# Seen: HTTP allows seconds or a date. With a date viem makes no pause at all: it asks four times at once and gives up.
#   Without the header it takes about a second for the same four. With seconds it waits as long as the server says, and the
#   timeout of the client does not count for that wait.
# Why it matters: the endpoint that says most exactly when it is free again is hurried the most, and its plan is used up by
#   the retries. An endpoint that says an hour in seconds holds a call for an hour.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" viem@npm:@aztec/viem@2.38.2 >/dev/null
cat >"$dir/run.mjs" <<'JS'
import http from 'node:http';
import { createPublicClient, http as transport } from 'viem';

let header, limited, times;
const endpoint = http.createServer((request, response) => {
    let body = '';
    request.on('data', part => (body += part));
    request.on('end', () => {
        times.push(Date.now());
        if (times.length <= limited) {
            response.writeHead(429, header === undefined ? {} : { 'retry-after': header() }).end('too many requests');
        } else {
            const { id } = JSON.parse(body);
            response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, result: '0x10' }));
        }
    });
});
await new Promise(ready => endpoint.listen(0, '127.0.0.1', ready));
const url = `http://127.0.0.1:${endpoint.address().port}`;

async function ask(what, options) {
    times = [];
    const start = Date.now();
    const end = await createPublicClient({ transport: transport(url, options) })
        .getBlockNumber({ cacheTime: 0 })
        .then(block => `block ${block}`, error => `${error.name} ${error.status}`);
    const took = Date.now() - start;
    console.log(`${what.padEnd(44)} ${times.length} requests, ${took} ms, ${end}`);
    return { requests: times.length, took, end };
}
limited = Infinity;
await ask('(the first request of all, to warm up)', { retryCount: 0 });
header = undefined;
const without = await ask('429 without Retry-After', {});
header = () => new Date(Date.now() + 10_000).toUTCString();
const date = await ask('429 with a date 10 s ahead', {});
limited = 1;
header = () => '4';
const seconds = await ask('429 with 4 seconds, timeout of the client 1 s', { timeout: 1000 });

const same = without.requests === 4 && without.took > 900 && date.requests === 4 && date.took < 500;
process.exit(same && seconds.requests === 2 && seconds.took > 3900 && seconds.end === 'block 16' ? 0 : 1);
JS
if ! node "$dir/run.mjs"; then
    echo "changed: a date is waited for, or a wait is cut" >&2
    exit 1
fi
