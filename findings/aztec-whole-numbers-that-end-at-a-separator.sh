#!/usr/bin/env bash
# @aztec/foundation@5.2.0: the helpers that read numbers of a node from its environment. Node.js 20 or newer.
#
# Guess: 5.2.0 ends its start for a number that is none. It does so for 1.5 and for a word, "expected a whole number", so that it
#   does for 134_217_728, 134,217,728, 64s and 0x4000000 as well, or reads them right.
# Seen: it reads as far as it understands and is content with that: 134, 134, 64 and 0. Settings that are big integers are read
#   by another rule: 0x40 is 64, and 1_000 and 1,000 end the start.
# Why it matters: after the first refusal of a bad number one trusts the rest. A database of 134 KB instead of 128 GB, or a
#   poll every 0 ms, starts well and fails much later, at another place.
#
# The registry lacks bb.js 5.2.0, of which nothing here is called: 5.0.0 stands in.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/foundation": "5.2.0" },
    "overrides": { "@aztec/bb.js": "5.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { bigintConfigHelper, getConfigFromMappings, numberConfigHelper } from '@aztec/foundation/config';

// a setting of each kind, under the names that nodes know
const mappings = {
    number: { env: 'DATA_STORE_MAP_SIZE_KB', ...numberConfigHelper(134_217_728) },
    bigint: { env: 'SLASH_INACTIVITY_PENALTY', ...bigintConfigHelper(0n) },
};
const read = (kind, value) => {
    const { env } = mappings[kind];
    process.env[env] = value;
    try {
        return String(getConfigFromMappings({ [kind]: mappings[kind] })[kind]);
    } catch (error) {
        return 'refused';
    } finally {
        delete process.env[env];
    }
};
const values = ['134217728', '1.5', 'many', '134_217_728', '134,217,728', '64s', '0x4000000'];
const seen = values.map(value => [read('number', value), read('bigint', value)]);
values.forEach((value, at) => console.log(`${value.padEnd(14)} number: ${seen[at][0].padEnd(12)} big integer: ${seen[at][1]}`));
const known = [
    ['134217728', '134217728'],
    ['refused', 'refused'],
    ['refused', 'refused'],
    ['134', 'refused'],
    ['134', 'refused'],
    ['64', 'refused'],
    ['0', '67108864'],
];
process.exit(seen.join() === known.join() ? 0 : 1);
JS
if ! LOG_LEVEL=silent node "$dir/run.mjs"; then
    echo "changed: one of the values is read otherwise" >&2
    exit 1
fi
