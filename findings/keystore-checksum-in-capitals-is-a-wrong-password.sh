#!/usr/bin/env bash
# @ethereumjs/wallet 10.0.0, web3-eth-accounts 4.3.1, ethers 6.17.0, ox 1.8.3, cast 1.7.1
# (npm: @foundry-rs/cast-linux-amd64@1.7.1), x86_64 Linux. Node.js 20 or newer.
#
# Guess: hexadecimal digits of an encrypted key (version 3, the format of geth) may be capitals, or may not: the same for all
#   five fields that have them.
# Seen: salt, initialisation vector, ciphertext and address may be capitals everywhere. The checksum (`mac`) may be in ethers,
#   ox and cast; @ethereumjs/wallet and web3 compare it as a text, and say that the password is wrong.
# Why it matters: who is told "possibly wrong passphrase" looks for another password, and the one that was given is right. A
#   tool that writes capitals makes files that look lost in half of the wallets.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" @ethereumjs/wallet@10.0.0 \
    web3-eth-accounts@4.3.1 ethers@6.17.0 ox@1.8.3 @foundry-rs/cast-linux-amd64@1.7.1 >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Wallet as EthereumJs } from '@ethereumjs/wallet';
import { Wallet } from 'ethers';
import { Keystore } from 'ox';
import { decrypt } from 'web3-eth-accounts';

// the first account of the public test mnemonic
const key = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const password = 'correct horse';
const wallet = EthereumJs.fromPrivateKey(Uint8Array.from(Buffer.from(key.slice(2), 'hex')));
const file = await wallet.toV3(password, { kdf: 'scrypt', n: 1024 });
// found by its name at any depth
const inCapitals = (object, name) =>
    Object.fromEntries(Object.entries(object).map(([field, value]) => [
        field,
        typeof value === 'object' ? inCapitals(value, name) : field === name ? value.replace(/^0x/, '').toUpperCase() : value,
    ]));
const open = {
    ethers: async file => (await Wallet.fromEncryptedJson(JSON.stringify(file), password)).privateKey,
    ox: async file => Keystore.decrypt(file, Keystore.toKey(file, { password })),
    cast: async file => {
        writeFileSync('file', JSON.stringify(file));
        const words = ['wallet', 'decrypt-keystore', 'file', '--keystore-dir', '.', '--unsafe-password', password];
        const { stdout, stderr } = spawnSync('node_modules/@foundry-rs/cast-linux-amd64/bin/cast', words, { encoding: 'utf8' });
        return stdout.match(/0x[0-9a-f]{64}/)?.[0] ?? stderr;
    },
    '@ethereumjs/wallet': async file => (await EthereumJs.fromV3(file, password)).getPrivateKeyString(),
    web3: async file => (await decrypt(file, password)).privateKey,
};
let same = true;
for (const name of ['', 'address', 'salt', 'iv', 'ciphertext', 'mac'])
    for (const [reader, read] of Object.entries(open)) {
        const found = await read(inCapitals(file, name)).catch(error => error.message);
        const said = found === key ? 'opened' : found.trim();
        console.log(`${(name || 'as it was written').padEnd(18)}${reader.padEnd(20)}${said}`);
        const refuses = name === 'mac' && ['@ethereumjs/wallet', 'web3'].includes(reader);
        same &&= refuses ? /possibly wrong pass/.test(said) : said === 'opened';
    }
process.exit(same ? 0 : 1);
JS
cd "$dir"
if ! node run.mjs; then
    echo "changed: other files open" >&2
    exit 1
fi
