#!/bin/sh
# The specification's first entry point, for those who call it by name.
# Same flags and environment variables as `aztec-kit setup`; never asks.
set -eu
kit=$(command -v aztec-kit) || {
    echo "setup_aztec_node.sh: aztec-kit is not installed; put the binary at /usr/local/bin/aztec-kit" >&2
    exit 2
}
exec "$kit" setup --yes "$@"
