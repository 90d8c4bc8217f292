#!/usr/bin/env bash
# @aztec/stdlib@4.1.2 and @aztec/ethereum@4.1.2: from ROLLUP_VERSION and L1_CHAIN_ID to the rollup that a node follows.
# Node.js 20 or newer.
#
# Guess: two settings that are read side by side take the same numbers, so that both may be hexadecimal as L1 tools print them, or
#   neither. A version that is none, or that the registry does not know, ends the start.
# Seen: 0xaa36a7 as a chain is 11155111. As a version it is 0, and 0 is no version but is tried as the place in the registry's
#   list: the node takes the very first rollup. 3_005_967_221 and 3rd are place 3. A word is no number, and means the
#   canonical rollup. Only a place that is not in the list ends the start.
# Why it matters: the node says that the rollup is incompatible and waits for another, which for a fixed version never comes; it
#   names an address and not the version that it read. A word, meant to pin a version, follows every upgrade instead.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/stdlib": "4.1.2", "viem": "npm:@aztec/viem@2.38.2" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { RegistryContract } from '@aztec/ethereum/contracts';
import { getConfigFromMappings } from '@aztec/foundation/config';
import { RegistryAbi } from '@aztec/l1-artifacts/RegistryAbi';
import { chainConfigMappings } from '@aztec/stdlib/config';
import { createPublicClient, custom, decodeFunctionData, encodeFunctionResult } from 'viem';

// the registry of an L1: its rollups in the order in which they were added, the last one is canonical
const versions = [1_111_111n, 2_222_222n, 3_333_333n, 4_444_444n, 3_005_967_221n];
const address = place => `0x${String(place).repeat(40)}`;
const answer = {
    getCanonicalRollup: () => address(versions.length - 1),
    getVersion: place => versions[place],
    getRollup: version => (versions.includes(version) ? address(versions.indexOf(version)) : undefined),
};
const request = async ({ params: [{ data }] }) => {
    const { functionName, args = [] } = decodeFunctionData({ abi: RegistryAbi, data });
    const result = answer[functionName](...args);
    if (result === undefined) throw Object.assign(new Error('execution reverted'), { code: 3, data: '0x' });
    return encodeFunctionResult({ abi: RegistryAbi, functionName, result });
};
const client = createPublicClient({ transport: custom({ request }, { retryCount: 0 }) });
const registry = new RegistryContract(client, address(9));

const known = {
    2222222: 'chain 2222222, version 2222222, rollup 1',
    '0xaa36a7': 'chain 11155111, version 0, rollup 0',
    '3_005_967_221': 'chain NaN, version 3, rollup 3',
    '3rd': 'chain NaN, version 3, rollup 3',
    v2222222: 'chain NaN, version undefined, rollup 4',
    44: 'chain 44, version 44, Rollup address is undefined',
};
let same = true;
for (const [value, end] of Object.entries(known)) {
    process.env.L1_CHAIN_ID = process.env.ROLLUP_VERSION = value;
    const { l1ChainId, rollupVersion } = getConfigFromMappings(chainConfigMappings);
    // a version that is not set is this word, as everywhere in a node
    const rollup = await registry.getRollupAddress(rollupVersion ?? 'canonical').then(
        found => `rollup ${found.toString()[2]}`,
        error => error.message,
    );
    const seen = `chain ${l1ChainId}, version ${rollupVersion}, ${rollup}`;
    console.log(`${value.padEnd(14)} ${seen}`);
    same &&= seen === end;
}
process.exit(same ? 0 : 1);
JS
if ! LOG_LEVEL=silent node "$dir/run.mjs"; then
    echo "changed: one of the values is read otherwise" >&2
    exit 1
fi
