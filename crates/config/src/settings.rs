/*! What the directives say, typed. Filled while Apache reads its configuration, frozen in `post_config`, read-only after.

Two values per defined_at, as in Apache itself: [`ServerConfig`] (one per virtual host) and [`DirectoryConfig`] (one per directory
section, `.htaccess` file, and one per server for what stands outside of sections). A directive that may stand in both a
server and a directory lives in [`DirectoryConfig`] alone: Apache merges the server's own one below every section's.
Merging happens at every request, so what is large is behind an `Arc`. *Runs in: parent (filled), child (read).* */

pub mod effective;
pub mod merge;
pub mod network;
pub mod proxy_header;
mod python_options;
pub mod section;
pub mod values;

use std::sync::Arc;

use self::network::Network;
use self::proxy_header::ProxyHeader;
use self::section::{GroupUse, SectionGroups};
use super::daemon::DaemonProcess;

pub use self::values::{GroupName, Text};

/// A compiled regular expression of `WSGIScriptAliasMatch`. Apache's own (`ap_regcomp`) at run time.
pub trait Pattern: Send + Sync {
    /// The byte ranges of the whole match and of each group in `subject`, or `None`. A group that took no part is `(0, 0)`.
    fn captures(&self, subject: &[u8]) -> Option<Vec<(usize, usize)>>;
}

/// What one `WSGIScriptAlias` or `WSGIScriptAliasMatch` maps.
#[derive(Clone)]
pub struct Alias {
    /// The URL path, or the regular expression as written.
    pub location: Text,
    /// The compiled expression, for `WSGIScriptAliasMatch`.
    pub pattern: Option<Arc<dyn Pattern>>,
    /// The file or directory, or the target with `$1`.
    pub target: Text,
    /// `process-group=`
    pub process_group: Option<GroupName>,
    /// `application-group=`
    pub application_group: Option<GroupName>,
    /// `callable-object=`
    pub callable_object: Option<CallableName>,
    /// `pass-authorization=`
    pub pass_authorization: Option<bool>,
    /// Where it stands, for messages: `file:line`.
    pub defined_at: Arc<str>,
    /// The how-manieth mapping of the whole configuration it is.
    pub order: u32,
}

impl std::fmt::Debug for Alias {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Alias({} to {} at {})", self.location.escape_ascii(), self.target.escape_ascii(), self.defined_at)
    }
}

/// `WSGICallableObject`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallableName {
    /// A module-level name.
    Literal(Text),
    /// `%{ENV:name}`
    Env(Text),
}

/// `WSGIMapHEADToGET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MapHead {
    /// Never.
    Off,
    /// Every HEAD.
    On,
    /// When an output filter needs the body.
    #[default]
    Auto,
}

/// `WSGIPythonHashSeed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashSeed {
    /// `random`
    Random,
    /// A fixed seed.
    Fixed(u32),
}

/// A script to load when a process starts: `WSGIImportScript`, or an alias that names both its groups literally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportScript {
    /// Path.
    pub script: Text,
    /// Process group; empty for embedded mode.
    pub process_group: Text,
    /// Application group; empty for the main interpreter.
    pub application_group: Text,
    /// `file:line`
    pub defined_at: Arc<str>,
    /// Its place among all mappings and imports of the configuration.
    pub order: u32,
}

/// One `WSGIHandlerScript`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerScript {
    /// The handler's name.
    pub handler: Text,
    /// Path of the script.
    pub script: Text,
    /// `process-group=`
    pub process_group: Option<GroupName>,
    /// `application-group=`
    pub application_group: Option<GroupName>,
    /// `pass-authorization=`
    pub pass_authorization: Option<bool>,
}

/// `WSGIPythonHome`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonHome {
    /// The virtualenv or the prefix.
    pub prefix: Text,
    /// `prefix:exec_prefix`: where the platform's own files are, if elsewhere.
    pub exec_prefix: Option<Text>,
    /// `file:line`
    pub defined_at: Arc<str>,
}

impl PythonHome {
    /// `prefix`, or `prefix:exec-prefix`.
    pub fn parts(&self) -> (&[u8], Option<&[u8]>) {
        (&self.prefix, self.exec_prefix.as_deref())
    }
}

