/*! What holds for one request: the options of the alias that mapped it before the directives, the directives before the defaults.

*Runs in: child, once per request; nothing is copied.* */

use std::sync::Arc;

use super::network::Network;
use super::proxy_header::ProxyHeader;
use super::{Alias, CallableName, DirectoryConfig, GroupName, HandlerScript, MapHead, Text};

/// The settings of one request, each with a value.
#[derive(Clone, Copy, Debug)]
pub struct RequestSettings<'c> {
    /// Process group; [`GroupName::Global`] is embedded mode.
    pub process_group: &'c GroupName,
    /// Application group; `%{RESOURCE}` when nothing names one.
    pub application_group: &'c GroupName,
    /// The callable; `None` is `application` (`handle_request` for a handler script).
    pub callable_object: Option<&'c CallableName>,
    /// `WSGIScriptReloading`
    pub script_reloading: bool,
    /// `WSGIPassAuthorization`; `None` when nothing is said, which is as `Off`.
    pub pass_authorization: Option<bool>,
    /// `WSGIPassApacheRequest`
    pub pass_apache_request: bool,
    /// `WSGIChunkedRequest`
    pub chunked_request: bool,
    /// `WSGIMapHEADToGET`
    pub map_head: MapHead,
    /// `WSGIEnableSendfile`
    pub enable_sendfile: bool,
    /// `WSGIErrorOverride`
    pub error_override: bool,
    /// `WSGITrustedProxies`; `None` when nobody is named, so that every peer is trusted.
    pub trusted_proxies: Option<&'c [Network]>,
    /// `WSGIRestrictProcess`; `None` when every process group may be used.
    pub restrict_process: Option<&'c [Text]>,
    /// `WSGIIgnoreActivity`
    pub ignore_activity: bool,
    /// `WSGITrustedProxyHeaders`, in order.
    pub trusted_proxy_headers: &'c [&'static ProxyHeader],
}

impl<'c> RequestSettings<'c> {
    /// Joins what the request's directory says with the options of the alias, or of the handler script, that mapped it.
    pub fn new(directory: &'c DirectoryConfig, alias: Option<&'c Alias>, handler: Option<&'c HandlerScript>) -> Self {
        let options_process = alias.map_or_else(|| handler.and_then(|h| h.process_group.as_ref()), |a| a.process_group.as_ref());
        let options_application =
            alias.map_or_else(|| handler.and_then(|h| h.application_group.as_ref()), |a| a.application_group.as_ref());
        let options_authorization = alias.map_or_else(|| handler.and_then(|h| h.pass_authorization), |a| a.pass_authorization);
        let callable = match (handler, alias) {
            (Some(_), _) => None,
            (None, alias) => alias.and_then(|a| a.callable_object.as_ref()).or(directory.callable_object.as_ref()),
        };
        Self {
            process_group: options_process.or(directory.process_group.as_ref()).unwrap_or(&GroupName::Global),
            application_group: options_application.or(directory.application_group.as_ref()).unwrap_or(&GroupName::Resource),
            callable_object: callable,
            script_reloading: directory.script_reloading.unwrap_or(true),
            pass_authorization: options_authorization.or(directory.pass_authorization),
            pass_apache_request: directory.pass_apache_request.unwrap_or(false),
            chunked_request: directory.chunked_request.unwrap_or(false),
            map_head: directory.map_head.unwrap_or_default(),
            enable_sendfile: directory.enable_sendfile.unwrap_or(false),
            error_override: directory.error_override.unwrap_or(false),
            restrict_process: directory.restrict_process.as_deref(),
            ignore_activity: directory.ignore_activity.unwrap_or(false),
            trusted_proxies: directory.trusted_proxies.as_deref(),
            trusted_proxy_headers: directory.trusted_proxy_headers.as_ref().map_or(&[], Arc::as_ref),
        }
    }

    /// Whether the resolved process group (the empty name is embedded mode) may be used.
    pub fn permits(&self, process_group: &[u8]) -> bool {
        self.restrict_process.is_none_or(|permitted| permitted.iter().any(|name| **name == *process_group))
    }
}

