#!/bin/sh
# Builds the committed sources in two directories with paths of different lengths, and compares what `make install` puts down,
# byte for byte: `make reproducible`. Takes two full builds.
set -eu

checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/mod_wsgi_rs-reproducible.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

for directory in a another/directory/with-a-longer-name; do
    mkdir -p "$scratch/$directory"
    git -C "$checkout" archive HEAD | tar -x -C "$scratch/$directory"
    # A target directory that is shared would hand the second build the files of the first.
    env -u CARGO_TARGET_DIR make -C "$scratch/$directory" build
    make -C "$scratch/$directory" install install-debug DESTDIR="$scratch/$directory/stage" >/dev/null
    (cd "$scratch/$directory/stage" && find . -type f | LC_ALL=C sort | xargs sha256sum) >"$scratch/$(echo "$directory" | tr / -).sums"
    rm -rf "$scratch/$directory"
done
[ -s "$scratch/a.sums" ]
if diff "$scratch/a.sums" "$scratch/another-directory-with-a-longer-name.sums"; then
    echo "reproducible: $(wc -l <"$scratch/a.sums") files are the same from both directories"
else
    echo 'reproducible: the files above differ' >&2
    exit 1
fi
