# What a trial of chroot.sh finds in its copy of the base system. Sourced; each function gets the root of the copy.
# shellcheck shell=sh

# `sudo`, `systemctl` and `make`, which the guides use and the chroot lacks: the commands can be followed as they stand.
with_make_install() {
    mkdir "$1/trial/bin" "$1/trial/stage"
    make --silent -C "$PACKAGING_CHECKOUT" install BUILD="$PACKAGING_BUILD" DESTDIR="$1/trial/stage" >/dev/null
    cp "$PACKAGING_CHECKOUT/docs/guides/migrating-from-mod_wsgi.md" "$1/trial/"
    printf '#!/bin/sh\nexec "$@"\n' >"$1/trial/bin/sudo"
    cat >"$1/trial/bin/systemctl" <<'END'
#!/bin/sh
[ "$2" = apache2 ] && exec apache2ctl "$1"
exit 1
END
    cat >"$1/trial/bin/make" <<'END'
#!/bin/sh
# The stage is what `make install DESTDIR=` has put down, so this is what it puts down without.
case $1 in
    install) cp -a /trial/stage/. / ;;
    uninstall) cd /trial/stage && find . -type f | while read -r file; do rm "/$file"; done ;;
    *) exit 1 ;;
esac
END
    chmod 755 "$1"/trial/bin/*
}

with_package() {
    set -- "$1" "$PACKAGING_BUILD"/deb/libapache2-mod-wsgi-rs_*.deb
    [ -f "$2" ] || { echo 'packaging: no package: make deb' >&2; return 1; }
    cp "$2" "$1/trial/package.deb"
}

with_dockerfile() {
    make --silent -C "$PACKAGING_CHECKOUT" install BUILD="$PACKAGING_BUILD" DESTDIR="$1/src/stage" >/dev/null
}
