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

separator=$(printf '\037')
flags=''
listed=''
# remap FROM TO: rustc takes the last one that fits.
remap() {
    flags="$flags$separator--remap-path-prefix=$1=$2"
    listed="$listed\"--remap-path-prefix=$1=$2\","
}
remap "$checkout" /usr/src/mod_wsgi_rs
remap "$target" /usr/src/mod_wsgi_rs/target
remap "${CARGO_HOME:-$HOME/.cargo}" /usr/share/cargo
remap "$sysroot/lib/rustlib/src/rust" "/rustc/$commit"

# C code of a dependency, if there is any.
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$checkout=/usr/src/mod_wsgi_rs -ffile-prefix-map=$target=/usr/src/mod_wsgi_rs/target"

# Flags in the environment take the place of those in cargo's configuration; a list given as --config is added to them.
if [ -n "${CARGO_ENCODED_RUSTFLAGS:-}" ]; then
    export CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$flags"
elif [ -n "${RUSTFLAGS:-}" ]; then
    CARGO_ENCODED_RUSTFLAGS=$(printf '%s' "$RUSTFLAGS" | tr -s ' ' "$separator")$flags
    export CARGO_ENCODED_RUSTFLAGS
else
    set -- --config "build.rustflags=[${listed%,}]" "$@"
fi
exec "$cargo" "$@" --target-dir "$target"
