/*! The handler: puts a request's facts together, has the application run, and ends the response. *Runs in: child.* */

use std::borrow::Cow;
use std::ffi::CString;

use protocol::embedded::RequestFlags;

use super::backend::Backend;
use super::environ::authorization;
use super::environ::variables;
use super::environ::{self, Facts};
use super::mapping::group_name::{self, RequestFacts, Resolved};
use super::mapping::route;
use super::mapping::script::Script;
use super::precheck;
use crate::httpd::configuration::module_config;
use crate::httpd::status::Answer;
use crate::httpd::{Log, Request, Status};
use crate::request::conversation::{Call, Conversation};
use crate::request::environ::Environ;
use crate::request::failure::Failure;
use crate::request::group_failure::GroupFailure;
use crate::request::request_body::RequestBody;
use crate::request::response_body::{Ending, ResponseBody};
use config::RequestSettings;
use config::daemon::chroot;

/// How long a client should wait before it tries again, seconds.
const RETRY_AFTER: &std::ffi::CStr = c"10";

/// Answers a request if it is one for this module.
pub fn handle(request: Request<'_>) -> Answer {
    let directory = module_config::of_request(request);
    let Some(script) = Script::of(request, directory) else { return Answer::Declined };
    let settings = RequestSettings::new(directory, script.alias(), script.handler());
    match precheck::check(request, script, &settings).and_then(|()| run(request, script, &settings)) {
        Ok(answer) => answer,
        Err(failure) => refuse(request, script, &failure),
    }
}

/// Says why, in the log and by the status.
fn refuse(request: Request<'_>, script: Script<'_>, failure: &Failure<'_>) -> Answer {
    Log::Request(request).line(failure.code().level, format_args!("{}", failure.message(script.alias())));
    if failure.status() == 503 {
        request.error_headers_out().set(c"Retry-After", RETRY_AFTER);
    }
    Answer::Http(failure.status())
}

fn run<'r>(request: Request<'r>, script: Script<'r>, settings: &RequestSettings<'r>) -> Result<Answer, Failure<'r>> {
    let process = &module_config::of_server(request.server()).process;
    let (script_name, path_info) = route::split_url(request.uri(), request.path_info());
    let by_path = script.alias().is_some_and(|alias| alias.pattern.is_none());
    let names = Names { request, script_name: &script_name, by_path, case_sensitive: process.case_sensitive };
    let process_group = group_name::process_group(settings.process_group, &names);
    let name = request.pool().string(&process_group).to_bytes();
    if !settings.permits(&process_group) {
        return Err(Failure::Group { name, declared: None, failure: GroupFailure::Restricted });
    }
    let backend = Backend::of(name, process.restrict_embedded, request)?;
    request.fill_environment();
    let group = group_name::application_group(settings.application_group, &names, backend.main_group());
    let callable: Cow<'_, [u8]> = match script {
        Script::File { .. } => group_name::callable(settings.callable_object, &names),
        Script::Handler(_) => Cow::Borrowed(b"handle_request"),
    };
    let port = request.connection().local_port().to_string();
    // A line in the log gives the connection an id: whether it had one before is what counts.
    let connection_id = request.connection().log_id();
    let facts = Facts {
        head_as_get: request.is_head() && environ::shows_head_as_get(settings.map_head, request.has_content_filter()),
        tls: request.connection().is_tls(),
        authorization: authorization::passed(request, settings),
        script_name: &script_name,
        path_info: &path_info,
        process_group: backend.process_group(),
        application_group: &group.name,
        callable_object: &callable,
        request_handler: request.handler().unwrap_or_default(),
        handler_script: script.handler().map_or(b"", |handler| &handler.script),
        listener_host: request.connection().local_host(),
        listener_port: port.as_bytes(),
        server_pid: backend.server_pid(),
        request_id: request.log_id(),
        connection_id,
        trusted_proxies: settings.trusted_proxies,
        trusted_proxy_headers: settings.trusted_proxy_headers,
        chroot: backend.chroot(),
    };
    let table = request.environment().entries().map(|(name, value)| (name.to_bytes(), value));
    let environ = environ::build(table, &facts);
    variables::publish(request, &facts, &environ);
    let call = Call {
        environ: &environ,
        script: chroot::as_seen(backend.chroot(), script.path(request)),
        script_mtime: script.handler().is_none().then(|| request.file_mtime()).flatten(),
        resource: chroot::as_seen(backend.chroot(), request.filename()),
        interpreter: group.interpreter(),
        callable: &callable,
        flags: flags(request, settings, &environ, &group),
        pass_request: settings.pass_apache_request,
    };
    Ok(converse(request, settings, backend, &call))
}