/// Settings that the whole server has once (directives of context *server config* only).
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessSettings {
    /// `WSGIPythonHome`, with the place it stands at.
    pub python_home: Option<PythonHome>,
    /// `WSGIPythonPath`
    pub python_path: Vec<Text>,
    /// `WSGIPythonEggs`
    pub python_eggs: Option<Text>,
    /// `WSGIPythonOptimize`
    pub optimize: u8,
    /// `WSGIPythonWarnings`, in order.
    pub warnings: Vec<Text>,
    /// `WSGIPythonHashSeed`
    pub hash_seed: Option<HashSeed>,
    /// `WSGIDontWriteBytecode`
    pub dont_write_bytecode: bool,
    /// `WSGISwitchInterval`, seconds.
    pub switch_interval: Option<f64>,
    /// `WSGIDestroyInterpreter`
    pub destroy_interpreter: bool,
    /// `WSGIRestrictEmbedded`
    pub restrict_embedded: bool,
    /// `WSGIRestrictStdin`
    pub restrict_stdin: bool,
    /// `WSGIRestrictStdout`
    pub restrict_stdout: bool,
    /// `WSGIRestrictSignal`
    pub restrict_signal: bool,
    /// `WSGICaseSensitivity`
    pub case_sensitive: bool,
    /// `WSGISocketPrefix`
    pub socket_prefix: Option<Text>,
    /// `WSGISocketRotation`
    pub socket_rotation: bool,
    /// `WSGIServerMetrics`, which is for embedded mode alone.
    pub server_metrics: bool,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            python_home: None,
            python_path: Vec::new(),
            python_eggs: None,
            optimize: 0,
            warnings: Vec::new(),
            hash_seed: None,
            dont_write_bytecode: false,
            switch_interval: None,
            destroy_interpreter: true,
            restrict_embedded: false,
            restrict_stdin: false,
            restrict_stdout: false,
            restrict_signal: true,
            case_sensitive: true,
            socket_prefix: None,
            socket_rotation: true,
            server_metrics: false,
        }
    }
}

/// What one server (main or virtual host) says.
#[derive(Clone, Debug, Default)]
pub struct ServerConfig {
    /// In order of appearance; after merging the virtual host's own come first.
    pub aliases: Vec<Alias>,
    /// How many at the end of `aliases` a virtual host inherited.
    pub inherited: usize,
    /// The server's own, in order of appearance (a virtual host does not repeat the main server's).
    pub imports: Vec<ImportScript>,
    /// Only the main server's counts.
    pub process: ProcessSettings,
    /// The groups that the server declares itself, in order of appearance.
    pub daemons: Vec<Arc<DaemonProcess>>,
    /// What its directory sections say about groups, those that a virtual host inherited first, as httpd merges them.
    pub sections: Vec<SectionGroups>,
    /// Where the server itself names a process group, sections included.
    pub uses: Vec<GroupUse>,
}

/// What one directory section (or a server outside of sections) says. `None`: not said here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DirectoryConfig {
    /// `WSGIProcessGroup`
    pub process_group: Option<GroupName>,
    /// `WSGIApplicationGroup`
    pub application_group: Option<GroupName>,
    /// `WSGICallableObject`
    pub callable_object: Option<CallableName>,
    /// `WSGIScriptReloading` (default On)
    pub script_reloading: Option<bool>,
    /// `WSGIPassAuthorization` (default Off)
    pub pass_authorization: Option<bool>,
    /// `WSGIPassApacheRequest` (default Off)
    pub pass_apache_request: Option<bool>,
    /// `WSGIChunkedRequest` (default Off)
    pub chunked_request: Option<bool>,
    /// `WSGIMapHEADToGET` (default Auto)
    pub map_head: Option<MapHead>,
    /// `WSGIEnableSendfile` (default Off)
    pub enable_sendfile: Option<bool>,
    /// `WSGIErrorOverride` (default Off)
    pub error_override: Option<bool>,
    /// `WSGITrustedProxies`; a child context that names any replaces its parent's.
    pub trusted_proxies: Option<Arc<[Network]>>,
    /// `WSGITrustedProxyHeaders`, in order; same rule.
    pub trusted_proxy_headers: Option<Arc<[&'static ProxyHeader]>>,
    /// `WSGIHandlerScript`; a child overlays its parent by handler name.
    pub handler_scripts: Option<Arc<[HandlerScript]>>,
    /// `WSGIRestrictProcess`: the process groups that may be used, the empty name for embedded mode. A child context that names any
    /// replaces its parent's.
    pub restrict_process: Option<Arc<[Text]>>,
    /// `WSGIIgnoreActivity` (default Off)
    pub ignore_activity: Option<bool>,
}
