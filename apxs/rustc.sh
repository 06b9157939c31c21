#!/bin/sh
# Runs the compiler for cargo (RUSTC_WRAPPER) with the flags that apxs/cargo.sh has put into REMAP, one a line. As flags of cargo's they would be part of the
# hash in each symbol's name, and two builds in different directories would differ. WRAPPED names a wrapper that the user has set.
set -eu
compiler=$1
shift
while IFS= read -r flag; do
    [ -z "$flag" ] || set -- "$@" "$flag"
done <<LINES
$REMAP
LINES
# Not quoted: empty without a wrapper.
# shellcheck disable=SC2086
exec ${WRAPPED:-} "$compiler" "$@"
