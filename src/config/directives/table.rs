/*! The one table: Apache's command table, `docs/directives.md` and the completeness tests are made from it. */

use super::{mapping, python, request};
use crate::config::directive::Directive;

/// Every directive, in the order of the documentation.
pub const DIRECTIVES: &[Directive] = &[
    mapping::SCRIPT_ALIAS,
    mapping::SCRIPT_ALIAS_MATCH,
    mapping::HANDLER_SCRIPT,
    mapping::PROCESS_GROUP,
    mapping::APPLICATION_GROUP,
    mapping::CALLABLE_OBJECT,
    mapping::IMPORT_SCRIPT,
    mapping::SCRIPT_RELOADING,
    mapping::CASE_SENSITIVITY,
    python::PYTHON_HOME,
    python::PYTHON_PATH,
    python::PYTHON_EGGS,
    python::PYTHON_OPTIMIZE,
    python::PYTHON_WARNINGS,
    python::PYTHON_HASH_SEED,
    python::DONT_WRITE_BYTECODE,
    python::SWITCH_INTERVAL,
    python::DESTROY_INTERPRETER,
    python::RESTRICT_EMBEDDED,
    python::RESTRICT_STDIN,
    python::RESTRICT_STDOUT,
    python::RESTRICT_SIGNAL,
    python::VERBOSE_DEBUGGING,
    request::PASS_AUTHORIZATION,
    request::PASS_APACHE_REQUEST,
    request::CHUNKED_REQUEST,
    request::MAP_HEAD_TO_GET,
    request::ENABLE_SENDFILE,
    request::ERROR_OVERRIDE,
    request::TRUSTED_PROXIES,
    request::TRUSTED_PROXY_HEADERS,
];
