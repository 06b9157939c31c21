# Where Apache and the system's Python are. Sourced by the other scripts here, run by nobody.
#
# Fixed places come before PATH: pyenv and its like put shims there that answer for another Python or for no apxs at all.
# APXS and HTTPD in the environment overrule everything.
# shellcheck shell=sh

SYSTEM_PYTHON=/usr/bin/python3

# Prints the path of apxs; one that does not exist if there is none.
apxs_path() {
    for candidate in ${APXS:+"$APXS"} /usr/bin/apxs /usr/sbin/apxs /usr/local/apache2/bin/apxs; do
        if [ -x "$candidate" ]; then
            echo "$candidate"
            return
        fi
    done
    command -v apxs || echo /usr/bin/apxs
}

# Prints the path of the server program; one that does not exist if there is none.
httpd_path() {
    if [ -n "${HTTPD:-}" ]; then
        echo "$HTTPD"
        return
    fi
    apxs=$(apxs_path)
    if [ -x "$apxs" ]; then
        from_apxs="$("$apxs" -q SBINDIR 2>/dev/null)/$("$apxs" -q PROGNAME 2>/dev/null)"
        if [ -x "$from_apxs" ]; then
            echo "$from_apxs"
            return
        fi
    fi
    for candidate in /usr/sbin/apache2 /usr/sbin/httpd; do
        if [ -x "$candidate" ]; then
            echo "$candidate"
            return
        fi
    done
    echo /usr/sbin/apache2
}

# Prints X.Y of the system's Python; fails if there is none.
system_python_version() {
    [ -x "$SYSTEM_PYTHON" ] || return 1
    "$SYSTEM_PYTHON" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}
