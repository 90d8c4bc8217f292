#!/bin/sh
# The specification's second entry point, for those who call it by name: set up, then see that it works.
# Same flags and environment variables as `aztec-kit bootstrap`; never asks.
set -eu
kit=$(command -v aztec-kit) || {
    echo "bootstrap_aztec.sh: aztec-kit is not installed; put the binary at /usr/local/bin/aztec-kit" >&2
    exit 2
}
"$kit" bootstrap --yes "$@"
exec "$kit" smoke
