#!/bin/sh
# Prints the licence texts of all crates that are linked into the installed files: `apxs/licences.sh >THIRD-PARTY`.
#
# cargo says which crates these are and where their sources lie (its registry, or a packager's vendored copies). A crate
# without a text of its own is an error: the binary could not be distributed.
set -eu

cargo=${CARGO:-cargo}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/texts"
# The order of names must not depend on who builds.
LC_ALL=C
export LC_ALL

host=$(rustc -vV | sed -n 's/^host: //p')
for package in mod_wsgi_rs mod_wsgi_rs-engine mod_wsgi_rs-supervisor; do
    # Build scripts and macros run while the crates are compiled; nothing of them is linked in.
    "$cargo" tree --locked --target "$host" --package "$package" --edges normal,no-proc-macro --prefix none --format '{p}|{l}'
done | sed -n '/ (\//d; s/^\([^ ]*\) v\([^| ]*\)[^|]*|\(.*\)$/\1 \2 \3/p' | sed 's/ (\*)$//' | sort -u >"$scratch/crates"
[ -s "$scratch/crates" ] || { echo 'licences: cargo tree named no crate' >&2; exit 1; }

"$cargo" metadata --locked --filter-platform "$host" --format-version 1 | sed 's/"manifest_path":"/\
/g' | sed '1d; s/".*//' | sort -u | while IFS= read -r manifest; do
    key=$(sed -n 's/^name = "\(.*\)"$/\1/p; /^version = /{s/^version = "\(.*\)"$/\1/p;q;}' "$manifest" | tr '\n' ' ')
    printf '%s%s\n' "$key" "${manifest%/Cargo.toml}"
done >"$scratch/places"

# keep FILE OWNER: notes a text, once however many crates have it.
keep() {
    sum=$(cksum <"$1" | tr ' ' -)
    [ -e "$scratch/texts/$sum" ] || cp "$1" "$scratch/texts/$sum"
    printf '%s\n' "$2" >>"$scratch/texts/$sum.owners"
    [ -e "$scratch/order" ] && grep -qx "$sum" "$scratch/order" || printf '%s\n' "$sum" >>"$scratch/order"
}

while read -r name version licence; do
    place=$(sed -n "s|^$name $version ||p" "$scratch/places" | head -n 1)
    found=no
    for file in "$place"/*; do
        case ${file##*/} in
            [Ll][Ii][Cc][Ee][Nn][CcSs][Ee]* | COPYING* | COPYRIGHT* | NOTICE*)
                [ -f "$file" ] || continue
                keep "$file" "$name $version (${file##*/})"
                found=yes
                ;;
        esac
    done
    if [ "$found" = no ]; then
        echo "licences: $name $version ($licence) has no licence text in ${place:-a place that cargo names}" >&2
        exit 1
    fi
done <"$scratch/crates"

# The standard library is linked in as well. Where the toolchain comes with its licences, they belong here.
standard=$(rustc --print sysroot)/share/doc/rust/COPYRIGHT-library.html
echo 'mod_wsgi_rs is under the Apache License 2.0 (LICENSE). Its files contain code of the following Rust crates. Where a crate'
echo 'offers several licences ("OR"), it is used under one that goes with the Apache License 2.0.'
echo
awk '{ name = $1; version = $2; $1 = $2 = ""; sub(/^ +/, ""); printf "    %-20s %-10s %s\n", name, version, $0 }' "$scratch/crates"
printf '    %-20s %-10s %s\n' 'std' "$(rustc --version | cut -d' ' -f2)" 'MIT OR Apache-2.0 (the Rust standard library)'
while read -r sum; do
    printf '\n%s\n' '--------------------------------------------------------------------------------'
    sed 's/^/    /' "$scratch/texts/$sum.owners"
    printf '%s\n\n' '--------------------------------------------------------------------------------'
    cat "$scratch/texts/$sum"
done <"$scratch/order"
if [ -r "$standard" ]; then
    printf '\n%s\n' '--------------------------------------------------------------------------------'
    echo '    the Rust standard library and the crates in it'
    printf '%s\n\n' '--------------------------------------------------------------------------------'
    sed 's/<[^>]*>//g; s/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&#x27;/'"'"'/g; s/&amp;/\&/g' "$standard" | sed '/^[[:space:]]*$/d'
fi
