#!/usr/bin/env bash
# @aztec/telemetry-client 5.2.0, anvil 1.4.4 (npm: @foundry-rs/anvil-linux-amd64@1.4.4), x86_64 Linux. Node.js 20 or newer.
#
# Guess: L1Metrics exports its four gauges: the L1's newest block, the balances, the gas price and the blob base fee. It makes
#   them all, asks the L1 for all of them at each export, and observes them all.
# Seen: gas price and blob base fee are asked for and never exported. The callback is registered for the two others only, and
#   OpenTelemetry drops without a word what a callback observes of a gauge that it was not registered for.
# Why it matters: aztec_l1_gas_price_wei and aztec_l1_blob_base_fee_wei are in the package's list of metrics and in no
#   Prometheus, so an alert on them never fires. The two calls are made and paid for all the same.
#
# The registry lacks two packages that 5.2.0 names (stdlib and bb.js 5.2.0). Nothing here calls them: others stand in.
set -euo pipefail
dir=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null && wait "$pid" || true; rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/telemetry-client": "5.2.0", "@foundry-rs/anvil-linux-amd64": "1.4.4" },
    "overrides": { "@aztec/bb.js": "5.0.0", "@aztec/stdlib": "npm:empty-npm-package@1.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
port=28547
"$dir/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil" --silent --port "$port" &
pid=$!
cat >"$dir/run.mjs" <<'JS'
import http from 'node:http';
import { createPublicClient, http as transport } from 'viem';
import { L1Metrics, initTelemetryClient } from '@aztec/telemetry-client';
import { getConfigEnvVars } from '@aztec/telemetry-client/config';

const exported = [];
const collector = http.createServer((request, response) => {
    let body = '';
    request.on('data', part => (body += part));
    request.on('end', () => {
        for (const { scopeMetrics } of JSON.parse(body).resourceMetrics)
            for (const { metrics } of scopeMetrics) for (const metric of metrics) exported.push(metric.name);
        response.setHeader('content-type', 'application/json').end('{}');
    });
});
await new Promise(ready => collector.listen(0, '127.0.0.1', ready));
process.env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT = `http://127.0.0.1:${collector.address().port}/v1/metrics`;

const asked = [];
const client = createPublicClient({
    transport: transport(process.argv[2], {
        retryCount: 20,
        onFetchRequest: async request => void asked.push((await request.clone().json()).method),
    }),
});
await client.getChainId();
asked.length = 0;
const telemetry = await initTelemetryClient(getConfigEnvVars());
new L1Metrics(telemetry.getMeter('finding'), client, ['0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266']).start();
await telemetry.flush();

const gauges = exported.filter(name => name.startsWith('aztec.l1.'));
console.log(`asked of the L1: ${asked.join(' ')}`);
console.log(`exported:        ${gauges.join(' ')}`);
const all = ['eth_gasPrice', 'eth_blobBaseFee'].every(method => asked.includes(method));
process.exit(all && gauges.sort().join() === 'aztec.l1.balance,aztec.l1.block_height' ? 0 : 1);
JS
if ! LOG_LEVEL=silent node "$dir/run.mjs" "http://127.0.0.1:$port"; then
    echo "changed: not these are asked for, or not these are exported" >&2
    exit 1
fi
