// Opens the files of a backup with each wallet, and prints the key that each of them found: open.mjs DIRECTORY CAST PASSWORD
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as bls from '@chainsafe/bls-keystore';
import { Wallet as EthereumJs } from '@ethereumjs/wallet';
import { decryptKeystoreJsonSync } from 'ethers';
import { Keystore } from 'ox';
import { decrypt } from 'web3-eth-accounts';

const [dir, cast, password] = process.argv.slice(2);
const text = readFileSync(join(dir, 'eth.json'), 'utf8');
const file = JSON.parse(text);

const found = {
  'ethers': decryptKeystoreJsonSync(text, password).privateKey,
  'ethereumjs': (await EthereumJs.fromV3(file, password)).getPrivateKeyString(),
  'web3': (await decrypt(file, password)).privateKey,
  'ox': Keystore.decrypt(file, Keystore.toKey(file, { password })),
  'cast': execFileSync(cast, ['wallet', 'decrypt-keystore', 'eth.json', '--keystore-dir', dir, '--unsafe-password', password], { encoding: 'utf8' }).match(/0x[0-9a-f]{64}/)[0],
};
const store = JSON.parse(readFileSync(join(dir, 'bls.json'), 'utf8'));
found['bls-keystore'] = `0x${Buffer.from(await bls.decrypt(store, password)).toString('hex')}`;
console.log(JSON.stringify(found));
