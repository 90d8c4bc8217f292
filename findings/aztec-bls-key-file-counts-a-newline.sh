#!/usr/bin/env bash
# @aztec/foundation@5.2.0: its encrypted files of BLS keys; 4.1.2 reads them alike. @chainsafe/bls-keystore 3.1.0.
# Node.js 20 or newer.
#
# Guess: a file of "version": 4 with the fields of EIP-2335 is one: it passes a check of that format, and opens in each library
#   with the password that it was made with, as far as the standard counts it. A newline at the end does not count.
# Seen: Aztec's files say version 4 and open in @chainsafe's library, but do not pass its check: the public key of Aztec's curve is
#   too short. The standard drops control characters from a password, @chainsafe does, Aztec does not: with a newline after the
#   password each refuses the file of the other. What else the standard rewrites they both do (² is 2).
# Why it matters: a password that a tool read from a file, newline and all, makes a key that opens with just those bytes. It looks
#   right wherever it is shown, and "incorrect password or corrupted" does not say what is missing.
#
# The registry lacks bb.js 5.2.0: 5.0.0 stands in and gives random bytes only.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/foundation": "5.2.0", "@chainsafe/bls-keystore": "3.1.0" },
    "overrides": { "@aztec/bb.js": "5.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { createBn254Keystore, decryptBn254KeystoreFromObject } from '@aztec/foundation/crypto/bls/bn254_keystore';
import chainsafe from '@chainsafe/bls-keystore';

// a key that is one byte over and over: it is nobody's
const key = '07'.repeat(32);
const path = 'm/12381/3600/0/0/0';
const make = {
    aztec: password => createBn254Keystore(password, `0x${key}`, `0x${'11'.repeat(32)}`, path),
    chainsafe: password => chainsafe.create(password, Buffer.from(key, 'hex'), Buffer.alloc(48, 17), path),
};
const open = {
    aztec: async (file, password) => decryptBn254KeystoreFromObject(file, password).slice(2),
    chainsafe: async (file, password) => Buffer.from(await chainsafe.decrypt(file, password)).toString('hex'),
};
const seen = [];
for (const [made, given] of [['secret', 'secret'], ['x\u00b2', 'x2'], ['secret\n', 'secret\n'], ['secret\n', 'secret']])
    for (const [writer, write] of Object.entries(make)) {
        const file = await write(made);
        const opened = [];
        for (const [reader, read] of Object.entries(open))
            if ((await read(file, given).catch(() => '')) === key) opened.push(reader);
        seen.push(opened.join(' and ') || 'nobody');
        console.log(`made by ${writer.padEnd(9)} with ${JSON.stringify(made).padEnd(10)} given ${JSON.stringify(given).padEnd(10)} opened by ${seen.at(-1)}`);
    }
for (const [writer, write] of Object.entries(make)) {
    const file = await write('secret');
    seen.push(`version ${file.version}, ${chainsafe.isValidKeystore(file) ? 'passes' : 'fails'}`);
    console.log(`made by ${writer.padEnd(9)} ${seen.at(-1)} the check of EIP-2335`);
}
const both = 'aztec and chainsafe';
const known = [both, both, both, both, 'aztec', 'chainsafe', 'nobody', both, 'version 4, fails', 'version 4, passes'];
process.exit(seen.join() === known.join() ? 0 : 1);
JS
if ! LOG_LEVEL=silent node "$dir/run.mjs"; then
    echo "changed: other files open, or pass" >&2
    exit 1
fi
