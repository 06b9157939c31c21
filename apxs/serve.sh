#!/bin/sh
# Runs Apache in the foreground in front of one WSGI script, with a configuration of its own in a temporary directory.
# Called by `make serve`, which builds first; takes BUILD, APP, HOST, PORT and PYTHON from the environment.
#
# httpd runs in a session of its own: a terminal sends SIGWINCH to its foreground group whenever its window changes size,
# and to httpd that means "stop gracefully". Its logs come through two FIFOs, so that they, and what is printed here, share
# one file description even when the output is a regular file.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=apxs/locate.sh
. "$here/locate.sh"
checkout=$(dirname -- "$here")

host=${HOST:-127.0.0.1}
port=${PORT:-8000}
build=${BUILD:-build}
script=${APP:-}
python=${PYTHON:-}

die() {
    printf 'serve: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# --- what is asked for ----------------------------------------------------------------------------------------------

absolute() {
    case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s\n' "$PWD/$1" ;; esac
}

# A path that cannot be written between quotes in Apache's configuration, or that Apache would expand.
refuse_unquotable() {
    case $2 in
        *'"'* | *'\'* | *"$(printf '\nx')"* | *'${'*) die "$1 contains a character that Apache's configuration cannot hold: $2" ;;
    esac
}

check_address() {
    case $port in
        '' | 0* | *[!0-9]*) die "PORT must be a number from 1 to 65535, not \`$port\`" ;;
    esac
    { [ "$port" -ge 1 ] && [ "$port" -le 65535 ]; } || die "PORT must be a number from 1 to 65535, not \`$port\`"
    case $host in
        *[!0-9A-Za-z.:-]* | '') die "HOST must be an address or a name, not \`$host\`" ;;
        *:*) listen="[$host]:$port" ;;
        *) listen="$host:$port" ;;
    esac
    reason=$("$SYSTEM_PYTHON" -I -c '
import errno, socket, sys
host, port = sys.argv[1], int(sys.argv[2])
try:
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()
except OSError as error:
    print(errno.errorcode.get(error.errno, "") or "NAME", error.strerror or error)
' "$host" "$port")
    case $reason in
        '') ;;
        EADDRINUSE*) die "port $port of $host is in use by another program" "choose another: make serve PORT=$((port + 1))" ;;
        EACCES*) die "port $port needs root" "choose one above 1023: make serve PORT=8000" ;;
        *) die "cannot listen on $host port $port: ${reason#* }" ;;
    esac
}

check_script() {
    if [ -z "$script" ]; then
        script=$checkout/tests/apps/example/example.wsgi
        copy_script=yes
    else
        script=$(absolute "$script")
        copy_script=no
    fi
    if [ -d "$script" ]; then die "APP is a directory: $script" 'name the WSGI script in it: make serve APP=path/to/wsgi.py'; fi
    [ -e "$script" ] || die "APP does not exist: $script" 'name a WSGI script: make serve APP=path/to/wsgi.py'
    [ -f "$script" ] || die "APP is not a file: $script"
    script=$(CDPATH='' cd -- "$(dirname -- "$script")" && pwd)/$(basename -- "$script")
    refuse_unquotable APP "$script"
}

# PYTHON is a virtualenv, a prefix, or an interpreter in either; sets `home`.
check_python() {
    home=''
    [ -n "$python" ] || return 0
    python=$(absolute "$python")
    [ -e "$python" ] || die "PYTHON does not exist: $python" 'name a virtualenv: make serve PYTHON=/path/to/venv' \
        "or make one: $SYSTEM_PYTHON -m venv $python"
    if [ -d "$python" ]; then home=$python; else home=$(dirname -- "$(dirname -- "$python")"); fi
    home=$(CDPATH='' cd -- "$home" && pwd)
    any_interpreter "$home"/bin/python "$home"/bin/python3 "$home"/bin/python3.* ||
        die "PYTHON is neither a virtualenv nor a prefix: there is no interpreter in $home/bin" \
            'name a virtualenv: make serve PYTHON=/path/to/venv'
    refuse_unquotable PYTHON "$home"
}

any_interpreter() {
    for path in "$@"; do
        if [ -x "$path" ]; then return 0; fi
    done
    return 1
}

check_build() {
    for file in mod_wsgi_rs.so mod_wsgi_rs_engine.so; do
        [ -f "$build/$file" ] || die "$build/$file is missing" 'build it: make build'
    done
    build=$(CDPATH='' cd -- "$build" && pwd)
    httpd=$(httpd_path)
    [ -x "$httpd" ] || die "Apache is missing: $httpd" 'install what is needed: apxs/dependencies.sh serve'
}

# --- who serves -----------------------------------------------------------------------------------------------------

# Started by root, httpd's children become this user; they must be able to read everything that is served.
choose_identity() {
    user=''
    [ "$(id -u)" = 0 ] || return 0
    for candidate in www-data apache nobody; do
        if id "$candidate" >/dev/null 2>&1; then
            user=$candidate
            break
        fi
    done
    [ -n "$user" ] || die 'no user www-data, apache or nobody to run as' 'run `make serve` as an ordinary user'
}

