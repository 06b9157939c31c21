/*! A request, as httpd lends it to one hook or handler. What it returns lives as long as the request's pool.
Sending and receiving are in `output` and `input`. *Runs in: child.* */
#![expect(unsafe_code, reason = "reads and fills httpd's structures")]

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::c_text::text;
use super::connection::Connection;
use super::pool::Pool;
use super::server::Server;
use super::sys::{self, Lifetime};
use super::table::Table;

/// A `request_rec` that lives at least as long as `'r`, which ends with the hook or handler that it was lent to.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    raw: NonNull<sys::request_rec>,
    life: Lifetime<'r>,
}

/// What the file of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing is there.
    Missing,
    /// A directory.
    Directory,
    /// A file, or anything else that can be opened.
    File,
}

impl<'r> Request<'r> {
    /// Borrows a request that C lends; `None` for null.
    ///
    /// # Safety
    /// `raw` is null or a live request for all of `'r`, worked on by this thread alone.
    pub unsafe fn new(raw: *mut sys::request_rec) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, life: PhantomData })
    }

    /// For the calls of this folder.
    pub(in crate::httpd) fn raw(self) -> *mut sys::request_rec {
        self.raw.as_ptr()
    }

    /// The `request_rec`, for Python code that knows what to do with it (`WSGIPassApacheRequest`).
    pub fn as_pointer(self) -> *mut c_void {
        self.raw().cast()
    }

    /// Reads fields. Not held across a call into httpd, which may change them.
    fn get(&self) -> &sys::request_rec {
        // SAFETY: live for `'r` (new), and this thread alone works on it.
        unsafe { self.raw.as_ref() }
    }

    /// # Safety
    /// `pointer` is a string of this request: null, or NUL-terminated in a pool that lives for `'r`.
    unsafe fn text(self, pointer: *const c_char) -> Option<&'r [u8]> {
        // SAFETY: promised by the caller.
        unsafe { text(pointer) }
    }

    /// The request's pool.
    pub fn pool(self) -> Pool<'r> {
        // SAFETY: a request always has a pool, which outlives it.
        unsafe { Pool::new(self.get().pool) }
    }

    /// The connection; for HTTP/2 the stream's secondary one.
    pub fn connection(self) -> Connection<'r> {
        match NonNull::new(self.get().connection) {
            // SAFETY: outlives the request; one thread works on both.
            Some(raw) => unsafe { Connection::new(raw) },
            None => unreachable!("httpd made a request without a connection"),
        }
    }

    /// The virtual host.
    pub fn server(self) -> Server<'static> {
        // SAFETY: requests are answered in children, where nobody destroys the configuration before the process ends.
        match unsafe { Server::new(self.get().server) } {
            Some(server) => server,
            None => unreachable!("httpd made a request without a server"),
        }
    }

    /// `r->handler`
    pub fn handler(self) -> Option<&'r [u8]> {
        // SAFETY: a string of the request or of the configuration.
        unsafe { self.text(self.get().handler) }
    }

    /// `r->uri`, %-decoded.
    pub fn uri(self) -> &'r [u8] {
        // SAFETY: a string of the request.
        unsafe { self.text(self.get().uri) }.unwrap_or_default()
    }

    /// `r->path_info`
    pub fn path_info(self) -> &'r [u8] {
        // SAFETY: a string of the request.
        unsafe { self.text(self.get().path_info) }.unwrap_or_default()
    }

    /// `r->filename`
    pub fn filename(self) -> &'r [u8] {
        // SAFETY: a string of the request.
        unsafe { self.text(self.get().filename) }.unwrap_or_default()
    }

    /// `r->hostname`: the host of the Host header, without the port.
    pub fn host(self) -> Option<&'r [u8]> {
        // SAFETY: a string of the request.
        unsafe { self.text(self.get().hostname) }
    }

    /// `ap_get_server_port`
    pub fn server_port(self) -> u16 {
        // SAFETY: the request is live.
        unsafe { sys::ap_get_server_port(self.raw()) }
    }

    /// Is it a HEAD request?
    pub fn is_head(self) -> bool {
        self.get().header_only != 0
    }

    /// Is it made by another request (a subrequest)?
    pub fn is_subrequest(self) -> bool {
        !self.get().main.is_null()
    }

    /// `r->request_time`, microseconds since the epoch.
    pub fn time(self) -> i64 {
        self.get().request_time
    }

    /// What directory walk found at `r->filename`.
    pub fn file_kind(self) -> FileKind {
        match self.get().finfo.filetype {
            sys::APR_NOFILE => FileKind::Missing,
            sys::APR_DIR => FileKind::Directory,
            _ => FileKind::File,
        }
    }

    /// Modification time of the file, microseconds since the epoch, if directory walk found one.
    pub fn file_mtime(self) -> Option<i64> {
        let file = &self.get().finfo;
        (file.filetype != sys::APR_NOFILE && file.valid.cast_unsigned() & sys::APR_FINFO_MTIME != 0).then_some(file.mtime)
    }

    /// The client waits for `100 Continue` before it sends the body.
    pub fn expects_continue(self) -> bool {
        self.get().expecting_100 != 0
    }

    /// Can there be a body? Over HTTP/2 only reading tells, unless the length says that there is none.
    pub fn may_have_body(self) -> bool {
        let headers = self.headers_in();
        match headers.get(c"Content-Length") {
            Some(length) => length != b"0",
            None => headers.get(c"Transfer-Encoding").is_some() || self.get().proto_num >= 2000,
        }
    }

    /// Can there be something to read, whether the client sends a body or not? A filter that works on content may make one of nothing.
    pub fn may_read_body(self) -> bool {
        // SAFETY: null, or the first filter, which has a record.
        let first = unsafe { self.get().input_filters.as_ref().and_then(|filter| filter.frec.as_ref()) };
        self.may_have_body() || first.is_some_and(|record| record.ftype < sys::AP_FTYPE_PROTOCOL)
    }

    /// `Options ExecCGI`
    pub fn may_execute_cgi(self) -> bool {
        // SAFETY: the request is live.
        let options = unsafe { sys::ap_allow_options(self.raw()) };
        options.cast_unsigned() & sys::OPT_EXECCGI != 0
    }

    /// `AcceptPathInfo Off` holds.
    pub fn refuses_path_info(self) -> bool {
        self.get().used_path_info == sys::AP_REQ_REJECT_PATH_INFO.cast_signed()
    }

    /// `LimitRequestBody`; 0 for no limit.
    pub fn body_limit(self) -> u64 {
        // SAFETY: the request is live.
        u64::try_from(unsafe { sys::ap_get_limit_req_body(self.raw()) }).unwrap_or(0)
    }

    /// The first output filter works on content (deflate, cache), so that it needs a body to make headers from.
    pub fn has_content_filter(self) -> bool {
        // SAFETY: null, or the first filter, which has a record.
        let first = unsafe { self.get().output_filters.as_ref().and_then(|filter| filter.frec.as_ref()) };
        first.is_some_and(|record| record.ftype < sys::AP_FTYPE_PROTOCOL)
    }

    /// Request headers.
    pub fn headers_in(self) -> Table<'r> {
        self.table(self.get().headers_in)
    }

    /// Response headers.
    pub fn headers_out(self) -> Table<'r> {
        self.table(self.get().headers_out)
    }

    /// Response headers that an error page keeps.
    pub fn error_headers_out(self) -> Table<'r> {
        self.table(self.get().err_headers_out)
    }

    /// The user that Apache itself has authenticated.
    pub fn user(self) -> Option<&'r [u8]> {
        // SAFETY: null, or a string of the request.
        unsafe { self.text(self.get().user) }
    }

    /// Apache itself asks for credentials where this request leads (`AuthType`), or did so where one led that brought this one about: an error page of
    /// a refused request, or a part of a page.
    pub fn is_authenticated_by_apache(self) -> bool {
        // Chains of requests are bounded by `LimitInternalRecursion`; a circle there is none.
        const MOST: usize = 100;
        let mut others = vec![self.raw()];
        for at in 0..MOST {
            let Some(raw) = others.get(at).copied() else { return false };
            // SAFETY: this request is live, and each that led to it outlives it (`main`, `prev`).
            let (authenticated, main, previous) =
                unsafe { (!sys::ap_auth_type(raw).is_null() || !(*raw).user.is_null(), (*raw).main, (*raw).prev) };
            if authenticated {
                return true;
            }
            others.extend([main, previous].into_iter().filter(|other| !other.is_null()));
        }
        false
    }

    /// Environment variables.
    pub fn environment(self) -> Table<'r> {
        self.table(self.get().subprocess_env)
    }

    /// Diagnostics between modules.
    pub fn notes(self) -> Table<'r> {
        self.table(self.get().notes)
    }

    fn table(self, raw: *mut sys::apr_table_t) -> Table<'r> {
        // SAFETY: httpd makes all five tables before any hook runs, in the request's pool.
        match unsafe { Table::new(raw) } {
            Some(table) => table,
            None => unreachable!("httpd made a request without its tables"),
        }
    }

    /// Fills the environment as for CGI (`ap_add_common_vars`, `ap_add_cgi_vars`), but for `SCRIPT_NAME`, `PATH_INFO` and
    /// `PATH_TRANSLATED`, which are made of the path info: httpd would run a whole lookup for the last one, which no WSGI
    /// application gets.
    pub fn fill_environment(self) {
        let request = self.raw();
        // SAFETY: the request is live; the path info is put back before anybody else can look, since these calls run no hook.
        unsafe {
            sys::ap_add_common_vars(request);
            let path_info = std::mem::replace(&mut (*request).path_info, std::ptr::null_mut());
            sys::ap_add_cgi_vars(request);
            (*request).path_info = path_info;
        }
    }

    /// `r->log_id`, made now if the request has none.
    pub fn log_id(self) -> &'r [u8] {
        let request = self.raw();
        // SAFETY: the request is live; the hook stores a string of the request's pool.
        unsafe {
            if (*request).log_id.is_null() {
                sys::ap_run_generate_log_id((*request).connection, request, &raw mut (*request).log_id);
            }
            self.text((*request).log_id)
        }
        .unwrap_or_default()
    }

    /// Maps the request to a file (translate-name phase).
    pub fn set_filename(self, filename: &[u8]) {
        let copy = self.pool().string(filename);
        // SAFETY: live; httpd takes `filename` as a string of the request's pool, which it may write to.
        unsafe { (*self.raw()).filename = copy.as_ptr().cast_mut() };
    }

    /// Maps the request to a regular file and what follows it in the URL (translate-name phase); `false`, and nothing has
    /// changed, if there is no such file. `ap_directory_walk` keeps a `path_info` that it finds, and with `finfo` filled it need not
    /// look for the file's end itself.
    pub fn map_to_file(self, file: &[u8], path_info: &[u8]) -> bool {
        let name = self.pool().string(file);
        let wanted = sys::APR_FINFO_MIN.cast_signed();
        // SAFETY: the request is live and its pool keeps the strings; an all-zero apr_finfo_t is valid and says APR_NOFILE.
        unsafe {
            let mut found: sys::apr_finfo_t = std::mem::zeroed();
            let status = sys::apr_stat(&raw mut found, name.as_ptr(), wanted, self.pool().raw());
            if status != 0 || found.filetype != sys::APR_REG {
                return false;
            }
            let request = self.raw();
            (*request).finfo = found;
            (*request).filename = name.as_ptr().cast_mut();
            if !path_info.is_empty() {
                (*request).path_info = self.pool().string(path_info).as_ptr().cast_mut();
            }
            true
        }
    }

    /// Names the handler.
    pub fn set_handler(self, handler: &'static CStr) {
        // SAFETY: live; a static string outlives it.
        unsafe { (*self.raw()).handler = handler.as_ptr() };
    }

    /// For `config`: the vector of the request's directory.
    pub(in crate::httpd) fn directory_config(self) -> *mut sys::ap_conf_vector_t {
        self.get().per_dir_config
    }
}
