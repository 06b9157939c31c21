# `make uninstall` while Apache runs: nothing of ours is left after the next graceful restart. Runs in the chroot.
# shellcheck shell=sh
. /trial/site.sh

make install
make_site
a2enmod -q mod_wsgi_rs
apache2ctl start
answers rs
pgrep wsgi-supervisor >/dev/null || fail 'there is no supervisor'

echo '== removed under the running Apache'
a2dissite -q site
a2dismod -q mod_wsgi_rs
make uninstall
apache2ctl graceful
nothing_of_ours_runs
curl -s --max-time 10 -o /dev/null http://127.0.0.1/ || fail 'Apache does not answer any more'
apache2ctl stop
