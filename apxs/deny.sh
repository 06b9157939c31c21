#!/bin/sh
# Looks at the crates that are built in (deny.toml): weaknesses that are known, licences, origins. What this machine lacks for it is said, and is no
# failure: cargo-deny takes minutes to compile, and the list of weaknesses lies on a host that not every machine reaches.
set -eu
cargo=${CARGO:-cargo}
skipped() { printf 'deny: skipped: %s\n' "$*"; }

# In CI it is compiled once, into cargo's own directory, which CI keeps: four minutes of processor time.
if ! "$cargo" deny --version >/dev/null 2>&1 && [ "${CI:-}" = true ]; then
    timeout 1500 "$cargo" install --quiet --locked cargo-deny --version 0.20.2 || skipped 'cargo-deny could not be installed'
fi
if ! "$cargo" deny --version >/dev/null 2>&1; then
    skipped 'cargo-deny is not installed (cargo install cargo-deny --locked)'
    exit 0
fi
# Crates of other systems are looked at as well: a machine without network may lack them.
if "$cargo" fetch --locked >/dev/null 2>&1; then
    "$cargo" deny --locked --log-level error check bans licenses sources
else
    skipped 'bans, licenses and sources: not all crates could be fetched'
fi
if timeout 60 "$cargo" deny --locked --log-level off fetch db >/dev/null 2>&1; then
    "$cargo" deny --locked --log-level error check --disable-fetch advisories
else
    skipped 'advisories: the database of known weaknesses could not be fetched'
fi
