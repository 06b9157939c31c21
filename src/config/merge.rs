/*! How an inner context inherits from the one around it.

Apache merges servers once, when the configuration is read, and directories at every request: so [`directory`] only copies
small values and counts references. *Runs in: parent (servers), child (directories).* */

use std::sync::Arc;

use super::settings::{DirectoryConfig, HandlerScript, ServerConfig};

/// A virtual host below the main server: its own aliases first, then the main server's. What the whole server has once
/// (process settings, import scripts) is the main server's alone.
pub fn server(main: &ServerConfig, host: &ServerConfig) -> ServerConfig {
    ServerConfig {
        aliases: host.aliases.iter().chain(&main.aliases).cloned().collect(),
        inherited: main.aliases.len(),
        imports: host.imports.clone(),
        process: main.process.clone(),
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
