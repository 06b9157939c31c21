#!/bin/sh
# Puts the built module where this machine's Apache looks for modules, and takes it back:
# `apxs/install.sh install|install-debug|uninstall`.
#
# apxs says where that is. The module goes into LIBEXECDIR, its companions into LIBEXECDIR/mod_wsgi_rs, the configuration into
# the layout of Debian (mods-available), Fedora (conf.modules.d and conf.d) or Alpine (conf.d). DESTDIR goes before every path, for packages.
# The configuration files have names of our own: those of mod_wsgi's package (wsgi.load, wsgi.conf) are deleted with it.
# Manual pages go to MANDIR and licences to DOCDIR. Binaries are installed without debug information (STRIP=none keeps it);
# `install-debug` puts that into DEBUGDIR, where debuggers look for it.
# A configuration file that somebody has changed, or that belongs to another package, is left alone. Apache is never restarted.
set -eu
# Apache's user must be able to read what is installed, whatever the umask of who installs.
umask 022

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=apxs/locate.sh
. "$here/locate.sh"
checkout=$(dirname -- "$here")
conf=$checkout/conf
build=${BUILD:-build}
destdir=${DESTDIR:-}
objcopy=${OBJCOPY:-objcopy}
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

say() { printf 'install: %s\n' "$*"; }
die() {
    printf 'install: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '         %s\n' "$line" >&2; done
    exit 1
}

# --- where everything goes ------------------------------------------------------------------------------------------

