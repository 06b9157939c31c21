/*! Messages about errors and suspicious settings in the configuration: numbers 1001 to 1049. */

log_codes! {
    1001 PANIC Error "internal error in mod_wsgi_rs"
        cause "mod_wsgi_rs has a defect: one of its functions panicked. The message names the source file and line."
        did "The request got 500, or the callback returned its error value. The server continues to run."
        cure "Report the message, together with the request that led to it.";
    1010 ALIAS_SHADOWED Warning "an alias is never used"
        cause "An earlier alias matches every URL that this one matches, and the first match is used."
        did "The configuration was accepted."
        cure "Remove one of the two aliases, or move the alias with the longer URL path before the other one.";
    1011 ALIAS_NEVER_MATCHES Warning "an alias matches no URL"
        cause "The URL path of the alias does not begin with a slash. The path of every request does."
        did "The configuration was accepted."
        cure "Begin the URL path with `/`.";
    1012 PROXY_HEADERS_FROM_ANYONE Warning "proxy headers are trusted from every client"
        cause "`WSGITrustedProxyHeaders` is set without `WSGITrustedProxies`. As in mod_wsgi, this trusts every client."
        did "The configuration was accepted. A client can choose the address, host or scheme that the application sees."
        cure "List the addresses of the proxies in `WSGITrustedProxies`.";
    1013 EMBEDDED_FORBIDDEN_BUT_MAPPED Warning "an alias uses embedded mode, which is forbidden"
        cause "`WSGIRestrictEmbedded On` is set, and the alias has no process group, so it would run in httpd's child processes."
        did "The configuration was accepted. Requests for the alias get 500."
        cure "Remove `WSGIRestrictEmbedded On`, or assign the application to a process group of `WSGIDaemonProcess`.";
    1014 UNKNOWN_NAME_FORM Warning "a group name looks like an unknown variable"
        cause "The name begins with `%`, but is none of the forms that are expanded for each request. It is probably misspelled."
        did "The name was used literally, as in mod_wsgi."
        cure "Write `%{GLOBAL}`, `%{SERVER}`, `%{RESOURCE}`, `%{HOST}` or `%{ENV:name}`.";
    1015 DIRECTIVE_WITHOUT_EFFECT Info "a directive has no effect"
        cause "The directive is accepted for compatibility with old configurations. It has no function in mod_wsgi_rs."
        did "The directive was ignored."
        cure "Remove the directive.";
    1016 DAEMON_OPTION_WITHOUT_EFFECT Warning "an option of a process group has no effect"
        cause "The option requires another option that is not set, or the group is a service (`threads=0`) and serves no requests."
        did "The configuration was accepted."
        cure "Set the option that the message names, or remove this one.";
    1017 GROUP_UNUSED Warning "a process group is not used"
        cause "`WSGIDaemonProcess` declares the group, but no `WSGIProcessGroup` or `process-group=` that may use it names it. Applications without a process group run in embedded mode."
        did "The processes of the group are started, but never get a request."
        cure "Name the group in `WSGIProcessGroup` or `process-group=`, or remove its `WSGIDaemonProcess`.";
    1018 GROUP_NOT_DEFINED Error "a process group is not defined"
        cause "A virtual host or the main server names a process group that no `WSGIDaemonProcess` declares. Names are case-sensitive."
        did "Configtest fails. If httpd was started nevertheless, requests for the group get 500."
        cure "Declare the group with `WSGIDaemonProcess`, or correct the name.";
    1019 SECTION_GROUP_NOT_DEFINED Warning "a section names a process group that is not defined"
        cause "A section such as `<Directory>` or `<Location>` names a process group that no `WSGIDaemonProcess` declares. Names are case-sensitive."
        did "The configuration was accepted. Requests to which the section applies get 500."
        cure "Declare the group with `WSGIDaemonProcess`, or correct the name.";
    1020 GROUP_NOT_ACCESSIBLE Error "a process group belongs to another virtual host"
        cause "A group that is declared inside `<VirtualHost>` is available only to virtual hosts with the same `ServerName`. This virtual host has a different one."
        did "Configtest fails. If httpd was started nevertheless, such requests get 500, and no script is loaded in the group for them."
        cure "Declare the group outside of `<VirtualHost>`, or repeat the same declaration in this virtual host.";
    1021 SERVICE_GROUP_MISUSED Warning "a service group has no script to run, or is assigned to requests"
        cause "`threads=0` makes a group a service: it runs its `WSGIImportScript`s and serves no requests."
        did "The configuration was accepted. Requests for the group get 503."
        cure "Set `threads=` to at least 1, or give the group a `WSGIImportScript`.";
    1022 DAEMON_ACCOUNT_UNKNOWN Warning "a system user or group does not exist"
        cause "An option of `WSGIDaemonProcess` names a user or a group that this machine does not have."
        did "Requests for the process group get 503. httpd serves everything else."
        cure "Create the user or the group, or correct the name.";
    1023 DAEMON_AS_ROOT Warning "a process group would run as root"
        cause "The user ID of the process group, its group ID, or one of its supplementary group IDs is 0."
        did "Requests for the process group get 503. httpd serves everything else."
        cure "Set `user=` to an unprivileged user, `group=` to an unprivileged group, and `supplementary-groups=` to the groups that the application needs.";
    1024 DAEMON_NEEDS_ROOT Error "an option of a process group requires root"
        cause "Only root may use `chroot=`, `supplementary-groups=` and a negative `cpu-priority=`, and httpd was not started as root."
        did "Configtest fails. If httpd was started nevertheless, requests for the process group get 503."
        cure "Start httpd as root, or remove the option.";
    1025 DAEMON_IDENTITY_IGNORED Warning "user= or group= of a process group was ignored"
        cause "The option names a user or group other than the one that started httpd. Only an httpd that root starts can change to it."
        did "The processes of the group run as the user who started httpd."
        cure "Start httpd as root, or remove the option.";
    1026 SOCKET_PATH_TOO_LONG Error "the path of a socket is too long"
        cause "The path of a Unix socket has at most 107 bytes."
        did "Configtest fails. If httpd was started nevertheless, requests for the process group get 503."
        cure "Set `WSGISocketPrefix` to a shorter path.";
}
