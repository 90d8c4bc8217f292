#!/usr/bin/env bash
# @aztec/prover-client 5.2.0: the settings of its agent, and its proving broker. Node.js 20 or newer.
#
# Guess: an agent that is told PROVER_AGENT_PROOF_TYPES="PARITY_BASE, PARITY_ROOT" proves these two, as other lists of the same
#   release may have spaces. A name that is no type ends the start, as an integer that is none does since 5.x.
# Seen: the space makes the second name unknown, and unknown names are left out without a word: the agent proves the first
#   only. With no known name at all the list is empty, and an empty list means every type: an agent that was meant for small
#   proofs is given the root proof.
# Why it matters: one host takes jobs that it has not the memory for, and others wait for jobs that nobody takes. Both show as
#   timeouts only. A name that a later release renames does the same.
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

const { proverAgentConfigMappings } = await import(broker + 'config.js');
const { getConfigFromMappings } = await import('@aztec/foundation/config');

const types = ['PARITY_BASE', 'PARITY_ROOT', 'ROOT_ROLLUP'];
const seen = [];
for (const value of ['PARITY_BASE,PARITY_ROOT', 'PARITY_BASE, PARITY_ROOT', 'PARITY-BASE']) {
    process.env.PROVER_AGENT_PROOF_TYPES = value;
    const { proverAgentProofTypes } = getConfigFromMappings(proverAgentConfigMappings);
    const one = new ProvingBroker(new InMemoryBrokerDatabase());
    await one.start();
    for (const type of types)
        await one.enqueueProvingJob({ id: `7:${type}:0x01`, type: ProvingRequestType[type], epochNumber: 7, inputsUri: 'data:,' });
    const given = [];
    for (let next; (next = await one.getProvingJob({ allowList: proverAgentProofTypes })); )
        given.push(ProvingRequestType[next.job.type]);
    await one.stop();
    console.log(`${JSON.stringify(value).padEnd(28)} is given ${given.sort().join(' ')}`);
    seen.push(given.join(' '));
}
const known = ['PARITY_BASE PARITY_ROOT', 'PARITY_BASE', 'PARITY_BASE PARITY_ROOT ROOT_ROLLUP'];
process.exit(seen.join() === known.join() ? 0 : 1);
JS
if ! LOG_LEVEL=silent node run.mjs; then
    echo "changed: the agent is given other jobs" >&2
    exit 1
fi
