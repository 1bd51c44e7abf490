#!/usr/bin/env bash
# Makes the README's picture: one real frame of the console on the examples, a while after its start.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release
FLEXCORE_OPERATOR=ada FLEXCORE_NODE=box target/release/flexcore examples --snapshot 120x40 --after "${1:-45}" --snapshot-format svg >docs/console.svg
echo "docs/console.svg"
