#!/usr/bin/env bash
# What tests need besides Rust and a C compiler: OpenSSH's client, and tmux as one more terminal. Installed where that is
# possible; otherwise said, and the tests that need them fail and say so.
set -euo pipefail
missing=()
command -v ssh >/dev/null || missing+=(openssh-client)
command -v tmux >/dev/null || missing+=(tmux)
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}, which tests need"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "tests of SSH need ${missing[*]}: install them, as in \`sudo apt-get install ${missing[*]}\`" >&2
fi
