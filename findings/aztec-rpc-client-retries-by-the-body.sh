#!/usr/bin/env bash
# @aztec/foundation@5.2.0: its JSON-RPC client with makeFetch, as the clients of nodes and wallets use it. Node.js 20 or newer.
#
# Guess: whether the client tries again goes by the HTTP status. The code says so: 5xx yes, 4xx never.
# Seen: it goes by the body first. A 4xx with a JSON body is final; the same 4xx with a body of plain words or HTML is tried to
#   the end of the list, like a server that is down. The end is an error that holds the status' name and no number.
# Why it matters: a proxy before the node says "401", "403" or "429" in words or HTML. Each refused call is then sent again and
#   again: the caller waits for all pauses to learn that it may not, and a limit on requests is hit the harder. A 429 that
#   comes as JSON, which might well pass after a pause, is not tried again at all.
#
# The registry lacks bb.js 5.2.0, which nothing here calls: an empty package stands in.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/foundation": "5.2.0", "zod": "4.1.13" },
    "overrides": { "@aztec/bb.js": "npm:empty-npm-package@1.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cat >"$dir/run.mjs" <<'JS'
import http from 'node:http';
import { z } from 'zod';
import { createSafeJsonRpcClient, makeFetch } from '@aztec/foundation/json-rpc/client';

let answer, requests;
const proxy = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => {
        requests++;
        const [status, type, body] = answer;
        response.writeHead(status, { 'content-type': type }).end(body);
    });
});
await new Promise(ready => proxy.listen(0, '127.0.0.1', ready));
const url = `http://127.0.0.1:${proxy.address().port}`;
const schema = { getBlockNumber: z.function({ input: z.tuple([]), output: z.number() }) };

const seen = [];
for (const status of [401, 403, 429])
    for (const [type, body] of [
        ['application/json', '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"not now"}}'],
        ['text/plain', 'not now'],
        ['text/html', '<h1>not now</h1>'],
    ]) {
        answer = [status, type, body];
        requests = 0;
        const client = createSafeJsonRpcClient(url, schema, { fetch: makeFetch([0.1, 0.1, 0.1], false) });
        const error = await client.getBlockNumber().catch(error => error.message.replace(url, 'URL'));
        console.log(`${status} ${type.padEnd(16)} ${requests} requests, then: ${error}`);
        seen.push(requests);
    }
process.exit(seen.join() === '1,4,4,1,4,4,1,4,4' ? 0 : 1);
JS
if ! LOG_LEVEL=silent node "$dir/run.mjs"; then
    echo "changed: the body does not decide any more" >&2
    exit 1
fi
