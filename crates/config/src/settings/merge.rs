/*! How an inner context inherits from the one around it.

Apache merges servers once, when the configuration is read, and directories at every request: so [`directory`] only copies
small values and counts references. *Runs in: parent (servers), child (directories).* */

use std::sync::Arc;

use super::{DirectoryConfig, HandlerScript, ServerConfig};

/// A virtual host below the main server: its own aliases first, then the main server's; sections the other way round, because the later
/// one wins there. What the whole server has once (process settings) is the main server's alone; what is collected over all servers
/// (import scripts, daemon groups and where they are named) is not repeated.
pub fn server(main: &ServerConfig, host: &ServerConfig) -> ServerConfig {
    ServerConfig {
        aliases: host.aliases.iter().chain(&main.aliases).cloned().collect(),
        inherited: main.aliases.len(),
        imports: host.imports.clone(),
        process: main.process.clone(),
        daemons: host.daemons.clone(),
        sections: main.sections.iter().chain(&host.sections).cloned().collect(),
        uses: host.uses.clone(),
    }
}

/// A section below the one around it: what the inner one says wins. Lists replace each other, only handler scripts are
/// joined by the handler's name.
pub fn directory(outer: &DirectoryConfig, inner: &DirectoryConfig) -> DirectoryConfig {
    DirectoryConfig {
        process_group: inner.process_group.as_ref().or(outer.process_group.as_ref()).cloned(),
        application_group: inner.application_group.as_ref().or(outer.application_group.as_ref()).cloned(),
        callable_object: inner.callable_object.as_ref().or(outer.callable_object.as_ref()).cloned(),
        script_reloading: inner.script_reloading.or(outer.script_reloading),
        pass_authorization: inner.pass_authorization.or(outer.pass_authorization),
        pass_apache_request: inner.pass_apache_request.or(outer.pass_apache_request),
        chunked_request: inner.chunked_request.or(outer.chunked_request),
        map_head: inner.map_head.or(outer.map_head),
        enable_sendfile: inner.enable_sendfile.or(outer.enable_sendfile),
        error_override: inner.error_override.or(outer.error_override),
        trusted_proxies: inner.trusted_proxies.as_ref().or(outer.trusted_proxies.as_ref()).cloned(),
        trusted_proxy_headers: inner.trusted_proxy_headers.as_ref().or(outer.trusted_proxy_headers.as_ref()).cloned(),
        restrict_process: inner.restrict_process.as_ref().or(outer.restrict_process.as_ref()).cloned(),
        ignore_activity: inner.ignore_activity.or(outer.ignore_activity),
        handler_scripts: handler_scripts(outer.handler_scripts.as_ref(), inner.handler_scripts.as_ref()),
    }
}

fn handler_scripts(outer: Option<&Arc<[HandlerScript]>>, inner: Option<&Arc<[HandlerScript]>>) -> Option<Arc<[HandlerScript]>> {
    let (Some(outer), Some(inner)) = (outer, inner) else {
        return inner.or(outer).cloned();
    };
    let hidden = |script: &&HandlerScript| !inner.iter().any(|own| own.handler == script.handler);
    Some(inner.iter().chain(outer.iter().filter(hidden)).cloned().collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{directory, server};
    use crate::DirectoryConfig;
    use crate::test_support::Sample;

    /// One line for every setting of a directory, and another value for each.
    const EVERYTHING: &[(&str, &str)] = &[
        ("WSGIProcessGroup %{GLOBAL}", "WSGIProcessGroup %{ENV:X}"),
        ("WSGIApplicationGroup a", "WSGIApplicationGroup b"),
        ("WSGICallableObject a", "WSGICallableObject b"),
        ("WSGIScriptReloading On", "WSGIScriptReloading Off"),
        ("WSGIPassAuthorization On", "WSGIPassAuthorization Off"),
        ("WSGIPassApacheRequest On", "WSGIPassApacheRequest Off"),
        ("WSGIChunkedRequest On", "WSGIChunkedRequest Off"),
        ("WSGIMapHEADToGET On", "WSGIMapHEADToGET Off"),
        ("WSGIEnableSendfile On", "WSGIEnableSendfile Off"),
        ("WSGIErrorOverride On", "WSGIErrorOverride Off"),
        ("WSGIIgnoreActivity On", "WSGIIgnoreActivity Off"),
        ("WSGIRestrictProcess a", "WSGIRestrictProcess b"),
        ("WSGITrustedProxies 10.", "WSGITrustedProxies 11."),
        ("WSGITrustedProxyHeaders X-Host", "WSGITrustedProxyHeaders X-Scheme"),
    ];

    #[test]
    fn the_inner_place_wins_and_silence_inherits() {
        let one = |line: &str| Sample::of(&[line]).directory;
        for (outer, inner) in EVERYTHING {
            assert_ne!(one(outer), one(inner), "{outer}");
            assert_ne!(one(outer), DirectoryConfig::default(), "{outer}");
            assert_eq!(directory(&one(outer), &one(inner)), one(inner), "{inner}");
            assert_eq!(directory(&one(outer), &DirectoryConfig::default()), one(outer), "{outer}");
            assert_eq!(directory(&DirectoryConfig::default(), &one(inner)), one(inner), "{inner}");
        }
    }

    #[test]
    fn handler_scripts_are_overlaid_by_name() {
        let outer = Sample::of(&["WSGIHandlerScript a /outer-a", "WSGIHandlerScript b /outer-b"]).directory;
        let inner = Sample::of(&["WSGIHandlerScript b /inner-b", "WSGIHandlerScript c /inner-c"]).directory;
        let merged = directory(&outer, &inner).handler_scripts.unwrap();
        let mut found: Vec<(&[u8], &[u8])> = merged.iter().map(|script| (&*script.handler, &*script.script)).collect();
        found.sort_unstable();
        assert_eq!(found, [(b"a".as_slice(), b"/outer-a".as_slice()), (b"b", b"/inner-b"), (b"c", b"/inner-c")]);
        assert_eq!(directory(&outer, &DirectoryConfig::default()).handler_scripts, outer.handler_scripts);
    }

    #[test]
    fn a_virtual_hosts_own_aliases_come_first() {
        let main = Sample::of(&["WSGIScriptAlias /a /main", "WSGICaseSensitivity Off", IMPORT, "WSGIDaemonProcess m"]);
        let host = Sample::of(&["WSGIScriptAlias /b /host", "WSGIScriptAlias /c /host", "WSGIDaemonProcess h"]);
        let merged = server(&main.server, &host.server);
        let locations: Vec<&[u8]> = merged.aliases.iter().map(|alias| &*alias.location).collect();
        assert_eq!(locations, [b"/b", b"/c", b"/a"]);
        assert_eq!(merged.inherited, 1);
        assert!(!merged.process.case_sensitive, "the process is the main server's");
        assert!(merged.imports.is_empty(), "imports are not repeated");
        let groups: Vec<&[u8]> = merged.daemons.iter().map(|daemon| &*daemon.name).collect();
        assert_eq!(groups, [b"h"], "groups are not repeated");
    }

    const IMPORT: &str = "WSGIImportScript /x process-group=%{GLOBAL} application-group=x";
}