fn flags(request: Request<'_>, settings: &RequestSettings<'_>, environ: &Environ<'_>, group: &Resolved<'_>) -> RequestFlags {
    let bits = [
        (settings.script_reloading, RequestFlags::RELOAD),
        (settings.ignore_activity, RequestFlags::IGNORE_ACTIVITY),
        (environ.https, RequestFlags::HTTPS),
        // A filter that works on content (deflate) makes its headers from the body; httpd drops it for the client.
        (request.is_head() && !request.has_content_filter(), RequestFlags::HEAD),
        (request.is_head(), RequestFlags::ASKED_BY_HEAD),
        (group.dynamic, RequestFlags::DYNAMIC_GROUP),
    ];
    bits.into_iter().filter(|(holds, _)| *holds).map(|(_, bit)| bit).collect()
}

fn converse(request: Request<'_>, settings: &RequestSettings<'_>, backend: Backend, call: &Call<'_>) -> Answer {
    let mut conversation = Conversation {
        request,
        input: RequestBody::new(request),
        output: ResponseBody::new(request, settings.error_override && backend.may_override_errors(), settings.enable_sendfile),
    };
    let ending = backend.run(&mut conversation, call);
    #[cfg(feature = "test-faults")]
    crate::httpd::faults::in_handler(Log::Request(request));
    let ending = match (conversation.input.failure(), ending) {
        // What the application made of an upload that broke off matters less than why it did, while that can still be said.
        (Some(failure), Ending::Failed(500)) => Ending::Failed(failure.status()),
        (Some(failure), Ending::Done) if failure.status() == 413 && !conversation.output.is_sent() => Ending::Failed(413),
        (_, ending) => ending,
    };
    if ending == Ending::Failed(503) {
        request.error_headers_out().set(c"Retry-After", RETRY_AFTER);
    }
    let answer = conversation.output.finish(ending);
    if answer == Answer::Ok && conversation.input.is_unread() {
        // httpd would first wait for the rest of a body that nobody wants. A client that is gone is noticed by whoever reads on.
        let _sent: Result<(), Status> = conversation.request.flush_connection();
    }
    answer
}

/// What the group names of a request are made of.
struct Names<'r, 'n> {
    request: Request<'r>,
    script_name: &'n [u8],
    by_path: bool,
    case_sensitive: bool,
}

impl RequestFacts for Names<'_, '_> {
    fn server_host(&self) -> &[u8] {
        self.request.server().host()
    }

    fn server_port(&self) -> u16 {
        self.request.server_port()
    }

    fn configured_port(&self) -> u16 {
        self.request.server().configured_port()
    }

    fn local_port(&self) -> u16 {
        self.request.connection().local_port()
    }

    fn host_header(&self) -> Option<&[u8]> {
        self.request.host()
    }

    fn is_configured_host(&self, host: &[u8]) -> bool {
        self.request.server().is_named(host)
    }

    fn script_name(&self) -> &[u8] {
        self.script_name
    }

    fn mapped_by_path(&self) -> bool {
        self.by_path
    }

    fn case_sensitive(&self) -> bool {
        self.case_sensitive
    }

    fn lookup_env(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let key = CString::new(name).ok()?;
        let found = self.request.notes().get(&key).or_else(|| self.request.environment().get(&key));
        if let Some(value) = found {
            return Some(Cow::Borrowed(value));
        }
        use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
        std::env::var_os(std::ffi::OsStr::from_bytes(name)).map(|value| Cow::Owned(value.into_vec()))
    }
}
