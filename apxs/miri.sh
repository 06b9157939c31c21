#!/bin/sh
# Runs the unit tests of what several processes share under Miri, which finds undefined behaviour. It needs a nightly toolchain with Miri
# (`rustup toolchain install nightly --component miri,rust-src`); what this machine lacks for it is said, and is no failure.
set -eu
cargo=${CARGO:-cargo}
target=$1

if ! "$cargo" +nightly miri --version >/dev/null 2>&1; then
    echo 'miri: skipped: there is no nightly toolchain with Miri (rustup toolchain install nightly --component miri,rust-src)'
    exit 0
fi
export MIRIFLAGS=-Zmiri-disable-isolation CARGO_TARGET_DIR="$target/miri"
"$cargo" +nightly miri test --locked --package mod_wsgi_rs-shared-memory --lib
# The rest of the protocol has no shared memory, and would take an hour.
"$cargo" +nightly miri test --locked --package mod_wsgi_rs-protocol --lib table::
