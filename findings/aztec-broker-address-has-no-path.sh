#!/usr/bin/env bash
# @aztec/foundation@4.1.2: the two senders of its JSON-RPC client. Agents and prover nodes use undici's. Node.js 20 or newer.
#
# Guess: an address that a wallet reaches an Aztec node under, with a path or a query, works for the broker of a prover as well.
# Seen: with the sender of undici (makeUndiciFetch) whatever follows the port ends as "InvalidArgumentError: invalid url" before
#   anything is sent, though the address is valid; only a lone `/` passes. The other sender (makeFetch) takes it. The words do
#   not stop the retries: as of a server that is down, all of the list are made.
# Why it matters: a broker behind a proxy that gives each service a path is out of reach for agents of 4.1.2, and the log blames
#   an address that curl finds. A broker needs a name or a port of its own. (5.2.0 sends the path.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/foundation": "4.1.2" },
    "overrides": { "@aztec/bb.js": "npm:empty-npm-package@1.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cat >"$dir/run.mjs" <<'JS'
import http from 'node:http';
import { makeFetch } from '@aztec/foundation/json-rpc/client';
import { makeUndiciFetch } from '@aztec/foundation/json-rpc/undici';
import { makeBackoff, retry } from '@aztec/foundation/retry';

let asked;
const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => {
        asked = request.url;
        response.setHeader('content-type', 'application/json').end('{"jsonrpc":"2.0","id":1,"result":1}');
    });
});
await new Promise(ready => server.listen(0, '127.0.0.1', ready));
const body = { jsonrpc: '2.0', id: 1, method: 'broker_getProvingJob', params: [] };

const ways = { undici: makeUndiciFetch(), fetch: makeFetch([], false) };
const seen = {};
for (const [name, send] of Object.entries(ways))
    for (const path of ['', '/', '/broker', '/?plan=free']) {
        asked = 'nothing';
        let tries = 0;
        const trying = () => (tries++, send(`http://127.0.0.1:${server.address().port}${path}`, body));
        const end = await retry(trying, 'a request', makeBackoff([0, 0]), undefined, true).then(
            () => 'fine',
            error => error.message.match(/[A-Za-z]+: invalid url/)?.[0] ?? 'another error',
        );
        seen[`${name}, ${path || 'no path'}`] = `${end}, server asked for ${asked}, tries: ${tries}`;
    }
for (const [what, end] of Object.entries(seen)) console.log(`${what.padEnd(20)} ${end}`);
const refused = 'InvalidArgumentError: invalid url, server asked for nothing, tries: 3';
const fine = path => `fine, server asked for ${path}, tries: 1`;
const known = [fine('/'), fine('/'), refused, refused, fine('/'), fine('/'), fine('/broker'), fine('/?plan=free')];
process.exit(Object.values(seen).join('|') === known.join('|') ? 0 : 1);
JS
if ! LOG_LEVEL=silent node "$dir/run.mjs"; then
    echo "changed: another address is taken or refused" >&2
    exit 1
fi
