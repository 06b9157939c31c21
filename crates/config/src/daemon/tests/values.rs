/*! Single values: defaults, ranges, and what is none. *Runs in: tests.* */

use std::time::Duration;

use super::{group, refusal};
use crate::daemon::option::Form;
use crate::daemon::{Account, OPTIONS, Preload, Python, ScriptOwner};
use crate::settings::Text;
use crate::test_support::Sample;

fn text(bytes: &str) -> Text {
    bytes.as_bytes().into()
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn silence_means_the_documented_defaults() {
    let shop = group("");
    assert_eq!((&*shop.name, &*shop.defined_at), (b"shop".as_slice(), "test.conf:1"));
    assert!(shop.user.is_none() && shop.group.is_none() && shop.supplementary_groups.is_none() && shop.socket_user.is_none());
    assert!(
        shop.options.umask.is_none()
            && shop.chroot.is_none()
            && shop.home.is_none()
            && shop.lang.is_none()
            && shop.locale.is_none()
    );
    assert_eq!(&*shop.display_name, b"(wsgi:shop)");
    assert!(shop.script_owner.is_none() && shop.stack_size.is_none());
    assert_eq!((shop.cpu_priority, shop.no_new_privileges, shop.dumpable), (0, None, None));
    assert_eq!((shop.processes, shop.multiprocess, shop.threads, shop.listen_backlog), (1, false, 15, 100));
    assert_eq!((shop.descriptors, shop.maximum_in_flight), (None, Some(230)));
    let in_flight = |options: &str| group(options).maximum_in_flight;
    assert_eq!((in_flight("maximum-in-flight=0"), in_flight("maximum-in-flight=7")), (None, Some(7)));
    assert_eq!(in_flight("processes=3 threads=2 listen-backlog=0"), Some(18), "each process has one more in its queue");
    assert_eq!((shop.send_buffer_size, shop.receive_buffer_size), (None, None));
    assert_eq!((shop.header_buffer_size, shop.response_buffer_size), (32768, 8_388_608));
    assert_eq!(shop.response_flush_delay, Duration::from_millis(5));
    assert_eq!(
        (shop.memory_limit, shop.virtual_memory_limit, shop.life.cpu_time_limit, shop.life.maximum_requests),
        (None, None, None, None)
    );
    assert_eq!((shop.connect_timeout, shop.socket_timeout, shop.response_socket_timeout), (seconds(15), None, None));
    assert_eq!(
        (shop.queue_timeout, shop.life.startup_timeout, shop.request_timeout, shop.interrupt_timeout),
        (None, None, None, None)
    );
    assert_eq!((shop.life.deadlock_timeout, shop.life.inactivity_timeout), (Some(seconds(300)), None));
    assert_eq!((shop.life.graceful_timeout, shop.life.graceful_explicit, shop.life.eviction_timeout), (seconds(15), false, None));
    assert_eq!((shop.life.shutdown_timeout, shop.life.restart_interval, shop.reload_wait), (Some(seconds(5)), None, seconds(10)));
    assert_eq!((shop.switch_interval, shop.python.as_ref(), shop.python_eggs.as_ref()), (None, None, None));
    assert!(shop.python_path.is_empty() && !shop.server_metrics && shop.overlap);
    assert_eq!(shop.preload, Preload::Auto);
}

#[test]
fn what_is_typed_is_what_the_group_has() {
    let shop = group(
        "user=shop group=#2000 supplementary-groups=a,#7 umask=0027 chroot=/jail/ home=/srv/shop lang=C.UTF-8 \
         locale=\"de_DE.UTF-8\" display-name=%{GROUP} cpu-priority=-5 socket-user=root script-group=shops processes=2 threads=1 \
         python-home=venv python-path=/a:b python-eggs=/eggs switch-interval=0.01 preload=off",
    );
    assert_eq!((shop.user.clone(), shop.group.clone()), (Some(Account::Name(text("shop"))), Some(Account::Id(2000))));
    assert_eq!(shop.supplementary_groups.as_deref(), Some([Account::Name(text("a")), Account::Id(7)].as_slice()));
    assert_eq!(
        (shop.options.umask, shop.chroot.as_deref(), shop.home.as_deref()),
        (Some(0o27), Some(&b"/jail/"[..]), Some(&b"/srv/shop"[..]))
    );
    assert_eq!((shop.lang.as_deref(), shop.locale.as_deref()), (Some(&b"C.UTF-8"[..]), Some(&b"de_DE.UTF-8"[..])));
    assert_eq!((&*shop.display_name, shop.cpu_priority), (&b"(wsgi:shop)"[..], -5));
    assert_eq!(shop.socket_user, Some(Account::Name(text("root"))));
    assert_eq!(shop.script_owner, Some(ScriptOwner::Group(Account::Name(text("shops")))));
    assert_eq!((shop.processes, shop.multiprocess, shop.threads), (2, true, 1));
    assert_eq!(shop.python, Some(Python::Home { prefix: text("/etc/apache2/venv"), exec_prefix: None }));
    assert_eq!(shop.python_path, [text("/a"), text("/etc/apache2/b")]);
    assert_eq!(
        (shop.python_eggs.as_deref(), shop.switch_interval, shop.preload),
        (Some(&b"/eggs"[..]), Some(0.01), Preload::Off)
    );
    let blog = group("python=venv/bin/python3.12 display-name=blog processes=1 script-user=blog");
    assert_eq!(blog.python, Some(Python::Executable(text("/etc/apache2/venv/bin/python3.12"))));
    assert_eq!((&*blog.display_name, blog.processes, blog.multiprocess), (&b"blog"[..], 1, true));
    assert_eq!(blog.script_owner, Some(ScriptOwner::User(Account::Name(text("blog")))));
}

#[test]
fn zero_is_no_limit_or_the_default() {
    let shop = group(
        "queue-timeout=0 deadlock-timeout=0 shutdown-timeout=0 graceful-timeout=0 maximum-requests=0 memory-limit=0 \
         header-buffer-size=0 response-buffer-size=0 send-buffer-size=0 response-flush-delay=0 reload-wait=0 listen-backlog=0",
    );
    assert_eq!((shop.queue_timeout, shop.life.deadlock_timeout, shop.life.shutdown_timeout), (None, None, None));
    assert_eq!((shop.life.graceful_timeout, shop.life.graceful_explicit), (Duration::ZERO, true));
    assert_eq!((shop.life.maximum_requests, shop.memory_limit, shop.send_buffer_size), (None, None, None));
    assert_eq!((shop.header_buffer_size, shop.response_buffer_size), (32768, 8_388_608));
    assert_eq!((shop.response_flush_delay, shop.reload_wait, shop.listen_backlog), (Duration::ZERO, Duration::ZERO, 0));
}

#[test]
fn an_empty_value_means_none() {
    for option in ["supplementary-groups", "display-name", "python", "python-home", "python-path", "python-eggs"] {
        assert!(group(&format!("{option}=''")).says_the_same_as(&group("")), "{option}");
    }
    let shop = group("lang= locale=\"\" python-path=/a python-path='' python-home= /venv");
    assert_eq!((shop.lang.as_deref(), shop.locale.as_deref()), (Some(&b""[..]), Some(&b""[..])), "the variables are made empty");
    assert!(shop.python_path.is_empty(), "the last value counts");
    assert_eq!(shop.python, Some(Python::Home { prefix: text("/venv"), exec_prefix: None }));
    for option in OPTIONS.iter().filter(|option| !option.form.may_be_empty()) {
        let refused = refusal(&format!("{}=''", option.name));
        assert!(refused.contains(&format!("the option `{}=` has no value", option.name)), "{refused}");
    }
}

#[test]
fn every_number_is_digits_in_its_range() {
    for option in OPTIONS {
        let (Form::Small(range, ..) | Form::Large(range, ..)) = &option.form else { continue };
        let accepted = |value: String| Sample::default().read(&format!("WSGIDaemonProcess shop {}={value}", option.name)).is_ok();
        assert!(accepted(range.min.to_string()) && accepted(range.max.to_string()), "{}", option.name);
        assert!(!accepted((range.max + 1).to_string()), "{}", option.name);
        assert_eq!(accepted("0".to_owned()), range.or_zero || range.min == 0, "{}", option.name);
        if range.min > 1 {
            assert!(!accepted((range.min - 1).to_string()), "{}", option.name);
        }
        for junk in [
            "-1",
            "+1",
            "1x",
            "512T",
            "1.5",
            "0x10",
            "many",
            "1e3",
            "M",
            "s",
            "1mm",
            "99999999999999999999",
            "18446744073709551615G",
        ] {
            let refused = refusal(&format!("{}={junk}", option.name));
            let start = format!("WSGIDaemonProcess `shop`: `{}=` must be a whole number", option.name);
            assert!(refused.starts_with(&start) && refused.contains(&format!("found: `{junk}`. To fix: ")), "{refused}");
        }
    }
}

#[test]
fn sizes_and_times_may_have_units() {
    let limit = |value: &str| group(&format!("memory-limit={value}")).memory_limit;
    for (value, bytes) in [
        ("512M", 512 << 20),
        ("512m", 512 << 20),
        ("512MB", 512 << 20),
        ("512MiB", 512 << 20),
        ("16384K", 16 << 20),
        ("2G", 2 << 30),
        ("536870912B", 512 << 20),
        ("536870912", 512 << 20),
    ] {
        assert_eq!(limit(value), Some(bytes), "{value}");
    }
    let shop = group(
        "stack-size=512K response-buffer-size=1M request-timeout=5min queue-timeout=90s restart-interval=2h response-flush-delay=1s",
    );
    assert_eq!((shop.stack_size, shop.response_buffer_size), (Some(512 << 10), 1 << 20));
    assert_eq!((shop.request_timeout, shop.queue_timeout), (Some(Duration::from_secs(300)), Some(Duration::from_secs(90))));
    assert_eq!(shop.response_flush_delay, Duration::from_secs(1));
    assert_eq!(group("request-timeout=3000ms").request_timeout, Some(Duration::from_secs(3)));
    for (value, cause) in [
        ("request-timeout=500ms", "that gives whole seconds"),
        ("request-timeout=5M", "must be a whole number of seconds"),
        ("memory-limit=5s", "optionally followed by `K`, `M` or `G`"),
        ("processes=2K", "a number without a unit"),
        ("header-buffer-size=16", "To fix: write at least 8192 (without a unit, the number is in bytes), or remove the option"),
        ("memory-limit=4M", "To fix: write at least 8388608 (without a unit, the number is in bytes), which Python needs"),
    ] {
        assert!(refusal(value).contains(cause), "{value}: {}", refusal(value));
    }
}

#[test]
fn a_size_that_lacks_its_unit_is_refused_with_the_right_one() {
    let cases: &[(&str, &str)] = &[
        (
            "stack-size=512",
            "To fix: write `stack-size=512K` for 512 KB (without a unit, the number is in bytes), or remove the option",
        ),
        (
            "response-buffer-size=4096",
            "To fix: write at least 65536 (without a unit, the number is in bytes), or remove the option",
        ),
        (
            "memory-limit=512",
            "To fix: write `memory-limit=512M` for 512 MB (without a unit, the number is in bytes), or remove the option",
        ),
    ];
    for (options, cause) in cases {
        let refused = refusal(options);
        assert!(refused.contains(cause) && refused.contains("`shop`"), "{options}: {refused}");
    }
}

#[test]
fn a_wrong_value_is_refused_with_option_value_and_cure() {
    let cases: &[(&str, &str)] = &[
        ("user=root", "WSGI process blocked from running as root. WSGIDaemonProcess `shop` has user=`root`"),
        ("user=#0", "WSGI process blocked from running as root."),
        ("user=#abc", "`user=` must be the name of a user, or `#` and a user ID, found: `#abc`"),
        ("group=#-1", "`group=` must be the name of a group"),
        ("supplementary-groups=a,,b", "`supplementary-groups=` must be a comma-separated list of group names"),
        ("umask=8", "`umask=` must be an octal number from 0 to 0777, found: `8`"),
        ("umask=1000", "`umask=` must be an octal number"),
        ("umask=0o27", "`umask=` must be an octal number"),
        ("chroot=jail", "`chroot=` must be an absolute path, which begins with `/`, found: `jail`"),
        ("home=~shop", "`home=` must be an absolute path"),
        ("cpu-priority=21", "`cpu-priority=` must be a whole number from -20 to 20, found: `21`"),
        ("cpu-priority=-21", "`cpu-priority=` must be a whole number"),
        ("cpu-priority=--5", "`cpu-priority=` must be a whole number"),
        ("processes=0", "`processes=` must be a whole number from 1 to 1024, found: `0`"),
        ("processes=2147483647", "`processes=` must be a whole number from 1 to 1024"),
        ("threads=65534", "`threads=` must be a whole number from 0 to 65533"),
        ("send-buffer-size=511", "`send-buffer-size=` must be a whole number of bytes 0, or from 512 to 2147483647"),
        ("header-buffer-size=8191", "`header-buffer-size=` must be a whole number of bytes 0, or from 8192"),
        ("response-buffer-size=1", "`response-buffer-size=` must be a whole number of bytes 0, or from 65536"),
        ("stack-size=65535", "`stack-size=` must be a whole number of bytes from 65536 to 1073741824, found: `65535`"),
        ("stack-size=99999999999999", "`stack-size=` must be a whole number of bytes from 65536 to 1073741824"),
        ("memory-limit=1", "`memory-limit=` must be a whole number of bytes 0, or from 8388608 "),
        ("send-buffer-size=0x200", "To fix: write a number, optionally followed by `K`"),
        ("virtual-memory-limit=16777215", "`virtual-memory-limit=` must be a whole number of bytes 0, or from 16777216 "),
        ("switch-interval=0", "`switch-interval=` must be a number of seconds above 0"),
        ("server-metrics=yes", "`server-metrics=` must be one of: Off | On, found: `yes`"),
        ("preload=some", "`preload=` must be one of: Off | On | auto, found: `some`"),
        ("overlap=auto", "`overlap=` must be one of: Off | On, found: `auto`"),
        ("python=python3.12", "`python=` must be the path of an executable, found: `python3.12`"),
        ("python=/srv/venv/", "`python=` must be the path of an executable"),
        (
            "python-home=/srv/venv/bin/python",
            "found an executable: `/srv/venv/bin/python`. To fix: write `python=/srv/venv/bin/python`",
        ),
        ("python-home=/usr/bin/python3.11", "found an executable"),
        ("python-home=/a:/b:/c", "`python-home=` must be a directory, or two directories separated by a colon"),
        ("python-path=:", "`python-path=` must be a colon-separated list of directories"),
    ];
    for (options, cause) in cases {
        let refused = refusal(options);
        assert!(refused.contains(cause) && refused.contains(". To fix: ") && refused.contains("`shop`"), "{options}: {refused}");
    }
    for accepted in [
        "socket-user=root",
        "script-user=root",
        "script-group=root",
        "supplementary-groups=shadow",
        "python-home=/opt/python3",
        "umask=777",
        "cpu-priority=20",
    ] {
        group(accepted);
    }
}

#[test]
fn the_group_of_root_and_a_list_with_gaps_are_refused() {
    let cases: &[(&str, &str)] = &[
        ("group=root", "WSGI process blocked from running with the group of root. WSGIDaemonProcess `shop` has group=`root`"),
        ("group=#0", "WSGI process blocked from running with the group of root."),
        ("supplementary-groups=media,root", "WSGI process blocked from running with the group of root."),
        ("supplementary-groups=#0,media", "WSGI process blocked from running with the group of root."),
        ("env-inherit=PATH,,TZ", "`env-inherit=` must be `all`, `none`, or a comma-separated list of environment variables"),
        ("env-inherit=A=b", "`env-inherit=` must be"),
    ];
    for (options, cause) in cases {
        let refused = refusal(options);
        assert!(refused.contains(cause) && refused.contains(". To fix: ") && refused.contains("`shop`"), "{options}: {refused}");
    }
}
