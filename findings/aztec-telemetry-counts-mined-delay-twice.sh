#!/usr/bin/env bash
# @aztec/telemetry-client 5.2.0 with @opentelemetry/sdk-metrics 1.30.1, which it installs. Node.js 20 or newer.
#
# Guess: a histogram for which two views fit takes the buckets of the first one, and counts a value once. The package's own
#   comment says so of aztec.mempool.tx_mined_delay: "the first view in this list wins the bucket boundaries".
# Seen: the buckets are those of the first view, but each value is counted twice, since the SDK writes it once for each view
#   into the one storage that both share. Count and sum are double; a histogram that only one view fits is right.
# Why it matters: the rate of aztec_mempool_tx_mined_delay is twice the rate of mined transactions. Averages and quantiles
#   stay right, so nobody sees it until two panels are laid side by side.
#
# The registry lacks two packages that 5.2.0 names (stdlib and bb.js 5.2.0). Nothing here calls them: others stand in.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/telemetry-client": "5.2.0", "@opentelemetry/sdk-metrics": "1.30.1" },
    "overrides": { "@aztec/bb.js": "5.0.0", "@aztec/stdlib": "npm:empty-npm-package@1.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cat >"$dir/run.mjs" <<'JS'
import http from 'node:http';
import { Metrics, initTelemetryClient } from '@aztec/telemetry-client';
import { getConfigEnvVars } from '@aztec/telemetry-client/config';

const seen = {};
const collector = http.createServer((request, response) => {
    let body = '';
    request.on('data', part => (body += part));
    request.on('end', () => {
        for (const { scopeMetrics } of JSON.parse(body).resourceMetrics)
            for (const { metrics } of scopeMetrics) for (const metric of metrics) seen[metric.name] = metric;
        response.setHeader('content-type', 'application/json').end('{}');
    });
});
await new Promise(ready => collector.listen(0, '127.0.0.1', ready));
process.env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT = `http://127.0.0.1:${collector.address().port}/v1/metrics`;

const telemetry = await initTelemetryClient(getConfigEnvVars());
const meter = telemetry.getMeter('finding');
for (const definition of [Metrics.MEMPOOL_TX_MINED_DELAY, Metrics.MEMPOOL_ATTESTATIONS_MINED_DELAY])
    meter.createHistogram(definition).record(4000);
await telemetry.flush();

const counts = [Metrics.MEMPOOL_TX_MINED_DELAY, Metrics.MEMPOOL_ATTESTATIONS_MINED_DELAY].map(({ name }) => {
    const [{ count, sum }] = seen[name].histogram.dataPoints;
    console.log(`${name}: 4000 was recorded once; what is exported: count ${count}, sum ${sum}`);
    return count;
});
process.exit(counts[0] === 2 && counts[1] === 1 ? 0 : 1);
JS
if ! LOG_LEVEL=silent node "$dir/run.mjs"; then
    echo "changed: the first is not counted twice, or the second not once" >&2
    exit 1
fi
