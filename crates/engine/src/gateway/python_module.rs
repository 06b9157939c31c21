/*! The modules `mod_wsgi` and `apache`, the standard streams, and the rest of an interpreter's set-up.

What happens once per interpreter is written in Python (`set_up.py`), over two native types: `Host`, its way into the engine, and
[`LogSink`], where `sys.stdout` and `sys.stderr` end. */

use protocol::Level;
use protocol::log_code;
use protocol::settings::EngineSettings;

use crate::capi::{Arguments, Attached, Class, Method, NativeClass, Object, PyResult, Raised, run_module_code};
use crate::gateway::stream::LogSink;
use crate::interpreter::helpers::Helpers;
use crate::interpreter::registry;
use crate::{logging, metrics, request};

/// `mod_wsgi.version`: the version whose behaviour we keep.
pub const COMPATIBLE_VERSION: [i64; 3] = [6, 1, 1];

const SET_UP: &[u8] = include_bytes!("set_up.py");

/// Sets an interpreter up: `sys.path`, streams, `mod_wsgi`, `apache`.
///
/// # Errors
/// Whatever Python raises.
pub fn set_up<'py>(py: Attached<'py>, group: &[u8], settings: &EngineSettings, file_wrapper: &Object<'py>) -> PyResult<Helpers> {
    let name = Object::text(py, "_mod_wsgi_rs")?;
    let module = Object::module(py, &name)?;
    let compile = Object::import(py, c"builtins")?.attribute_named(c"compile")?;
    let (source, file, mode) = (Object::bytes(py, SET_UP)?, Object::text(py, "<mod_wsgi_rs>")?, Object::text(py, "exec")?);
    let code = compile.call(&[&source, &file, &mode])?;
    run_module_code(&module, &code)?;
    let host = Class::make::<Host>(py)?.instance(py, Host)?;
    let sink_class = Class::make::<LogSink>(py)?;
    let values = settings_dict(py, group, settings)?;
    module.attribute_named(c"set_up")?.call(&[&host, sink_class.get(py), file_wrapper, &values])?;
    Object::modules(py)?.dict_set(&name, &module)?;
    Helpers::of(&module)
}

fn version_tuple<'py>(py: Attached<'py>, parts: &[i64]) -> PyResult<Object<'py>> {
    Object::tuple(py, parts.iter().map(|n| Object::int(py, *n)).collect::<PyResult<Vec<_>>>()?)
}

/// The tuples of `mod_wsgi.version` and `apache.version`.
///
/// # Errors
/// `MemoryError`.
pub fn versions<'py>(py: Attached<'py>, settings: &EngineSettings) -> PyResult<(Object<'py>, Object<'py>)> {
    Ok((version_tuple(py, &COMPATIBLE_VERSION)?, version_tuple(py, &settings.apache_version.map(i64::from))?))
}

fn settings_dict<'py>(py: Attached<'py>, group: &[u8], settings: &EngineSettings) -> PyResult<Object<'py>> {
    let dict = Object::dict(py)?;
    let set = |name: &str, value: Object<'py>| dict.dict_set(&Object::text(py, name)?, &value);
    let own: Vec<i64> = env!("CARGO_PKG_VERSION").split('.').filter_map(|part| part.parse().ok()).collect();
    let (compatible, apache) = versions(py, settings)?;
    let count = |n: u32| Object::int(py, i64::from(n));
    set("version", compatible)?;
    set("rs_version", version_tuple(py, &own)?)?;
    set("process_group", Object::latin1(py, &settings.process_group)?)?;
    set("application_group", Object::latin1(py, group)?)?;
    set("maximum_processes", count(settings.maximum_processes)?)?;
    set("threads_per_process", count(settings.threads_per_process)?)?;
    set("apache_version", apache)?;
    set("apache_description", Object::latin1(py, &settings.apache_description)?)?;
    set("apache_build_date", Object::latin1(py, &settings.apache_build_date)?)?;
    set("apache_mpm_name", Object::latin1(py, &settings.mpm_name)?)?;
    set("apache_maximum_processes", count(settings.apache_maximum_processes)?)?;
    set("apache_threads_per_process", count(settings.apache_threads_per_process)?)?;
    set("path_missing", Object::int(py, i64::from(log_code::PYTHON_PATH_MISSING.number))?)?;
    set("locale_refused", Object::int(py, i64::from(log_code::LOCALE_REFUSED.number))?)?;
    set("event_failed", Object::int(py, i64::from(log_code::EVENT_CALLBACK_FAILED.number))?)?;
    set("signals_not_told", Object::int(py, i64::from(log_code::SIGNALS_NOT_TOLD.number))?)?;
    set("shutdown_failed", Object::int(py, i64::from(log_code::SHUTDOWN_FAILED.number))?)?;
    let paths = settings.python_path.iter().map(|p| Object::file_system(py, p)).collect::<PyResult<Vec<_>>>()?;
    set("python_path", Object::list(py, paths)?)?;
    set("first_path", Object::file_system(py, &settings.first_path)?)?;
    set("service", Object::boolean(py, settings.is_service()))?;
    // The process has one locale: a sub-interpreter that comes later leaves what the application may have made of it.
    let is_main = group.is_empty() || *group == *settings.main_group;
    set("locale", Object::file_system(py, if is_main { &settings.locale } else { b"" })?)?;
    set("python_eggs", Object::file_system(py, &settings.python_eggs)?)?;
    set("switch_interval", Object::float(py, settings.switch_interval)?)?;
    set("hash_seed_set", Object::boolean(py, !settings.hash_seed.is_empty()))?;
    set("home_set", Object::boolean(py, !settings.home.is_empty()))?;
    set("restrict_stdin", Object::boolean(py, settings.restrict_stdin))?;
    set("restrict_stdout", Object::boolean(py, settings.restrict_stdout))?;
    set("restrict_signal", Object::boolean(py, settings.restrict_signal))?;
    set("destroy_interpreter", Object::boolean(py, settings.destroy_interpreter))?;
    set("single_process", Object::boolean(py, settings.single_process))?;
    Ok(dict)
}

