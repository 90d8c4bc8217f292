#!/usr/bin/env bash
# @nethermindeth/enr 3.0.0-backport-306-v4 and @multiformats/multiaddr 12.1.14, both as @aztec/p2p 4.1.2 pins them.
# Node.js 20 or newer.
#
# Guess: a node record (ENR) holds IP addresses, so setLocationMultiaddr refuses /dns4/example.org/udp/40400. An address that
#   the record has already changes nothing. UDP and TCP have a place each.
# Seen: the name is taken: whatever is not IPv4 is stored as the IPv6 address, so that everybody who reads the record finds
#   "b65:7861:6d70:....", the letters of example.org. The record is signed and passes its own check. Setting what is there already
#   makes a new record, two numbers up. UDP and TCP have a port each but one address: setting that of TCP moves UDP.
#   (@chainsafe/enr 5.0.0, of which this is an older copy, refuses the name.)
# Why it matters: peers dial an address that nobody announced, and nothing is logged on either side. A name has to be resolved
#   before it comes near a record. Code that sets its address again at each start makes its peers fetch an equal record anew.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" \
    @nethermindeth/enr@3.0.0-backport-306-v4 @multiformats/multiaddr@12.1.14 >/dev/null
cat >"$dir/run.mjs" <<'JS'
import { ENR, SignableENR } from '@nethermindeth/enr';
import { multiaddr } from '@multiformats/multiaddr';

const record = () => SignableENR.createV4(Buffer.alloc(32, 7));
const read = of => ENR.decodeTxt(of.encodeTxt());

const named = record();
named.setLocationMultiaddr(multiaddr('/dns4/example.org/udp/40400'));
const same = record();
same.setLocationMultiaddr(multiaddr('/ip4/192.0.2.1/udp/40400'));
const before = same.seq;
same.setLocationMultiaddr(multiaddr('/ip4/192.0.2.1/udp/40400'));
const after = same.seq;
same.setLocationMultiaddr(multiaddr('/ip4/198.51.100.2/tcp/40401'));

const seen = {
    'told of /dns4/example.org/udp/40400': `${read(named).getLocationMultiaddr('udp')}`,
    'an equal address set again': `from record ${before} to record ${after}`,
    'UDP at 192.0.2.1, then TCP at 198.51.100.2': `UDP is at ${read(same).getLocationMultiaddr('udp')}`,
};
for (const [what, end] of Object.entries(seen)) console.log(`${what.padEnd(44)} ${end}`);
const known = [
    '/ip6/b65:7861:6d70:6c65:2e6f:7267::/udp/40400',
    'from record 3 to record 5',
    'UDP is at /ip4/198.51.100.2/udp/40400',
];
process.exit(Object.values(seen).join() === known.join() ? 0 : 1);
JS
if ! node "$dir/run.mjs"; then
    echo "changed: one of the three is otherwise" >&2
    exit 1
fi
