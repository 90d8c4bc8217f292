#!/usr/bin/env bash
# @aztec/blob-client@4.1.2: how it asks the L1's consensus endpoints (L1_CONSENSUS_HOST_URLS). Node.js 20 or newer.
#
# Guess: an address with a query, as many plans give it for the execution endpoint, works for the consensus endpoint as well. A
#   key from L1_CONSENSUS_HOST_API_KEYS arrives as it is, and an address with a path keeps it.
# Seen: the parts are glued as text. After a query the path goes into the query: the server is asked for `/`. If it has a page
#   there, the check at the start says "reachable"; no blob is ever found. Reserved characters of a key change the request: + is a
#   space for the server, & begins another parameter, and what follows # is not sent. A path is kept.
# Why it matters: the start is well and the first blob that is needed fails, maybe hours later. A key has to be percent-encoded by
#   hand, unless it goes into a header, where it must not be.
#
# telemetry-client and ethereum are large and give a list of settings and counters only: stand-ins for these are written below.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": {
        "@aztec/blob-lib": "4.1.2",
        "@aztec/foundation": "4.1.2",
        "viem": "npm:@aztec/viem@2.38.2",
        "zod": "3.25.76"
    }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cd "$dir"
npm pack --silent @aztec/blob-client@4.1.2 >/dev/null
mkdir node_modules/@aztec/blob-client node_modules/@aztec/ethereum node_modules/@aztec/telemetry-client
tar --extract --gzip --file aztec-blob-client-4.1.2.tgz --directory node_modules/@aztec/blob-client --strip-components 1
echo '{ "type": "module", "exports": { "./*": "./*.js" } }' >node_modules/@aztec/ethereum/package.json
echo 'export const l1ReaderConfigMappings = { l1ChainId: {} };' >node_modules/@aztec/ethereum/l1-reader.js
echo '{ "type": "module", "exports": "./index.js" }' >node_modules/@aztec/telemetry-client/package.json
cat >node_modules/@aztec/telemetry-client/index.js <<'JS'
export const Attributes = {};
export const Metrics = {};
export const createUpDownCounterWithDefault = () => {};
export const getTelemetryClient = () => {};
JS
cat >run.mjs <<'JS'
import http from 'node:http';
const files = 'file://' + process.cwd() + '/node_modules/@aztec/blob-client/dest/client/';
const { HttpBlobClient } = await import(files + 'http.js');
const { getBlobClientConfigFromEnv } = await import(files + 'config.js');

// a consensus endpoint of a plan: it has a page at its root, and answers about headers to whoever has the key
const wanted = 'a+b/c=&d#e';
let asked;
const server = http.createServer((request, response) => {
    asked = request.url;
    const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
    const headers = pathname.endsWith('/eth/v1/beacon/headers');
    response.statusCode = pathname === '/' || (headers && searchParams.get('key') === wanted) ? 200 : headers ? 401 : 404;
    response.end('{}');
});
await new Promise(ready => server.listen(0, '127.0.0.1', ready));
const at = `http://127.0.0.1:${server.address().port}`;

const seen = {};
async function check(what, host, key) {
    process.env.L1_CONSENSUS_HOST_URLS = at + host;
    process.env.L1_CONSENSUS_HOST_API_KEYS = key;
    const end = await new HttpBlobClient(getBlobClientConfigFromEnv()).testSources().then(
        () => 'reachable',
        error => error.message,
    );
    seen[what] = `${end}, asked for ${asked}`;
    console.log(`${what.padEnd(34)} ${seen[what]}`);
}
await check('the key in the address', `/?key=${encodeURIComponent(wanted)}`, '');
await check('the key for itself', '', wanted);
await check('the key for itself, encoded', '', encodeURIComponent(wanted));
await check('the same, an address with a path', '/beacon', encodeURIComponent(wanted));
const encoded = 'a%2Bb%2Fc%3D%26d%23e';
const known = [
    `reachable, asked for /?key=${encoded}/eth/v1/beacon/headers`,
    'No blob sources are reachable, asked for /eth/v1/beacon/headers?key=a+b/c=&d',
    `reachable, asked for /eth/v1/beacon/headers?key=${encoded}`,
    `reachable, asked for /beacon/eth/v1/beacon/headers?key=${encoded}`,
];
process.exit(Object.values(seen).join('|') === known.join('|') ? 0 : 1);
JS
if ! LOG_LEVEL=silent node run.mjs; then
    echo "changed: the endpoint is asked otherwise" >&2
    exit 1
fi
