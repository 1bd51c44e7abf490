#!/usr/bin/env bash
# Schemathesis over the API's own document, on an engine of its own: no 5xx, no undocumented status, no answer that is not as
# described. `scripts/api-fuzz.sh 500` tries that many examples an operation; 20 unless said otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-20}
program=${FLEXCORE:-target/debug/flexcore}
tools=target/schemathesis
work=$(mktemp -d)
[ -x "$program" ] || cargo build --quiet
[ -x "$tools/bin/schemathesis" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet schemathesis; }

"$program" serve --http 127.0.0.1:0 --set socket=none --set api.rate_max=0 --set shutdown_grace=1s 2>"$work/log" &
engine=$!
trap 'kill "$engine" 2>/dev/null || true; wait "$engine" 2>/dev/null || true; rm -rf "$work"' EXIT
address=
for _ in $(seq 100); do
  address=$(sed -n 's/.*the API is served address=//p' "$work/log")
  [ -n "$address" ] && break
  sleep 0.1
done
[ -n "$address" ] || { cat "$work/log"; exit 1; }

# Streams have no end, and long polls are only slow. What a schema cannot say (a graph, a name that is taken) may be refused.
"$tools/bin/schemathesis" --config-file scripts/schemathesis.toml run "http://$address/api/v1/openapi.json" \
  --max-examples "$examples" --phases examples,coverage,fuzzing,stateful --exclude-path-regex '/stream$|/console/(follow|vitals|session)$'
kill -0 "$engine" || { echo "the engine has fallen"; cat "$work/log"; exit 1; }
