#!/usr/bin/env bash
# @ethereumjs/wallet 10.0.0, ethers 6.17.0, web3-eth-accounts 4.3.1, ox 1.8.3, cast 1.7.1
# (npm: @foundry-rs/cast-linux-amd64@1.7.1), x86_64 Linux. Node.js 20 or newer.
#
# Guess: an encrypted key (version 3) names its cipher, so that a reader either decrypts with that one or refuses the file.
#   @ethereumjs/wallet, which takes the cipher as an option of toV3(), opens what it writes.
# Seen: with `cipher: 'aes-128-cbc'` its file opens nowhere. It refuses its own file (it encrypts without padding, and wants padding
#   when it decrypts). ethers says that it does not know the cipher. web3, ox and cast never look at the name, decrypt in counter
#   mode, and hand out a private key that is not the one in the file: all three the same wrong one, without a word, cast with
#   exit code 0. The checksum in the file is over the encrypted bytes, so that it fits.
# Why it matters: who restores a backup so gets a key of an address that nobody has ever used. web3, ox and cast do not compare
#   it with the address in the file. Only the bytes and a CBC decryption by hand bring the key back.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" \
    @ethereumjs/wallet@10.0.0 ethers@6.17.0 web3-eth-accounts@4.3.1 ox@1.8.3 @foundry-rs/cast-linux-amd64@1.7.1 >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { spawnSync } from 'node:child_process';
import { createDecipheriv, scryptSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Wallet as EthereumJs } from '@ethereumjs/wallet';
import { Wallet } from 'ethers';
import { Keystore } from 'ox';
import { decrypt } from 'web3-eth-accounts';

// the first account of the public test mnemonic
const key = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const password = 'correct horse';
const wallet = EthereumJs.fromPrivateKey(Uint8Array.from(Buffer.from(key.slice(2), 'hex')));
const cast = () => {
    const said = spawnSync(
        'node_modules/@foundry-rs/cast-linux-amd64/bin/cast',
        ['wallet', 'decrypt-keystore', 'key', '--keystore-dir', '.', '--unsafe-password', password],
        { encoding: 'utf8' },
    );
    if (said.status !== 0) throw new Error(said.stderr);
    return said.stdout.match(/0x[0-9a-f]{64}/)[0];
};
const byHand = ({ crypto: { ciphertext, cipherparams, kdfparams: { salt, n, r, p } } }) => {
    const derived = scryptSync(password, Buffer.from(salt, 'hex'), 32, { N: n, r, p });
    const cipher = createDecipheriv('aes-128-cbc', derived.subarray(0, 16), Buffer.from(cipherparams.iv, 'hex'));
    cipher.setAutoPadding(false);
    return `0x${Buffer.concat([cipher.update(Buffer.from(ciphertext, 'hex')), cipher.final()]).toString('hex')}`;
};
const seen = [];
for (const cipher of ['aes-128-ctr', 'aes-128-cbc']) {
    const file = await wallet.toV3(password, { cipher, kdf: 'scrypt', n: 1024 });
    const text = JSON.stringify(file);
    writeFileSync('key', text);
    const readers = {
        '@ethereumjs/wallet': async () => (await EthereumJs.fromV3(text, password)).getPrivateKeyString(),
        ethers: async () => (await Wallet.fromEncryptedJson(text, password)).privateKey,
        web3: async () => (await decrypt(text, password)).privateKey,
        ox: async () => Keystore.decrypt(file, Keystore.toKey(file, { password })),
        cast: async () => cast(),
    };
    const wrong = new Set();
    for (const [name, read] of Object.entries(readers)) {
        const found = await read().catch(() => '');
        if (found && found !== key) wrong.add(found);
        seen.push(`${cipher}, ${name}: ${found ? (found === key ? 'the key' : 'another key') : 'refused'}`);
    }
    if (cipher === 'aes-128-cbc') {
        seen.push(`different wrong keys: ${wrong.size}`, `CBC by hand: ${byHand(file) === key ? 'the key' : 'another key'}`);
    }
}
seen.forEach(line => console.log(line));
const known = [
    ...Array(5).fill('the key'),
    'refused', 'refused', 'another key', 'another key', 'another key', '1', 'the key',
];
process.exit(seen.length === known.length && seen.every((line, at) => line.endsWith(`: ${known[at]}`)) ? 0 : 1);
JS
cd "$dir"
if ! node run.mjs; then
    echo "changed: another reader looks at the cipher, or none" >&2
    exit 1
fi
