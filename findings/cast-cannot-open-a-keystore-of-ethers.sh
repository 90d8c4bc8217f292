#!/usr/bin/env bash
# cast 1.7.1 (npm: @foundry-rs/cast-linux-amd64@1.7.1), ethers 6.17.0, x86_64 Linux. Node.js 20 or newer.
#
# Guess: an encrypted key (version 3, the format of geth) that one wallet library writes is one that every other opens.
# Seen: it goes one way. ethers opens what cast writes; cast refuses what ethers writes: "missing field `crypto`". ethers 6 calls
#   that field `Crypto`, and cast wants it in small letters. With that one letter changed cast opens the same file.
# Why it matters: the file is well and the password right, but the words read like damage. A key that was made with ethers, as
#   much of this field's tooling does, has to be rewritten before cast can send a transaction with it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" ethers@6.17.0 @foundry-rs/cast-linux-amd64@1.7.1 >/dev/null
cast=$dir/node_modules/@foundry-rs/cast-linux-amd64/bin/cast
# the first account of the public test mnemonic
key=0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80
address=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
cat >"$dir/ethers.mjs" <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
import { Wallet } from 'ethers';
const [what, file, key] = process.argv.slice(2);
if (what === 'write') writeFileSync(file, await new Wallet(key).encrypt('correct horse'));
else console.log((await Wallet.fromEncryptedJson(readFileSync(file, 'utf8'), 'correct horse')).address);
JS
expect() {
    printf '%-40s %.100s\n' "$1" "$3"
    case $3 in *"$2"*) ;; *)
        echo "changed: no $2" >&2
        exit 1
        ;;
    esac
}
open() { "$cast" wallet address --keystore "$1" --password 'correct horse' 2>&1 | grep -o "missing field.*\|0x.*" | head -1 || true; }

"$cast" wallet import --keystore-dir "$dir" --private-key "$key" --unsafe-password 'correct horse' of-cast >/dev/null
expect "cast writes, ethers opens" "$address" "$(node "$dir/ethers.mjs" read "$dir/of-cast")"
node "$dir/ethers.mjs" write "$dir/of-ethers" "$key"
expect "ethers writes, cast opens" 'missing field `crypto`' "$(open "$dir/of-ethers")"
sed 's/"Crypto"/"crypto"/' "$dir/of-ethers" >"$dir/of-ethers-in-small-letters"
expect "the same with \`crypto\`, cast opens" "$address" "$(open "$dir/of-ethers-in-small-letters")"