ask_apxs() {
    apxs=$(apxs_path)
    [ -x "$apxs" ] || die 'apxs is missing' 'install apache2-dev (Debian), httpd-devel (Fedora) or apache2-dev (Alpine), or name it: APXS=/path/to/apxs'
    libexecdir=$("$apxs" -q LIBEXECDIR)
    sysconfdir=$("$apxs" -q SYSCONFDIR)
    [ -n "$libexecdir" ] && [ -n "$sysconfdir" ] || die "$apxs does not say where modules and configuration go"
    # An Apache that the system's packages did not bring has its manual pages beside it.
    case $libexecdir in
        /usr/local/* | /opt/*) share=/usr/local/share ;;
        *) share=/usr/share ;;
    esac
    mandir=${MANDIR:-$share/man}
    docdir=${DOCDIR:-$share/doc/mod_wsgi_rs}
    debugdir=${DEBUGDIR:-/usr/lib/debug}
}

# Sets load_file and conf_file, or leaves them empty where the layout is unknown; `layout` names it.
choose_layout() {
    load_file='' conf_file=''
    if [ -e /etc/debian_version ] && [ "$sysconfdir" = /etc/apache2 ]; then
        layout=debian
        load_file=$sysconfdir/mods-available/mod_wsgi_rs.load
        conf_file=$sysconfdir/mods-available/mod_wsgi_rs.conf
    elif [ -e /etc/alpine-release ] && [ "$sysconfdir" = /etc/apache2 ]; then
        layout=alpine
        load_file=$sysconfdir/conf.d/mod_wsgi_rs-load.conf # before mod_wsgi_rs.conf in the order in which they are read
        conf_file=$sysconfdir/conf.d/mod_wsgi_rs.conf
    elif [ -d "$(dirname -- "$sysconfdir")/conf.modules.d" ]; then
        layout=fedora
        load_file=$(dirname -- "$sysconfdir")/conf.modules.d/10-mod_wsgi_rs.conf
        conf_file=$(dirname -- "$sysconfdir")/conf.d/mod_wsgi_rs.conf
    else
        layout=unknown
    fi
}

# --- installing -----------------------------------------------------------------------------------------------------

# place MODE FROM TO: as a new file, for a running Apache may have the old one mapped.
place() {
    mkdir -p "$(dirname -- "$destdir$3")"
    cp "$2" "$destdir$3.new"
    chmod "$1" "$destdir$3.new"
    mv -f "$destdir$3.new" "$destdir$3"
    say "$destdir$3"
}

# for_each_binary COMMAND: calls it with the mode, the built file and the path of each installed binary.
for_each_binary() {
    "$1" 644 "$build/mod_wsgi_rs.so" "$libexecdir/mod_wsgi_rs.so"
    # Every other file of the build directory is a companion.
    for file in "$build"/*; do
        case $(basename -- "$file") in mod_wsgi_rs.so | *.new) continue ;; esac
        [ -f "$file" ] || continue
        if [ -x "$file" ] && [ "${file%.so}" = "$file" ]; then mode=755; else mode=644; fi
        "$1" "$mode" "$file" "$libexecdir/mod_wsgi_rs/$(basename -- "$file")"
    done
}

# Whether debug information is installed apart from the binaries.
splits() { [ "${STRIP:-}" != none ] && command -v "$objcopy" >/dev/null 2>&1; }

# split FROM: writes the debug information to $parts/NAME.debug and the rest, with a link to it, to $parts/NAME. The link has
# a checksum, so `install` and `install-debug` must make the same file.
split() {
    name=$(basename -- "$1")
    "$objcopy" --only-keep-debug "$1" "$parts/$name.debug"
    "$objcopy" --strip-unneeded --add-gnu-debuglink="$parts/$name.debug" "$1" "$parts/$name"
}

place_binary() {
    if splits; then
        split "$2"
        place "$1" "$parts/$name" "$3"
    else
        place "$1" "$2" "$3"
    fi
}

place_debug() {
    split "$2"
    place 644 "$parts/$name.debug" "$debugdir$3.debug"
}

install_debug() {
    splits || die "$objcopy is missing" 'install binutils, or name another: OBJCOPY=/path/to/objcopy'
    [ -f "$build/mod_wsgi_rs.so" ] || die "$build/mod_wsgi_rs.so is missing" 'build it: make build'
    for_each_binary place_debug
}

# What conf/$1 looks like when it is installed.
rendered() { sed "s|@LIBEXECDIR@|$libexecdir|g" "$conf/$1"; }

# place_conf NAME TO: unless another file is there.
place_conf() {
    scratch=$(mktemp)
    rendered "$1" >"$scratch"
    if [ ! -e "$destdir$2" ] || cmp -s "$scratch" "$destdir$2"; then
        place 644 "$scratch" "$2"
    else
        place 644 "$scratch" "$2.new"
        kept="$kept $destdir$2"
    fi
    rm -f "$scratch"
}

install_all() {
    for file in mod_wsgi_rs.so mod_wsgi_rs_engine.so doc/THIRD-PARTY; do
        [ -f "$build/$file" ] || die "$build/$file is missing" 'build it: make build'
    done
    [ -n "$destdir" ] || [ -w "$libexecdir" ] || die "no permission to write to $libexecdir" \
        'run `sudo make install` (after `make build` as yourself), or `make install DESTDIR=/some/where`'
    for_each_binary place_binary
    for page in "$checkout"/man/*.[1-8]; do
        place 644 "$page" "$mandir/man${page##*.}/$(basename -- "$page")"
    done
    place 644 "$checkout/LICENSE" "$docdir/LICENSE"
    place 644 "$build/doc/THIRD-PARTY" "$docdir/THIRD-PARTY"
    kept=''
    if [ -n "$load_file" ]; then
        place_conf wsgi.load "$load_file"
        place_conf wsgi.conf "$conf_file"
    fi
    if [ -z "$destdir" ] && command -v restorecon >/dev/null 2>&1; then
        restorecon -R "$libexecdir/mod_wsgi_rs.so" "$libexecdir/mod_wsgi_rs" || say 'restorecon failed: SELinux may deny loading the module'
    fi
    advise
}

advise() {
    if [ -n "$kept" ]; then
        say "left as found, because not ours or changed since:$kept"
        say 'ours lies beside each, with the ending .new; where both stand for mod_wsgi, load one of the two modules'
        # Enabled as it stands, a file of another package would load its module.
        if ! grep -qs "^ *LoadModule.*$libexecdir/mod_wsgi_rs.so" "$destdir$load_file"; then
            say "to have this one, $load_file must say: LoadModule wsgi_module $libexecdir/mod_wsgi_rs.so"
        fi
    fi
    [ -z "$destdir" ] || return 0
    case $layout in
        debian) if [ -e "$sysconfdir/mods-enabled/wsgi.load" ]; then
            say 'next, because mod_wsgi is enabled: a2dismod wsgi && a2enmod mod_wsgi_rs && apache2ctl configtest && apache2ctl restart'
        else
            say 'next: a2enmod mod_wsgi_rs && apache2ctl configtest && apache2ctl restart'
        fi ;;
        fedora | alpine) say 'next: httpd -t && restart httpd (it is loaded by its file in the configuration)' ;;
        *) say "next: add to Apache's configuration: LoadModule wsgi_module $libexecdir/mod_wsgi_rs.so" ;;
    esac
}

# --- taking it back -------------------------------------------------------------------------------------------------

remove() {
    if [ -e "$destdir$1" ]; then
        rm -f "$destdir$1"
        say "removed $destdir$1"
    fi
}

# remove_directory PATH: a directory of ours, with what `install` has put there.
remove_directory() {
    [ -d "$destdir$1" ] || return 0
    for file in "$destdir$1"/*; do
        [ ! -f "$file" ] || remove "${file#"$destdir"}"
    done
    rmdir "$destdir$1" || say "left, because other files are there: $destdir$1"
}

remove_conf() {
    remove "$2.new"
    [ -e "$destdir$2" ] || return 0
    scratch=$(mktemp)
    rendered "$1" >"$scratch"
    if cmp -s "$scratch" "$destdir$2"; then remove "$2"; else say "left, because not ours or changed since: $destdir$2"; fi
    rm -f "$scratch"
}

uninstall_all() {
    for name in mod_wsgi_rs wsgi; do
        if [ -z "$destdir" ] && grep -qs 'mod_wsgi_rs\.so' "$sysconfdir/mods-enabled/$name.load"; then
            die 'the module is enabled' "first: a2dismod $name && apache2ctl restart"
        fi
    done
    remove "$libexecdir/mod_wsgi_rs.so"
    remove_directory "$libexecdir/mod_wsgi_rs"
    remove "$debugdir$libexecdir/mod_wsgi_rs.so.debug"
    remove_directory "$debugdir$libexecdir/mod_wsgi_rs"
    remove_directory "$docdir"
    for page in "$checkout"/man/*.[1-8]; do
        remove "$mandir/man${page##*.}/$(basename -- "$page")"
    done
    if [ -n "$load_file" ]; then
        remove_conf wsgi.load "$load_file"
        remove_conf wsgi.conf "$conf_file"
    fi
}

ask_apxs
choose_layout
case ${1:-} in
    install) install_all ;;
    install-debug) install_debug ;;
    uninstall) uninstall_all ;;
    *) die 'usage: apxs/install.sh install|install-debug|uninstall' ;;
esac
