# From Debian's mod_wsgi to ours, by the commands of the guide, and mod_wsgi's package purged. Runs in the chroot.
# shellcheck shell=sh
. /trial/site.sh

echo '== a site with libapache2-mod-wsgi-py3'
apt-get -qq -y install --no-download --no-install-recommends libapache2-mod-wsgi-py3 >/dev/null 2>&1
make_site
apache2ctl start
answers mod_wsgi

# The indented commands of the section "The change".
sed -n '/^## The change/,/^## Which/s/^    \(sudo .*\)$/\1/p' /trial/migrating-from-mod_wsgi.md >/tmp/commands
[ "$(wc -l </tmp/commands)" -ge 3 ] || fail "the guide has no commands: $(cat /tmp/commands)"
follow() {
    while read -r command; do
        echo "\$ $command"
        sh -ec "$command" </dev/null || fail "$command"
    done
}
echo '== the guide'
follow </tmp/commands
answers rs

echo '== the way back'
back=$(sed -n 's/.*Going back is the same[^`]*`\([^`]*\)`.*/\1/p' /trial/migrating-from-mod_wsgi.md)
[ -n "$back" ] || fail 'the guide does not say how to go back'
printf '%s\nsudo systemctl restart apache2\n' "$back" | follow
answers mod_wsgi
nothing_of_ours_runs

echo '== forward again, and mod_wsgi purged'
follow </tmp/commands
answers rs
purge=$(sed -n 's/.*`\(sudo apt purge [^`]*\)`.*/\1/p' /trial/migrating-from-mod_wsgi.md)
[ -n "$purge" ] || fail 'the guide does not say how mod_wsgi is purged'
echo "$purge -y" | follow >/tmp/purged 2>&1 || fail "$(cat /tmp/purged)"
[ ! -e /etc/apache2/mods-available/wsgi.load ] || fail 'the purge has left its files'
answers rs
echo 'sudo systemctl restart apache2' | follow
answers rs
apache2ctl configtest || fail 'configtest after the purge'
apache2ctl stop
nothing_of_ours_runs
