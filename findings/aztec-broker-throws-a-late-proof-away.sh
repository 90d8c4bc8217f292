#!/usr/bin/env bash
# @aztec/prover-client 5.2.0: its proving broker, with an in-memory database of its own. Node.js 20 or newer.
#
# Guess: a broker that loses the agents of a job gives the job to others until one proves it, and takes a proof that comes late
#   all the same: the proof is as good as any.
# Seen: the third agent that is silent for too long ends the job for good: "rejected: Timed out". A proof that this agent
#   sends a moment later is dropped without an error. Whoever asks for the job again gets the rejection, and no agent gets the
#   job. The database knows of none of it: a new broker on the same database offers the job at once, and takes the proof.
# Why it matters: three agents that are restarted or too slow for the timeout can cost an epoch, while every process looks well.
#   The remedy is one that nobody tries with a healthy broker: restart the broker, then the prover node.
#
# The registry lacks stdlib and ethereum 5.2.0. The broker takes an enum, two helpers and three lists of settings from them;
# stand-ins for these are written below. bb.js 5.0.0 stands in for 5.2.0, nothing of it is called.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/telemetry-client": "5.2.0" },
    "overrides": { "@aztec/bb.js": "5.0.0", "@aztec/stdlib": "npm:empty-npm-package@1.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cd "$dir"
npm pack --silent @aztec/prover-client@5.2.0 >/dev/null
mkdir node_modules/@aztec/prover-client node_modules/@aztec/ethereum
tar --extract --gzip --file aztec-prover-client-5.2.0.tgz --directory node_modules/@aztec/prover-client --strip-components 1
rm -r node_modules/@aztec/stdlib/*
for package in ethereum stdlib; do
    echo '{ "type": "module", "exports": { "./*": "./*.js" } }' >"node_modules/@aztec/$package/package.json"
done
echo 'export const l1ReaderConfigMappings = {};' >node_modules/@aztec/ethereum/l1-reader.js
echo 'export const chainConfigMappings = {};' >node_modules/@aztec/stdlib/config.js
echo 'export const dataConfigMappings = {};' >node_modules/@aztec/stdlib/kv-store.js
cat >node_modules/@aztec/stdlib/proofs.js <<'JS'
const names = `PUBLIC_VM PUBLIC_CHONK_VERIFIER PRIVATE_TX_BASE_ROLLUP PUBLIC_TX_BASE_ROLLUP TX_MERGE_ROLLUP
    BLOCK_ROOT_FIRST_ROLLUP BLOCK_ROOT_SINGLE_TX_FIRST_ROLLUP BLOCK_ROOT_EMPTY_TX_FIRST_ROLLUP BLOCK_ROOT_ROLLUP
    BLOCK_ROOT_SINGLE_TX_ROLLUP BLOCK_MERGE_ROLLUP CHECKPOINT_ROOT_ROLLUP CHECKPOINT_ROOT_SINGLE_BLOCK_ROLLUP
    CHECKPOINT_PADDING_ROLLUP CHECKPOINT_MERGE_ROLLUP ROOT_ROLLUP PARITY_BASE PARITY_ROOT`.split(/\s+/);
export const ProvingRequestType = {};
names.forEach((name, number) => (ProvingRequestType[(ProvingRequestType[name] = number)] = name));
JS
mkdir node_modules/@aztec/stdlib/interfaces
cat >node_modules/@aztec/stdlib/interfaces/server.js <<'JS'
export const tryStop = running => running.stop();
export const getEpochFromProvingJobId = id => Number(id.split(':')[0]);
JS
cat >run.mjs <<'JS'
import { ProvingRequestType } from '@aztec/stdlib/proofs';
const broker = 'file://' + process.cwd() + '/node_modules/@aztec/prover-client/dest/proving_broker/';
const { ProvingBroker } = await import(broker + 'proving_broker.js');
const { InMemoryBrokerDatabase } = await import(broker + 'proving_broker_database/memory.js');

const database = new InMemoryBrokerDatabase();
const timeout = 200;
const start = async () => {
    const one = new ProvingBroker(database, {
        proverBrokerJobTimeoutMs: timeout,
        proverBrokerPollIntervalMs: 20,
        proverBrokerJobMaxRetries: 3,
        proverBrokerMaxEpochsToKeepResultsFor: 1,
    });
    await one.start();
    return one;
};
const seen = [];
const tell = (what, end) => {
    console.log(`${what.padEnd(52)} ${end}`);
    seen.push(end);
};
const status = ({ status, reason }) => (reason ? `${status}: ${reason}` : status);

const job = { id: '7:ROOT_ROLLUP:0x01', type: ProvingRequestType.ROOT_ROLLUP, epochNumber: 7, inputsUri: 'data:,inputs' };
const first = await start();
await first.enqueueProvingJob(job);
for (const agent of ['first', 'second', 'third']) {
    const taken = await first.getProvingJob();
    tell(`the ${agent} agent takes, and is silent for too long`, taken?.job.id ?? 'nothing');
    await new Promise(done => setTimeout(done, 2 * timeout));
}
tell('the job', status(await first.getProvingJobStatus(job.id)));
tell('a fourth agent is given', (await first.getProvingJob())?.job.id ?? 'nothing');
await first.reportProvingJobSuccess(job.id, 'data:,proof');
tell('the third agent sends the proof: the job', status(await first.getProvingJobStatus(job.id)));
tell('the prover node asks for the job again', status(await first.enqueueProvingJob(job)));
tell('what the database has of a result', status((await database.getProvingJobResult(job.id)) ?? { status: 'nothing' }));
await first.stop();

const second = await start();
tell('a new broker on that database: the job', status(await second.getProvingJobStatus(job.id)));
tell('an agent is given', (await second.getProvingJob())?.job.id ?? 'nothing');
await second.reportProvingJobSuccess(job.id, 'data:,proof');
tell('it sends the proof: the job', status(await second.getProvingJobStatus(job.id)));
await second.stop();

const known = [job.id, job.id, job.id, 'rejected: Timed out', 'nothing', 'rejected: Timed out', 'rejected: Timed out', 'nothing']
    .concat('in-queue', job.id, 'fulfilled');
process.exit(seen.join() === known.join() ? 0 : 1);
JS
if ! LOG_LEVEL=silent node run.mjs; then
    echo "changed: the job ends otherwise" >&2
    exit 1
fi
