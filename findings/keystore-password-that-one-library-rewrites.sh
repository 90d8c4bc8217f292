#!/usr/bin/env bash
# ethers 6.17.0, @ethersproject/wallet 5.8.0 (ethers 5; Aztec nodes open key files with it), cast 1.7.1
# (npm: @foundry-rs/cast-linux-amd64@1.7.1), web3-eth-accounts 4.3.1, x86_64 Linux. Node.js 20 or newer.
#
# Guess: an encrypted key (version 3, the format of geth) opens wherever its password is given letter by letter.
# Seen: ethers 5 and 6 rewrite the password before they use it (Unicode's NFKC): ² becomes 2, and an e with a separate accent
#   becomes one letter. cast and web3 use the bytes as they are. With such a password cast's file does not open in ethers, nor
#   the file of ethers in cast or web3; ethers alone also opens its own file of "x²" with "x2".
# Why it matters: the error is "incorrect password", and it is not. A key that cast made with a password such as "x²" opens in
#   ethers under no text at all; the password has to be given as bytes, which neither rewrites, or the key to be made anew. An é
#   in one piece is well everywhere, but what comes from some keyboards and editors has it in two.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" \
    ethers@6.17.0 @ethersproject/wallet@5.8.0 web3-eth-accounts@4.3.1 @foundry-rs/cast-linux-amd64@1.7.1 >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Wallet as OldWallet } from '@ethersproject/wallet';
import { Wallet, encryptKeystoreJson } from 'ethers';
import { decrypt } from 'web3-eth-accounts';

// the first account of the public test mnemonic
const privateKey = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const { address } = new Wallet(privateKey);
const cast = (...words) => spawnSync('node_modules/@foundry-rs/cast-linux-amd64/bin/cast', ['wallet', ...words], { encoding: 'utf8' });

const write = {
    ethers: async password => encryptKeystoreJson({ address, privateKey }, password, { scrypt: { N: 1024 } }),
    cast: async password => {
        rmSync('key', { force: true });
        cast('import', '--keystore-dir', '.', '--private-key', privateKey, '--unsafe-password', password, 'key');
        return readFileSync('key', 'utf8');
    },
};
// that cast wants `crypto` and web3 wants `address` is another matter: they get both
const plain = file => {
    const { Crypto, crypto, ...rest } = JSON.parse(file);
    return JSON.stringify({ address: address.slice(2).toLowerCase(), crypto: crypto ?? Crypto, ...rest });
};
const open = {
    'ethers 6': async (file, password) => (await Wallet.fromEncryptedJson(file, password)).address,
    'ethers 5': async (file, password) => OldWallet.fromEncryptedJsonSync(file, password).address,
    cast: async (file, password) => {
        writeFileSync('opened', file);
        return cast('address', '--keystore', 'opened', '--password', password).stdout.trim();
    },
    web3: async (file, password) => (await decrypt(file, password)).address,
};
const seen = [];
for (const password of ['correct horse', 'caf\u00e9', 'cafe\u0301', 'x\u00b2'])
    for (const [writer, make] of Object.entries(write)) {
        const file = plain(await make(password));
        const opened = [];
        for (const [reader, read] of Object.entries(open))
            if ((await read(file, password).catch(() => '')) === address) opened.push(reader);
        seen.push(`${JSON.stringify(password)} of ${password.length} characters, written by ${writer}: opened by ${opened.join(', ')}`);
    }
const other = await open['ethers 6'](await write.ethers('x\u00b2'), 'x2').catch(() => '');
seen.push(`"x²" written by ethers, "x2" given to it: ${other === address ? 'opened' : 'refused'}`);
const bytes = await open['ethers 6'](plain(await write.cast('x\u00b2')), Buffer.from('x\u00b2')).catch(() => '');
seen.push(`"x²" written by cast, its bytes given to ethers: ${bytes === address ? 'opened' : 'refused'}`);
seen.forEach(line => console.log(line));
const all = 'ethers 6, ethers 5, cast, web3';
const known = [all, all, all, all, 'ethers 6, ethers 5', 'cast, web3', 'ethers 6, ethers 5', 'cast, web3', 'opened', 'opened'];
process.exit(seen.every((line, at) => line.endsWith(`: ${known[at]}`) || line.endsWith(`by ${known[at]}`)) ? 0 : 1);
JS
cd "$dir"
if ! node run.mjs; then
    echo "changed: other files open" >&2
    exit 1
fi
