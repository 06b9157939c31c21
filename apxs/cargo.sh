#!/bin/sh
# Runs cargo so that what it builds contains no path of this machine: `apxs/cargo.sh TARGET-DIRECTORY build --release ...`.
#
# Two builds of the same sources in different directories then give the same files, and a debugger finds the sources under
# /usr/src/mod_wsgi_rs. CARGO names the cargo to run. RUSTFLAGS and the flags of cargo's own configuration stay in force.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
checkout=$(dirname -- "$here")
cargo=${CARGO:-cargo}
target=$1
shift
case $target in /*) ;; *) target=$checkout/$target ;; esac
sysroot=$(rustc --print sysroot)
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')

# rustc takes the last one that fits.
REMAP="--remap-path-prefix=$checkout=/usr/src/mod_wsgi_rs
--remap-path-prefix=$target=/usr/src/mod_wsgi_rs/target
--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/usr/share/cargo
--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rustc/$commit"
WRAPPED=${RUSTC_WRAPPER:-}
RUSTC_WRAPPER=$here/rustc.sh
export REMAP WRAPPED RUSTC_WRAPPER

# C code of a dependency, if there is any.
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$checkout=/usr/src/mod_wsgi_rs -ffile-prefix-map=$target=/usr/src/mod_wsgi_rs/target"
exec "$cargo" "$@" --target-dir "$target"
