#!/bin/sh
# Puts the built module where this machine's Apache looks for modules, and takes it back: `apxs/install.sh install|uninstall`.
#
# apxs says where that is. The module goes into LIBEXECDIR, its companions into LIBEXECDIR/mod_wsgi_rs, the configuration into
# the layout of Debian (mods-available), Fedora (conf.modules.d and conf.d) or Alpine (conf.d). DESTDIR goes before every path, for packages.
# The configuration files have names of our own: those of mod_wsgi's package (wsgi.load, wsgi.conf) are deleted with it.
# A configuration file that somebody has changed, or that belongs to another package, is left alone. Apache is never restarted.
set -eu
# Apache's user must be able to read what is installed, whatever the umask of who installs.
umask 022

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=apxs/locate.sh
. "$here/locate.sh"
conf=$(dirname -- "$here")/conf
build=${BUILD:-build}
destdir=${DESTDIR:-}

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
    for file in mod_wsgi_rs.so mod_wsgi_rs_engine.so; do
        [ -f "$build/$file" ] || die "$build/$file is missing" 'build it: make build'
    done
    [ -n "$destdir" ] || [ -w "$libexecdir" ] || die "no permission to write to $libexecdir" \
        'run `sudo make install` (after `make build` as yourself), or `make install DESTDIR=/some/where`'
    place 644 "$build/mod_wsgi_rs.so" "$libexecdir/mod_wsgi_rs.so"
    # Every other file of the build directory is a companion.
    for file in "$build"/*; do
        case $(basename -- "$file") in mod_wsgi_rs.so | *.new) continue ;; esac
        [ -f "$file" ] || continue
        if [ -x "$file" ] && [ "${file%.so}" = "$file" ]; then mode=755; else mode=644; fi
        place "$mode" "$file" "$libexecdir/mod_wsgi_rs/$(basename -- "$file")"
    done
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
    for file in "$destdir$libexecdir/mod_wsgi_rs"/*; do
        [ ! -f "$file" ] || remove "${file#"$destdir"}"
    done
    [ ! -d "$destdir$libexecdir/mod_wsgi_rs" ] || rmdir "$destdir$libexecdir/mod_wsgi_rs"
    if [ -n "$load_file" ]; then
        remove_conf wsgi.load "$load_file"
        remove_conf wsgi.conf "$conf_file"
    fi
}

ask_apxs
choose_layout
case ${1:-} in
    install) install_all ;;
    uninstall) uninstall_all ;;
    *) die 'usage: apxs/install.sh install|uninstall' ;;
esac
