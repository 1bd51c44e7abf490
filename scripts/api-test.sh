#!/usr/bin/env bash
# The API asked with curl, as a user would: an engine of its own, or the one at $1. `FLEXCORE_TOKEN` goes along.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
engine=
trap '[ -z "$engine" ] || { kill "$engine" 2>/dev/null || true; wait "$engine" 2>/dev/null || true; }; rm -rf "$work"' EXIT
if [ $# -gt 0 ]; then
  url=${1%/}
else
  program=${FLEXCORE:-target/debug/flexcore}
  [ -x "$program" ] || cargo build --quiet
  "$program" serve --http 127.0.0.1:0 --set socket=none --set shutdown_grace=1s 2>"$work/log" &
  engine=$!
  for _ in $(seq 100); do
    address=$(sed -n 's/.*the API is served address=//p' "$work/log")
    [ -n "$address" ] && break
    sleep 0.1
  done
  url=http://$address
fi
passed=0 failed=0
# check STATUS METHOD PATH [BODY [MEDIA]]: what was answered is in $work/body.
check() {
  local given
  given=$(curl --silent --show-error --output "$work/body" --write-out '%{http_code}' --request "$2" \
    ${FLEXCORE_TOKEN:+--header "Authorization: Bearer $FLEXCORE_TOKEN"} \
    ${4:+--header "Content-Type: ${5:-application/json}" --data-binary "$4"} "$url$3")
  if [ "$given" = "$1" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "$2 $3: $given instead of $1: $(cat "$work/body")"
  fi
}
name=api-test-$$
pipeline="{\"name\": \"$name\", \"steps\": [{\"name\": \"make\", \"uses\": \"generate\", \"with\": {\"count\": 1, \"template\": \"{n: \$n}\"}}, {\"name\": \"out\", \"uses\": \"drop\"}]}"
check 200 GET /info
check 200 GET /cluster/status
check 200 GET /api/v1/info
check 200 GET /api/v1/openapi.json
check 201 POST /api/v1/pipelines "$pipeline"
check 409 POST /api/v1/pipelines "$pipeline"
check 422 POST /api/v1/pipelines '{"name": "x"}'
check 415 POST /api/v1/pipelines x text/plain
check 200 GET "/api/v1/pipelines/$name"
check 200 POST "/api/v1/pipelines/$name/activate"
check 202 POST "/api/v1/pipelines/$name/runs" '{}'
check 200 GET "/api/v1/pipelines/$name/runs"
check 200 GET '/api/v1/runs?limit=5'
check 400 GET '/api/v1/runs?limit=0'
check 201 POST /api/v1/events '{"type": "x.test", "data": {"n": 1}}'
check 400 POST /api/v1/events '{'
check 200 GET '/api/v1/events?type=x.test'
check 201 POST "/api/v1/queues/$name/messages" '{"body": {"n": 1}}'
check 200 POST "/api/v1/queues/$name/receive" '{"max": 1}'
check 200 GET /api/v1/queues
check 200 POST /events '{"type": "x.test", "aggregate_id": "1", "data": {}}'
check 400 POST /events '{"data": {}}'
check 200 POST "/queues/$name/messages" '{"n": 2}'
check 200 GET "/queues/$name/messages"
check 404 GET /workflows/unknown/status
check 404 GET /api/v1/none
check 405 DELETE /info
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
