# A site as mod_wsgi's users have it: one application embedded, one in daemon mode. Sourced by the trials in the chroot.
# shellcheck shell=sh

fail() {
    echo "FAILED: $*" >&2
    tail -n 40 /var/log/apache2/error.log >&2
    exit 1
}

make_site() {
    mkdir -p /srv/site
    cat >/srv/site/app.wsgi <<'END'
import mod_wsgi
def application(environ, start_response):
    server = "rs" if hasattr(mod_wsgi, "rs_version") else "mod_wsgi"
    body = ("%s %s\n" % (server, environ["mod_wsgi.process_group"] or "embedded")).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
END
    cat >/etc/apache2/sites-available/site.conf <<'END'
<VirtualHost *:80>
    ServerName site.example
    WSGIDaemonProcess site threads=2
    WSGIScriptAlias /daemon /srv/site/app.wsgi process-group=site
    WSGIScriptAlias / /srv/site/app.wsgi
    <Directory /srv/site>
        Require all granted
    </Directory>
</VirtualHost>
END
    echo 'ServerName localhost' >/etc/apache2/conf-enabled/name.conf
    a2dissite -q 000-default
    a2ensite -q site
}

# answers WORD: both applications answer, from that module. A restart of Apache takes a moment.
answers() {
    for path in / /daemon; do
        if [ "$path" = / ]; then wanted="$1 embedded"; else wanted="$1 site"; fi
        for attempt in $(seq 100); do
            said=$(curl -s --max-time 10 "http://127.0.0.1$path") && [ "$said" = "$wanted" ] && break
            [ "$attempt" -lt 100 ] || fail "$path answered \`$said\`, not \`$wanted\`"
            sleep 0.2
        done
        echo "  $path: $wanted"
    done
}

# Is a process of ours left, or one that has a file of ours mapped?
running_of_ours() {
    pgrep -a wsgi-supervisor && return 0
    grep -l 'mod_wsgi_rs' /proc/[0-9]*/maps 2>/dev/null
}

nothing_of_ours_runs() {
    for attempt in $(seq 150); do
        running_of_ours >/dev/null || return 0
        [ "$attempt" -lt 150 ] || fail "still there: $(running_of_ours; ps -ef)"
        sleep 0.2
    done
}
