// Writes encrypted files with each wallet, and a list of their passwords and keys: make.mjs DIRECTORY CAST
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as bls from '@chainsafe/bls-keystore';
import { Wallet as EthereumJs } from '@ethereumjs/wallet';
import { encryptKeystoreJsonSync } from 'ethers';
import { Bytes, Keystore } from 'ox';
import { encrypt, privateKeyToAccount } from 'web3-eth-accounts';

const [dir, cast] = process.argv.slice(2);
mkdirSync(dir, { recursive: true });

const key = '4646464646464646464646464646464646464646464646464646464646464646';
const bytes = Bytes.fromHex(`0x${key}`);
const address = privateKeyToAccount(`0x${key}`).address;
// The passwords are plain, with a compatibility character, decomposed, full width, and with a letter that has both forms.
const passwords = ['correct horse', 'pass\u00b2', 'pa\u0308ss', '\uff50ass', 'p\u00e4ss'];

const files = [];
const put = (name, text, password) => {
  writeFileSync(join(dir, name), text);
  files.push({ file: name, password, key });
};

const wallets = {
  // Each wallet gets the least work that it accepts.
  'ethers': async (password) => encryptKeystoreJsonSync({ address, privateKey: `0x${key}` }, password, { scrypt: { N: 1024, r: 8, p: 1 } }),
  'ethereumjs': async (password) => JSON.stringify(await EthereumJs.fromPrivateKey(bytes).toV3(password, { kdf: 'scrypt', n: 1024 })),
  'ethereumjs-pbkdf2': async (password) => JSON.stringify(await EthereumJs.fromPrivateKey(bytes).toV3(password, { kdf: 'pbkdf2', c: 1000 })),
  'web3': async (password) => JSON.stringify(await encrypt(`0x${key}`, password, { kdf: 'scrypt', n: 1024 })),
  'ox': async (password) => {
    const [derived, options] = Keystore.scrypt({ password, n: 1024 });
    return JSON.stringify(Keystore.encrypt(`0x${key}`, derived, options));
  },
  'ox-pbkdf2': async (password) => {
    const [derived, options] = Keystore.pbkdf2({ password, iterations: 1000 });
    return JSON.stringify(Keystore.encrypt(`0x${key}`, derived, options));
  },
};
for (const [name, write] of Object.entries(wallets)) {
  for (const [number, password] of passwords.entries()) {
    put(`${name}-${number}.json`, await write(password), password);
  }
}
for (const [number, password] of passwords.entries()) {
  const into = join(dir, `cast-${number}`);
  mkdirSync(into);
  execFileSync(cast, ['wallet', 'import', 'one', '--keystore-dir', into, '--private-key', `0x${key}`, '--unsafe-password', password]);
  const [file] = readdirSync(into);
  put(`cast-${number}.json`, readFileSync(join(into, file), 'utf8'), password);
}
for (const [number, password] of [...passwords, 'te\u0007st'].entries()) {
  const secret = Uint8Array.from(Buffer.from(key, 'hex')).map((byte) => byte & 0x0f);
  const store = await bls.create(password, secret, new Uint8Array(48), 'm/12381/3600/0/0/0');
  files.push({ file: `bls-keystore-${number}.json`, password, key: Buffer.from(secret).toString('hex'), bls: true });
  writeFileSync(join(dir, `bls-keystore-${number}.json`), JSON.stringify(store));
}
writeFileSync(join(dir, 'files.json'), JSON.stringify(files, null, 2));