#[cfg(test)]
mod tests {
    use super::RequestSettings;
    use crate::DirectoryConfig;
    use crate::settings::{CallableName, GroupName, MapHead};
    use crate::test_support::Sample;

    #[test]
    fn silence_means_the_documented_defaults() {
        let directory = DirectoryConfig::default();
        let settings = RequestSettings::new(&directory, None, None);
        assert_eq!((settings.process_group, settings.application_group), (&GroupName::Global, &GroupName::Resource));
        assert_eq!(settings.callable_object, None);
        assert!(settings.script_reloading);
        assert!(settings.pass_authorization.is_none() && !settings.pass_apache_request && !settings.chunked_request);
        assert!(!settings.enable_sendfile && !settings.error_override && !settings.ignore_activity);
        assert!(settings.permits(b"") && settings.permits(b"shop"));
        assert_eq!(settings.map_head, MapHead::Auto);
        assert!(settings.trusted_proxies.is_none() && settings.trusted_proxy_headers.is_empty());
    }

    #[test]
    fn only_the_groups_that_are_listed_may_be_used() {
        let lines = ["WSGIRestrictProcess shop", "WSGIRestrictProcess blog", "WSGIIgnoreActivity On"];
        let directory = Sample::of(&lines).directory;
        let settings = RequestSettings::new(&directory, None, None);
        assert!(settings.ignore_activity);
        for (group, permitted) in [("shop", true), ("blog", true), ("Shop", false), ("", false)] {
            assert_eq!(settings.permits(group.as_bytes()), permitted, "{group}");
        }
        let directory = Sample::of(&["WSGIRestrictProcess %{GLOBAL}"]).directory;
        assert!(RequestSettings::new(&directory, None, None).permits(b""));
        assert!(!RequestSettings::new(&directory, None, None).permits(b"shop"));
    }

    const SECTION: &[&str] = &[
        "WSGIProcessGroup %{ENV:X}",
        "WSGIApplicationGroup section",
        "WSGICallableObject section",
        "WSGIPassAuthorization On",
        "WSGIScriptReloading Off",
    ];

    #[test]
    fn an_aliass_options_override_the_directives() {
        let section = Sample::of(SECTION).directory;
        let alias =
            "WSGIScriptAlias / /a process-group=%{GLOBAL} application-group=alias callable-object=alias pass-authorization=Off";
        let with = Sample::of(&[alias]).server;
        let without = Sample::of(&["WSGIScriptAlias / /a"]).server;
        let literal = |name: &str| GroupName::Literal(name.as_bytes().into());
        let callable = |name: &str| CallableName::Literal(name.as_bytes().into());

        let settings = RequestSettings::new(&section, with.aliases.first(), None);
        assert_eq!((settings.process_group, settings.application_group), (&GroupName::Global, &literal("alias")));
        assert_eq!(settings.callable_object, Some(&callable("alias")));
        assert!(settings.pass_authorization == Some(false) && !settings.script_reloading);

        let settings = RequestSettings::new(&section, without.aliases.first(), None);
        assert_eq!(settings.application_group, &literal("section"));
        assert_eq!(settings.callable_object, Some(&callable("section")));
        assert_eq!(settings.pass_authorization, Some(true));
    }

    #[test]
    fn a_handler_scripts_options_override_the_directives_and_its_callable_is_fixed() {
        let mut section = Sample::of(SECTION);
        section.add(&["WSGIHandlerScript h /h application-group=handler pass-authorization=Off"]);
        let handler = section.directory.handler_scripts.as_deref().and_then(<[_]>::first);
        let settings = RequestSettings::new(&section.directory, None, handler);
        assert_eq!(settings.application_group, &GroupName::Literal(b"handler".as_slice().into()));
        assert_eq!(settings.process_group, &GroupName::Env(b"X".as_slice().into()));
        assert_eq!(settings.callable_object, None);
        assert_eq!(settings.pass_authorization, Some(false));
    }
}
