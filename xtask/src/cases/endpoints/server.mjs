// Endpoints that misbehave, in front of a real one: what an entry does not change passes through. One port per name.
//
// The arguments are the URLs of the real execution and consensus endpoints, the first port, and the names in order of
// their ports, with `-` for a port on which nothing listens.
import { createServer as plain, request } from 'node:http';
import { createServer as tls } from 'node:https';
import { createServer as raw } from 'node:net';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';

const [execution, consensus, first, ...names] = process.argv.slice(2);
const port = (name) => Number(first) + names.indexOf(name);

/** Asks the real endpoint, and returns its status and body. */
const real = (base, { method, url, body }) =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const asked = request(new URL(url, base), { method, headers }, async (answer) => {
      const parts = await answer.toArray();
      resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString() });
    });
    asked.on('error', reject);
    asked.end(body);
  });

/** An answer to a request. Without a body, the connection stays open. */
const send = (out, status, body, headers = {}) => {
  out.writeHead(status, { 'content-type': 'application/json', ...headers });
  out.end(body);
};

// Whole answers.
const pass = (base) => async (ask, out) => {
  const { status, body } = await real(base, ask);
  send(out, status, body);
};
const good = pass(execution);
const status = (code, body = '', headers = {}) => (_, out) =>
  send(out, code, body, { 'content-type': 'text/plain', ...headers });
const late = (seconds) => async (ask, out) => {
  await sleep(1000 * seconds);
  await good(ask, out);
};
const encoded = (name, encode) => async (ask, out) =>
  send(out, 200, encode((await real(execution, ask)).body), { 'content-encoding': name });
const to = (code, name) => status(code, '', { location: `http://127.0.0.1:${port(name)}/` });
const rpcError = (code, message) => (ask, out) =>
  send(out, 200, JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(ask.body).id, error: { code, message } }));

/**
 * Answers so for 0.3 s from the first request on: preflight asks several things at once. DELETE makes the next request
 * the first one again, for the node, which asks after preflight.
 */
const atFirst = (bad, then = good) => {
  let begin;
  return (ask, out) => {
    if (ask.method === 'DELETE') {
      begin = undefined;
      return send(out, 204);
    }
    begin ??= Date.now();
    return (Date.now() - begin < 300 ? bad : then)(ask, out);
  };
};

/** The real answer, changed as JSON. */
const changed = (change) => async (ask, out) => {
  const { status, body } = await real(execution, ask);
  const answer = JSON.parse(body);
  send(out, status, JSON.stringify(change(answer, JSON.parse(ask.body)) ?? answer));
};

/** These methods are answered otherwise. */
const method = (name, how) => (ask, out) =>
  JSON.parse(ask.body).method === name ? how(ask, out) : good(ask, out);

/** Every block, and so the head, is this much later. */
const shifted = (seconds) =>
  changed(({ result }) => {
    if (result?.timestamp) result.timestamp = `0x${(Number(result.timestamp) + seconds).toString(16)}`;
  });

const trickle = async (_, out) => {
  out.writeHead(200, { 'content-type': 'application/json' });
  for (let sent = 0; !out.destroyed; sent += 1) {
    out.write(sent ? ' ' : '{');
    await sleep(1000);
  }
};

const huge = async (ask, out) => {
  out.writeHead(200, { 'content-type': 'application/json' });
  out.write(`{"jsonrpc":"2.0","id":${JSON.parse(ask.body).id},"result":"0x`);
  const mebibyte = '0'.repeat(1 << 20);
  for (let sent = 0; sent < 300 && !out.destroyed; sent += 1) {
    if (!out.write(mebibyte)) await new Promise((ready) => out.once('drain', ready).once('close', ready));
  }
  out.end('"}');
};

const cut = async (ask, out) => {
  const { body } = await real(execution, ask);
  out.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  out.write(body.slice(0, body.length / 2));
  setTimeout(() => out.destroy(), 100);
};

/** The number of the newest block. */
const head = async () => {
  const body = '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}';
  return Number(JSON.parse((await real(execution, { method: 'POST', url: '/', body })).body).result);
};

// What a real consensus endpoint answers besides the chain, which the real one here leaves out.
const facts = async ({ chain = '31337', syncing = {} } = {}) => {
  const ask = { method: 'GET', url: '/eth/v1/beacon/headers', body: '' };
  const slot = JSON.parse((await real(consensus, ask)).body).data[0].header.message.slot;
  const began = Math.floor(Date.now() / 1000) - 12 * Number(slot);
  const root = `0x${'0'.repeat(64)}`;
  return {
    '/eth/v1/config/deposit_contract': { chain_id: chain, address: `0x${'0'.repeat(40)}` },
    '/eth/v1/beacon/genesis': { genesis_time: `${began}`, genesis_validators_root: root, genesis_fork_version: '0x00000000' },
    '/eth/v1/node/syncing': { head_slot: slot, sync_distance: '0', is_syncing: false, is_optimistic: false, el_offline: false, ...syncing },
    '/eth/v1/node/version': { version: 'endpoints' },
  };
};
const beacon = (differs) => async (ask, out) => {
  const known = (await facts(differs))[ask.url.split('?')[0]];
  return known ? send(out, 200, JSON.stringify({ data: known })) : pass(consensus)(ask, out);
};
const path = (part, how) => (ask, out) => (ask.url.includes(part) ? how(ask, out) : beacon()(ask, out));
const keyed = (has, then) => (ask, out) => (has(ask) ? then(ask, out) : status(401, 'no key')(ask, out));

const html = status(200, '<!DOCTYPE html><html><body>Welcome</body></html>', { 'content-type': 'text/html' });
const never = () => {};