# The first part of the path $1 that the server's user cannot go through or read; nothing if all is well.
unreadable_part() {
    if [ -z "$user" ]; then
        [ -r "$1" ] || printf '%s\n' "$1"
        return 0
    fi
    # shellcheck disable=SC2016 # it is that shell that expands
    su -s /bin/sh "$user" -c '
        path=$0 walked=""
        IFS=/
        for part in ${path#/}; do
            walked="$walked/$part"
            if [ -d "$walked" ]; then test -x "$walked"; else test -r "$walked"; fi || { echo "$walked"; exit; }
        done' "$1" </dev/null
}

check_readable() {
    blocked=$(unreadable_part "$2")
    [ -z "$blocked" ] || die "$1 cannot be read by the user $user, which serves when Apache is started by root" \
        "the way to $2 ends at $blocked" \
        "open it (chmod o+x on a directory, o+r on a file), or run \`make serve\` as an ordinary user"
}

# --- the temporary directory ----------------------------------------------------------------------------------------

root=''
server=''
readers=''

clean_up() {
    trap '' INT TERM HUP
    if [ -n "$server" ] && kill -TERM "$server" 2>/dev/null; then wait "$server" || true; fi
    exec 3>&- 4>&-
    for reader in $readers; do wait "$reader" || true; done
    if [ -n "$root" ]; then rm -rf "$root"; fi
}

make_root() {
    root=$(mktemp -d "${TMPDIR:-/tmp}/mod_wsgi_rs.XXXXXX")
    refuse_unquotable TMPDIR "$root"
    chmod 755 "$root"
    module=$build/mod_wsgi_rs.so
    # The children open the engine; in a checkout below /root they could not, so they get a copy.
    if [ -n "$(unreadable_part "$build/mod_wsgi_rs_engine.so")" ]; then
        cp "$build/mod_wsgi_rs.so" "$build/mod_wsgi_rs_engine.so" "$root/"
        chmod 644 "$root"/*.so
        module=$root/mod_wsgi_rs.so
    fi
    if [ "$copy_script" = yes ] && [ -n "$(unreadable_part "$script")" ]; then
        mkdir "$root/app"
        cp "$script" "$root/app/"
        chmod 644 "$root/app/"*
        script=$root/app/$(basename -- "$script")
    fi
}

# LoadModule lines for what is not compiled in.
load_modules() {
    directory=$("$(apxs_path)" -q LIBEXECDIR)
    compiled_in=$("$httpd" -l)
    for name in mpm_event unixd log_config authz_core; do
        case $compiled_in in *"mod_$name.c"* | *"  ${name#mpm_}.c"*) continue ;; esac
        printf 'LoadModule %s_module "%s/mod_%s.so"\n' "$name" "$directory" "$name"
    done
}

# Modules that the script imports lie beside the package that it is part of: `site/wsgi.py` next to `site/__init__.py`
# imports `site`, so the directory above goes on sys.path.
import_root() {
    directory=$(dirname -- "$script")
    while [ -e "$directory/__init__.py" ] && [ "$directory" != / ]; do directory=$(dirname -- "$directory"); done
    printf '%s\n' "$directory"
}

python_lines() {
    [ -z "$home" ] || printf 'WSGIPythonHome "%s"\n' "$home"
    [ "$copy_script" = yes ] || printf 'WSGIPythonPath "%s"\n' "$(import_root)"
}

write_configuration() {
    fill_IDENTITY=''
    if [ -n "$user" ]; then fill_IDENTITY=$(printf 'User %s\nGroup %s' "$user" "$(id -gn "$user")"); fi
    fill_ROOT=$root fill_LISTEN=$listen fill_MODULE=$module fill_SCRIPT=$script
    fill_LOAD_MODULES=$(load_modules) fill_PYTHON=$(python_lines) fill_SCRIPT_DIRECTORY=$(dirname -- "$script")
    export fill_IDENTITY fill_ROOT fill_LISTEN fill_MODULE fill_SCRIPT fill_LOAD_MODULES fill_PYTHON fill_SCRIPT_DIRECTORY
    # awk's ENVIRON, unlike sed or -v, takes any character as it is.
    awk '{ line = ""
           while (match($0, /@[A-Z_]+@/)) {
               line = line substr($0, 1, RSTART - 1) ENVIRON["fill_" substr($0, RSTART + 1, RLENGTH - 2)]
               $0 = substr($0, RSTART + RLENGTH)
           }
           print line $0 }' "$checkout/conf/serve.conf" >"$root/httpd.conf"
}

# --- running --------------------------------------------------------------------------------------------------------

start() {
    mkfifo "$root/error" "$root/access"
    # Opened for reading and writing, neither end waits for the other; the readers end when the last writer has closed.
    exec 3<>"$root/error" 4<>"$root/access"
    (trap '' INT TERM HUP; exec cat <"$root/error" >&2 3>&- 4>&-) &
    readers=$!
    (trap '' INT TERM HUP; exec cat <"$root/access" 3>&- 4>&-) &
    readers="$readers $!"
    setsid "$httpd" -f "$root/httpd.conf" -d "$root" -DFOREGROUND </dev/null 3>&- 4>&- &
    server=$!
    # httpd writes its pid file when it has bound its port.
    while kill -0 "$server" 2>/dev/null && [ ! -s "$root/httpd.pid" ]; do sleep 0.1; done
    if ! kill -0 "$server" 2>/dev/null; then
        server=''
        die 'Apache did not start; its own words are above'
    fi
}

say_hello() {
    echo
    echo "  http://$listen/"
    if [ "$copy_script" = yes ]; then
        echo '  serves the example page (APP=path/to/wsgi.py serves yours)'
    else
        echo "  serves $script, with $(import_root) on sys.path"
    fi
    [ -z "$home" ] || echo "  with the Python of $home"
    [ -z "$user" ] || echo "  as the user $user"
    echo '  Ctrl-C stops it'
    echo
}

check_address
check_script
check_python
check_build
choose_identity
if [ "$copy_script" = no ]; then check_readable APP "$script"; fi
if [ -n "$home" ]; then check_readable PYTHON "$home"; fi
trap clean_up EXIT
trap 'exit 0' INT TERM HUP
make_root
write_configuration
start
say_hello
status=0
wait "$server" || status=$?
server=''
exit "$status"