/// The engine as `set_up.py` sees it.
struct Host;

impl NativeClass for Host {
    const NAME: &'static std::ffi::CStr = c"_mod_wsgi_rs.Host";
    const DOC: &'static std::ffi::CStr = c"The engine's functions for its own Python code.";
    const METHODS: &'static [Method<Self>] = &[
        Method { name: c"log", doc: c"log(level, text, file='', line=0): one log record per line of the text.", call: Self::log },
        Method { name: c"log_code", doc: c"log_code(number, text): a numbered message, at its own level.", call: Self::log_code },
        Method { name: c"logs", doc: c"logs(level): would a record of that logging level be written?", call: Self::logs },
        Method {
            name: c"request_data",
            doc: c"request_data(): the dictionary of the request that this thread runs.",
            call: Self::request_data,
        },
        Method { name: c"observe", doc: c"observe(): from here on requests are observed.", call: Self::observe },
        Method {
            name: c"start_recording_metrics",
            doc: c"start_recording_metrics(): from here on there are request_metrics() and process_metrics().",
            call: Self::start_recording_metrics,
        },
        Method {
            name: c"request_metrics",
            doc: c"request_metrics(): what requests have come to since this was last asked; None unless that is recorded.",
            call: Self::request_metrics,
        },
        Method {
            name: c"process_metrics",
            doc: c"process_metrics(): what this process has done since recording began; None if it has not.",
            call: Self::process_metrics,
        },
        Method {
            name: c"server_metrics",
            doc: c"server_metrics(): what httpd's processes and threads do; None unless the configuration lets applications ask.",
            call: Self::server_metrics,
        },
    ];
}

impl Host {
    fn log<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        let [level, text, file, line] = arguments.bind(["level", "text", "file", "line"], 2)?;
        let level = Level::from_python(level.map_or(Ok(0), |l| l.to_int())?);
        let text = text.map_or_else(|| Ok(String::new()), |t| t.to_text())?;
        let file = file.map_or_else(|| Ok(String::new()), |f| f.to_text())?;
        let line = i32::try_from(line.map_or(Ok(0), |l| l.to_int())?).unwrap_or(0);
        logging::from_source(level, text.as_bytes(), logging::shown(file.as_bytes()).as_bytes(), line);
        Ok(Object::none(py))
    }

    fn log_code<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        let [number, text] = arguments.bind(["number", "text"], 2)?;
        let number = number.map_or(Ok(0), |n| n.to_int())?;
        let text = text.map_or_else(|| Ok(String::new()), |t| t.to_text())?;
        let code = log_code::all().find(|code| i64::from(code.number) == number);
        let code = code.ok_or_else(|| Raised::runtime_error(py, &format!("there is no message {number}")))?;
        logging::log_code(*code, &text);
        Ok(Object::none(py))
    }

    fn logs<'py>(&self, this: &Object<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let [level] = arguments.bind(["level"], 1)?;
        let level = Level::from_python(level.map_or(Ok(0), |l| l.to_int())?);
        Ok(Object::boolean(this.py(), logging::takes(level)))
    }

    fn request_data<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        let py = this.py();
        match request::current() {
            Some(request) => request.data(py),
            None => Err(Raised::runtime_error(py, "no request is being handled by this thread")),
        }
    }

    fn observe<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        metrics::want();
        Ok(Object::none(this.py()))
    }

    fn start_recording_metrics<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        metrics::requests::start();
        Ok(Object::none(this.py()))
    }

    fn request_metrics<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        metrics::requests::request_metrics(this.py())
    }

    fn process_metrics<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        metrics::requests::process_metrics(this.py())
    }

    fn server_metrics<'py>(&self, this: &Object<'py>, _arguments: &Arguments<'_, 'py>) -> PyResult<Object<'py>> {
        if registry::registry().is_some_and(|registry| registry.settings.server_metrics) {
            metrics::server::server_metrics(this.py())
        } else {
            Ok(Object::none(this.py()))
        }
    }
}
