/*! What is wrong or strange in the configuration: numbers 1001 to 1049. */

log_codes! {
    1001 PANIC Error "internal error in mod_wsgi_rs"
        cause "A defect of mod_wsgi_rs itself: a part of it panicked. The line names the place."
        did "The request concerned was answered with 500 (or the callback's own way to say no); the server goes on."
        cure "Report the line, with the request that led to it.";
    1010 ALIAS_SHADOWED Warning "an alias is never used"
        cause "An alias further up matches every URL that this one matches, and the first match wins."
        did "The configuration is used as it is."
        cure "Remove one of the two, or move the alias with the longer URL path before the shorter one.";
    1011 ALIAS_NEVER_MATCHES Warning "an alias matches no URL"
        cause "The URL path of the alias does not begin with a slash, as the path of every URL does."
        did "The configuration is used as it is."
        cure "Begin the URL path with `/`.";
    1012 PROXY_HEADERS_FROM_ANYONE Warning "proxy headers are believed from every client"
        cause "`WSGITrustedProxyHeaders` is set without `WSGITrustedProxies`, which trusts every peer, as mod_wsgi does."
        did "The configuration is used as it is: a client can choose the address, host or scheme that the application sees."
        cure "Name the proxies with `WSGITrustedProxies`.";
    1013 EMBEDDED_FORBIDDEN_BUT_MAPPED Warning "an alias runs in embedded mode, which is forbidden"
        cause "`WSGIRestrictEmbedded On` stands beside an alias that runs in Apache's own processes."
        did "The configuration is used as it is; requests for the alias get 500."
        cure "Remove `WSGIRestrictEmbedded On`, or give the application a process group of `WSGIDaemonProcess`.";
    1014 UNKNOWN_NAME_FORM Warning "a group name looks like a form, but is none"
        cause "The name begins with `%`, but is none of the forms that are replaced for each request. Probably it is misspelt."
        did "It is used literally, as mod_wsgi does."
        cure "Write `%{GLOBAL}`, `%{SERVER}`, `%{RESOURCE}`, `%{HOST}` or `%{ENV:name}`.";
    1015 DIRECTIVE_WITHOUT_EFFECT Info "a directive does nothing"
        cause "The directive is accepted because old configurations have it, and there is nothing for it to do in this design."
        did "It was ignored."
        cure "Remove it.";
    1016 DAEMON_OPTION_WITHOUT_EFFECT Warning "an option of a daemon group does nothing"
        cause "The option needs another one that is not set, or the group is a service (`threads=0`) and gets no requests."
        did "The configuration is used as it is."
        cure "Do what the line says, or remove the option.";
    1017 GROUP_UNUSED Warning "no URL leads to a daemon group"
        cause "`WSGIDaemonProcess` declares the group, but no `WSGIProcessGroup` and no `process-group=` that may use it names it. What names no group runs in embedded mode."
        did "The group's processes are started and will never get a request."
        cure "Name the group with `WSGIProcessGroup` or `process-group=`, or remove it.";
    1018 GROUP_NOT_DEFINED Error "a process group is not defined"
        cause "A server names a process group that no `WSGIDaemonProcess` declares. Names are compared letter by letter."
        did "Configtest fails. A server that was started all the same answers requests for the group with 500."
        cure "Declare the group with `WSGIDaemonProcess`, or correct the name.";
    1019 SECTION_GROUP_NOT_DEFINED Warning "a section names a process group that is not defined"
        cause "A directory section names a process group that no `WSGIDaemonProcess` declares. Names are compared letter by letter."
        did "Requests that enter the section are answered with 500."
        cure "Declare the group with `WSGIDaemonProcess`, or correct the name.";
    1020 GROUP_NOT_ACCESSIBLE Error "a process group belongs to another virtual host"
        cause "A group that is declared inside `<VirtualHost>` is for virtual hosts of the same `ServerName` alone, and this one has another."
        did "Configtest fails. A server that was started all the same answers such requests with 500, and loads no script there."
        cure "Declare the group outside of `<VirtualHost>`, or repeat the same line in this virtual host.";
    1021 SERVICE_GROUP_MISUSED Warning "a service group has no service, or is given requests"
        cause "`threads=0` makes a group a service: its `WSGIImportScript`s run, and it answers no requests."
        did "The configuration is used as it is; requests for the group get 503."
        cure "Give the group threads, or a `WSGIImportScript`.";
    1022 DAEMON_ACCOUNT_UNKNOWN Warning "a user or group of the system does not exist"
        cause "An option of `WSGIDaemonProcess` names a user or a group that this machine does not have."
        did "Everything else is served; requests for the daemon group get 503."
        cure "Make the user or the group, or correct the name.";
    1023 DAEMON_AS_ROOT Warning "a daemon group would run as root"
        cause "The user that the group would run as has the number 0, or its group has, or one of its supplementary groups."
        did "Everything else is served; requests for the group get 503."
        cure "Name an ordinary user with `user=`, an ordinary group with `group=`, and with `supplementary-groups=` those that the application needs.";
    1024 DAEMON_NEEDS_ROOT Error "an option of a daemon group needs root"
        cause "`chroot=`, `supplementary-groups=` and a negative `cpu-priority=` are root's alone, and httpd was not started as root."
        did "Configtest fails. A server that was started all the same answers requests for the group with 503."
        cure "Start httpd as root, or remove the option.";
    1025 DAEMON_IDENTITY_IGNORED Warning "a daemon group runs as httpd's own user"
        cause "`user=` or `group=` names somebody else, which only an httpd that is started as root can become."
        did "The group's processes run as the user who started httpd."
        cure "Start httpd as root, or remove the option.";
    1026 SOCKET_PATH_TOO_LONG Error "the path of a socket is too long"
        cause "The path of a Unix socket has at most 107 bytes."
        did "Configtest fails. A server that was started all the same answers requests for the group with 503."
        cure "Choose a shorter directory with `WSGISocketPrefix`.";
}
