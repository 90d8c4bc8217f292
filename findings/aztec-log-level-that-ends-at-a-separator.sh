#!/usr/bin/env bash
# @aztec/foundation@5.2.0: its loggers and what LOG_LEVEL they take. 4.1.2 reads it alike. Node.js 20 or newer.
#
# Guess: LOG_LEVEL="info; DEBUG: p2p" works, so spaces and capitals do not matter in it, and neither does a separator too many at
#   its end.
# Seen: they do not matter after the first `;` only. Before it, INFO or a space ends the process at the import of the package.
#   `info;` is taken, `info;debug:p2p;` ends the process. A comma too many names an empty module, and that is a part of every
#   name: `info;debug:p2p,` puts the whole node at debug, and `info;silent:p2p,` takes the whole node's log away.
# Why it matters: lists that people shorten by hand end in a comma. A node that must say nothing of one noisy module says
#   nothing at all then, not even that it fails.
#
# The registry lacks bb.js 5.2.0, of which nothing here is called: 5.0.0 stands in.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/package.json" <<'JSON'
{
    "type": "module",
    "dependencies": { "@aztec/foundation": "5.2.0" },
    "overrides": { "@aztec/bb.js": "5.0.0" }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" >/dev/null
cat >"$dir/levels.mjs" <<'JS'
import { createLogger } from '@aztec/foundation/log';
const level = name => createLogger(name).level;
process.stdout.write(`p2p at ${level('p2p')}, archiver at ${level('archiver')}`);
JS
while read -r known && read -r value; do
    # the value stands between quotes, for its spaces
    value=${value#\"} value=${value%\"}
    seen=$(LOG_LEVEL=$value node "$dir/levels.mjs" 2>"$dir/errors") || seen=$(grep -o 'Invalid log [a-z ]*' "$dir/errors" | head -1)
    printf '%-22s %s\n' "\"$value\"" "$seen"
    if [ "$seen" != "$known" ]; then
        echo "changed: expected $known" >&2
        exit 1
    fi
done <<'TABLE'
p2p at debug, archiver at info
"info;debug:p2p"
p2p at debug, archiver at info
"info; DEBUG : p2p"
Invalid log level
"INFO"
Invalid log level
"info ;debug:p2p"
p2p at info, archiver at info
"info;"
Invalid log filter statement
"info;debug:p2p;"
p2p at debug, archiver at debug
"info;debug:p2p,"
p2p at silent, archiver at silent
"info;silent:p2p,"
TABLE
