#!/usr/bin/env bash
# @aztec/node-keystore@5.2.0: what it makes of a folder of key files, as the start of a node does. 4.1.2 merges them alike.
# Node.js 20 or newer.
#
# Guess: in a folder with a file for each operator, what a file says at its top is for the validators of that file. A funding
#   account, of which the merged settings have one, is taken from the file that has it, as the remote signer and the prover are.
# Seen: the top of all files is one. The coinbase and the fee recipient of the file whose name sorts last are those of all
#   validators, with a warning that does not say whose; the publishers of all files publish for all validators. A funding
#   account is dropped without a word as soon as there are two files, even if one only has it.
# Why it matters: a second file in the folder sends the rewards of the first file's validators to somebody else, and publishers
#   that were topped up run dry. Each validator has to name its own coinbase, recipient and publisher.
#
# The registry lacks stdlib and ethereum 5.2.0. The first gives one check of an address, for which a stand-in is written below;
# of the other and of bb.js 5.2.0 nothing is called.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/node-keystore": "5.2.0" },
    "overrides": {
        "@aztec/bb.js": "5.0.0",
        "@aztec/ethereum": "npm:empty-npm-package@1.0.0",
        "@aztec/stdlib": "npm:empty-npm-package@1.0.0"
    }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
rm -r "$dir/node_modules/@aztec/stdlib/"*
echo '{ "type": "module", "exports": { "./*": "./*.js" } }' >"$dir/node_modules/@aztec/stdlib/package.json"
cat >"$dir/node_modules/@aztec/stdlib/aztec-address.js" <<'JS'
import { z } from 'zod';
export const AztecAddress = { schema: z.string().regex(/^0x[0-9a-f]{64}$/) };
JS
mkdir "$dir/one" "$dir/two"
cat >"$dir/run.mjs" <<'JS'
import { writeFileSync } from 'node:fs';
import { KeystoreManager, loadMultipleKeystores, mergeKeystores } from '@aztec/node-keystore';

// keys and addresses that are one byte over and over: they are nobody's
const key = byte => `0x${byte.repeat(32)}`;
const address = byte => `0x${byte.repeat(20)}`;
const file = (path, attester, publisher, byte, more) =>
    writeFileSync(
        path,
        JSON.stringify({
            schemaVersion: 2,
            validators: [{ attester: key(attester) }],
            publisher: key(publisher),
            coinbase: address(byte),
            feeRecipient: key(byte),
            ...more,
        }),
    );
const funded = { fundingAccount: key('05') };
file('one/first.json', '01', '03', 'aa', funded);
file('two/first.json', '01', '03', 'aa', funded);
file('two/second.json', '02', '04', 'bb');

const seen = ['one', 'two'].map(folder => {
    const keys = new KeystoreManager(mergeKeystores(loadMultipleKeystores(folder)));
    return [
        `coinbase ${keys.getCoinbaseAddress(0).toString().slice(0, 4)}`,
        `fee recipient ${keys.getFeeRecipient(0).toString().slice(0, 4)}`,
        `${keys.createPublisherSigners(0).length} publishers`,
        `${keys.createFundingSigner() ? 'a' : 'no'} funding account`,
    ].join(', ');
});
console.log(`the first file's validator, with one file:  ${seen[0]}`);
console.log(`the first file's validator, with two files: ${seen[1]}`);
const known = [
    'coinbase 0xaa, fee recipient 0xaa, 1 publishers, a funding account',
    'coinbase 0xbb, fee recipient 0xbb, 2 publishers, no funding account',
];
process.exit(seen.join() === known.join() ? 0 : 1);
JS
cd "$dir"
if ! LOG_LEVEL=silent node run.mjs; then
    echo "changed: the files are merged otherwise" >&2
    exit 1
fi
