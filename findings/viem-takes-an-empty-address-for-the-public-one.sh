#!/usr/bin/env bash
# viem 2.38.2 (npm: @aztec/viem@2.38.2, the copy that Aztec 4.1.2 and 5.2.0 use) and ethers 6.17.0. Node.js 20 or newer.
#
# Guess: an empty string in a list of L1 endpoints, as `"https://l1.example,".split(',')` makes one, is refused, since it is no
#   address.
# Seen: viem's `http('')` is the public endpoint that viem has in its list for the chain. In a `fallback` it is asked as soon as
#   the operator's own endpoint fails once, for blocks and for sending signed transactions alike, without a word. ethers
#   refuses the empty address.
# Why it matters: a comma at the end of a setting hands the traffic, signed transactions included, to a third party, on just the
#   day when nobody looks there. A rate limit of an endpoint that nobody configured is then in the log. With a chain that names
#   the same list as its own, as Aztec's nodes make one, the first endpoint is asked twice instead.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" viem@npm:@aztec/viem@2.38.2 ethers@6.17.0 >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { JsonRpcProvider } from 'ethers';
import { createPublicClient, fallback, http } from 'viem';
import { sepolia } from 'viem/chains';

// nothing leaves this machine: the operator's own endpoint is down, any other one answers
const own = 'https://l1.example';
let asked = [];
const fetchFn = async request => {
    const url = new URL(request.url ?? request).origin;
    asked.push(url);
    const body = { jsonrpc: '2.0', id: 1, result: '0x1' };
    return new Response(JSON.stringify(body), {
        status: url === own ? 503 : 200,
        headers: { 'content-type': 'application/json' },
    });
};
const hosts = `${own},`.split(',');
const transport = fallback(hosts.map(host => http(host, { fetchFn, retryCount: 0 })), { retryCount: 0 });
const named = createPublicClient({ chain: sepolia, transport });
const listed = createPublicClient({ chain: { ...sepolia, rpcUrls: { default: { http: hosts } } }, transport });

const name = { [own]: 'own', [new URL(sepolia.rpcUrls.default.http[0]).origin]: 'public' };
async function show(what, call) {
    asked = [];
    const end = await call().then(
        () => 'done',
        () => 'failed',
    );
    const line = `${asked.map(url => name[url] ?? 'another').join(', then ')}: ${end}`;
    console.log(`${what.padEnd(46)} ${line}`);
    return line;
}
const seen = [
    await show('viem, the newest block:', () => named.getBlockNumber()),
    await show('viem, a signed transaction:', () => named.sendRawTransaction({ serializedTransaction: '0x02' })),
    await show('viem, a chain that names the list as its own:', () => listed.getBlockNumber()),
];
const refusal = await new JsonRpcProvider('', 1, { staticNetwork: true }).send('eth_blockNumber', []).catch(error => error.message);
console.log(`${'ethers, an empty address:'.padEnd(46)} ${refusal.slice(0, 20)}`);
const known = ['own, then public: done', 'own, then public: done', 'own, then own: failed'];
process.exit(seen.join() === known.join() && refusal.startsWith('unsupported protocol') ? 0 : 1);
JS
if ! node "$dir/run.mjs"; then
    echo "changed: others are asked" >&2
    exit 1
fi