const BEHAVIOURS = {
  fine: good,
  'never answers': never,
  trickles: trickle,
  'slow 3 s': late(3),
  'slow 9 s': late(9),
  'HTML as 200': html,
  'empty 200': status(200, '', { 'content-type': 'application/json' }),
  'truncated JSON': async (ask, out) => send(out, 200, (await real(execution, ask)).body.slice(0, -9)),
  'closed within the body': cut,
  'result null': changed(() => ({ jsonrpc: '2.0', id: 1, result: null })),
  'wrong chain id': method('eth_chainId', changed((answer) => ({ ...answer, result: '0x1' }))),
  '401': status(401, 'Unauthorized'),
  '402': status(402, 'Payment Required'),
  '403': status(403, 'Forbidden'),
  '404': status(404, 'Not Found'),
  '429': status(429, '{"error":"Too Many Requests"}', { 'content-type': 'application/json' }),
  '429 at first': atFirst(status(429, 'Too Many Requests', { 'retry-after': '1' })),
  '502 at first': atFirst(status(502, 'Bad Gateway')),
  '502': status(502, 'Bad Gateway'),
  '-32005': rpcError(-32005, 'daily request count exceeded, request rate limited'),
  gzip: encoded('gzip', gzipSync),
  deflate: encoded('deflate', deflateSync),
  '301': to(301, 'fine'),
  '307': to(307, 'fine'),
  '308': to(308, 'fine'),
  'redirect loop': to(307, 'redirect loop'),
  'self-signed': good,
  'https to a plain port': good,
  'plain to a TLS port': good,
  'head 320 s old': shifted(-320),
  'head 4000 s ahead': shifted(4000),
  'user and password': keyed((ask) => ask.authorization, good),
  'key in the path': keyed((ask) => ask.url === '/v2/KEY', (ask, out) => good({ ...ask, url: '/' }, out)),
  'key in the query': keyed((ask) => ask.url === '/?key=KEY', (ask, out) => good({ ...ask, url: '/' }, out)),
  '300 MiB': huge,
  'wrong id': changed((answer) => ({ ...answer, id: 4711 })),
  'missing id': changed(({ id, ...answer }) => answer),
  'no batches': (ask, out) => (ask.body[0] === '[' ? rpcError(-32600, 'no batches')({ body: '{}' }, out) : good(ask, out)),
  'no eth_getLogs': method('eth_getLogs', rpcError(-32601, 'the method eth_getLogs does not exist/is not available')),
  'no state of old blocks': async (ask, out) => {
    const { method, params } = JSON.parse(ask.body);
    const old = method === 'eth_call' && Number(params[1]) < (await head()) - 10;
    return old ? rpcError(-32000, 'missing trie node')(ask, out) : good(ask, out);
  },
  'eth_call at latest only': (ask, out) => {
    const { method, params } = JSON.parse(ask.body);
    const other = method === 'eth_call' && (params[1] ?? 'latest') !== 'latest';
    return other ? rpcError(-32000, 'missing trie node')(ask, out) : good(ask, out);
  },
  'no traces': (ask, out) =>
    /"(debug|trace)_/.test(ask.body) ? rpcError(-32601, 'method not found')(ask, out) : good(ask, out),
  'consensus: fine': beacon(),
  'consensus: never answers': never,
  'consensus: 401': status(401, 'Unauthorized'),
  'consensus: 404': status(404, 'Not Found'),
  'consensus: 502 at first': atFirst(status(502, 'Bad Gateway'), beacon()),
  'consensus: 502': status(502, 'Bad Gateway'),
  'consensus: HTML as 200': html,
  'consensus: 301': (ask, out) => send(out, 301, '', { location: `http://127.0.0.1:${port('consensus: fine')}${ask.url}` }),
  'consensus: syncing': beacon({ syncing: { is_syncing: true, sync_distance: '5000' } }),
  'consensus: optimistic': beacon({ syncing: { is_optimistic: true } }),
  'consensus: other chain': beacon({ chain: '1' }),
  'consensus: no blobs': path('/blob', status(404, '{"code":404,"message":"no blobs"}')),
  'consensus: custody': path('/blob', status(503, '{"code":503,"message":"Custody group count of 4 is not sufficient to serve blobs"}')),
  'consensus: key in a header': keyed((ask) => ask.key, beacon()),
  'consensus: key is missing': keyed((ask) => ask.key, beacon()),
  'consensus: query': keyed((ask) => /^\/eth.*\?token=KEY$/.test(ask.url), beacon()),
  'consensus: user and password': keyed((ask) => ask.authorization, beacon()),
  'consensus: execution endpoint': good,
};

// Below HTTP.
const RAW = {
  'half-closed': (socket) => socket.end(),
  'reset after the request': (socket) => socket.once('data', () => socket.resetAndDestroy()),
};
const TLS = ['self-signed', 'plain to a TLS port'];

const served = (how) => async (incoming, out) => {
  const body = Buffer.concat(await incoming.toArray()).toString();
  const { authorization, 'x-api-key': key } = incoming.headers;
  try {
    await how({ method: incoming.method, url: incoming.url, body, authorization, key }, out);
  } catch (error) {
    console.error(`${incoming.url} ${body}: ${error.stack}`);
    out.destroy();
  }
};
const pair = () => ({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') });
for (const name of names.filter((name) => name !== '-')) {
  const how = served(BEHAVIOURS[name] ?? never);
  const server = RAW[name] ? raw(RAW[name]) : TLS.includes(name) ? tls(pair(), how) : plain(how);
  if (!RAW[name] && !BEHAVIOURS[name]) throw new Error(`no behaviour is called ${name}`);
  server.on('tlsClientError', () => {}).on('clientError', (_, socket) => socket.destroy());
  await new Promise((ready) => server.listen(port(name), '127.0.0.1', ready));
}
console.log('listening');
