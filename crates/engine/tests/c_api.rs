/*! Every call of Python's C API by the engine: what the function takes, and why it gets that. `docs/c-api.md` is made from the sources and from the table below; a call of
a function that is not in the table fails here, and so does one without a `SAFETY:` comment before it. *Runs in: tests.* */

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets what it does not expect is to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What must be true of a function's arguments, beyond that the thread is attached. "Checked" functions look at the type themselves and raise.
const TAKES: &[(&str, &str)] = &[
    ("PyBytes_AsString", "a bytes object; checked"),
    ("PyBytes_Check", "any object"),
    ("PyBytes_FromStringAndSize", "a buffer of that length, or null for unwritten bytes"),
    ("PyBytes_Size", "a bytes object; checked"),
    ("PyCallable_Check", "any object"),
    ("PyCapsule_New", "a pointer that is not null, a name that lives as long"),
    ("PyConfig_Clear", "an initialised PyConfig"),
    ("PyConfig_InitPythonConfig", "room for a PyConfig"),
    ("PyConfig_SetBytesArgv", "an initialised PyConfig, as many strings as the count says"),
    ("PyDict_Copy", "a dict or a subclass; checked"),
    ("PyDict_DelItem", "a dict or a subclass, a key; checked"),
    ("PyDict_GetItemWithError", "a dict or a subclass, a key; checked"),
    ("PyDict_New", "nothing"),
    ("PyDict_Next", "a dict or a subclass that does not change meanwhile"),
    ("PyDict_SetItem", "a dict or a subclass, a key, a value; checked"),
    ("PyDict_SetItemString", "a dict or a subclass, a string with a NUL, a value; checked"),
    ("PyDict_Size", "a dict or a subclass; checked"),
    ("PyErr_Clear", "nothing"),
    ("PyErr_ExceptionMatches", "an exception class; an exception is set"),
    ("PyErr_Fetch", "three places"),
    ("PyErr_NormalizeException", "three places with what `PyErr_Fetch` gave"),
    ("PyErr_Occurred", "nothing"),
    ("PyErr_Restore", "an exception class, an instance of it or null, a traceback or null; takes the references"),
    ("PyErr_SetString", "an exception class, a string with a NUL"),
    ("PyEval_EvalCode", "a code object, a dict, a mapping"),
    ("PyEval_GetBuiltins", "nothing"),
    ("PyEval_RestoreThread", "a thread state of this thread that is not attached"),
    ("PyEval_SaveThread", "an attached thread"),
    ("PyExceptionClass_Check", "any object"),
    ("PyExceptionInstance_Check", "any object"),
    ("PyException_SetTraceback", "an exception, a traceback or None"),
    ("PyFloat_FromDouble", "a number"),
    ("PyGILState_GetThisThreadState", "nothing"),
    ("PyImport_GetModuleDict", "nothing"),
    ("PyImport_ImportModule", "a string with a NUL"),
    ("PyInitConfig_Create", "nothing"),
    ("PyInitConfig_SetInt", "an initialised PyInitConfig, a name with a NUL"),
    ("PyInitConfig_SetStr", "an initialised PyInitConfig, strings with a NUL"),
    ("PyInitConfig_SetStrList", "an initialised PyInitConfig, as many strings as the count says"),
    ("PyInterpreterState_Get", "an attached thread"),
    ("PyIter_Next", "an iterator; not checked before Python 3.14"),
    ("PyList_Check", "any object"),
    ("PyList_CheckExact", "any object"),
    ("PyList_GetItem", "a list or a subclass, any index; checked"),
    ("PyList_New", "a length"),
    ("PyList_SetItem", "a list, an index within it, an object; checked, takes the reference"),
    ("PyList_Size", "a list or a subclass; checked"),
    ("PyLong_AsLongLong", "any object; checked"),
    ("PyLong_FromLongLong", "a number"),
    ("PyModuleDef_Init", "a definition that lives as long as the process"),
    ("PyModule_GetDict", "a module or a subclass; checked"),
    ("PyModule_NewObject", "a str"),
    ("PyNumber_Index", "any object; checked"),
    ("PyObject_AsFileDescriptor", "any object; checked"),
    ("PyObject_CallFunctionObjArgs", "any object, objects, and a null at the end; checked"),
    ("PyObject_GetAttr", "any object, a str; checked"),
    ("PyObject_GetAttrString", "any object, a string with a NUL"),
    ("PyObject_GetIter", "any object; checked"),
    ("PyObject_IsTrue", "any object"),
    ("PyObject_SetAttrString", "any object, a string with a NUL, an object"),
    ("PyPreConfig_InitPythonConfig", "room for a PyPreConfig"),
    ("PyThreadState_Clear", "a thread state that is attached"),
    ("PyThreadState_Delete", "a thread state that is not attached"),
    ("PyThreadState_GetUnchecked", "nothing"),
    ("PyThreadState_New", "an interpreter that lives"),
    ("PyThreadState_SetAsyncExc", "a thread's number, an exception class or null"),
    ("PyTraceBack_Check", "any object"),
    ("PyTuple_Check", "any object"),
    ("PyTuple_CheckExact", "any object"),
    ("PyTuple_GetItem", "a tuple or a subclass, any index; checked"),
    ("PyTuple_New", "a length"),
    ("PyTuple_SetItem", "a new tuple, an index within it, an object; checked, takes the reference"),
    ("PyTuple_Size", "a tuple or a subclass; checked"),
    ("PyType_FromSpec", "a specification with terminated slots"),
    ("PyType_GenericAlloc", "a type, a count"),
    ("PyType_GetSlot", "a heap type, or any type from Python 3.10 on; a slot's number"),
    ("PyType_IsSubtype", "two types"),
    ("PyUnicode_AsEncodedString", "a str; checked. Names with a NUL"),
    ("PyUnicode_AsLatin1String", "a str; checked"),
    ("PyUnicode_AsUTF8AndSize", "a str; checked"),
    ("PyUnicode_Check", "any object"),
    ("PyUnicode_DecodeFSDefaultAndSize", "a buffer of that length"),
    ("PyUnicode_DecodeLatin1", "a buffer of that length"),
    ("PyUnicode_FromStringAndSize", "a buffer of that length, of UTF-8"),
    ("PyUnicode_InternFromString", "a string with a NUL, of UTF-8"),
    ("Py_CompileString", "strings with a NUL"),
    ("Py_DECREF", "an object of which the caller owns a reference"),
    ("Py_DecodeLocale", "a string with a NUL"),
    ("Py_False", "nothing"),
    ("Py_GetVersion", "nothing"),
    ("Py_INCREF", "any object"),
    ("Py_InitializeEx", "a process in which Python has not started"),
    ("Py_InitializeFromConfig", "an initialised PyConfig"),
    ("Py_InitializeFromInitConfig", "an initialised PyInitConfig"),
    ("Py_IsInitialized", "nothing"),
    ("Py_NewInterpreter", "an attached thread"),
    ("Py_None", "nothing"),
    ("Py_PreInitializeFromBytesArgs", "an initialised PyPreConfig, as many strings as the count says"),
    ("Py_REFCNT", "any object"),
    ("Py_SetProgramName", "a wide string that lives as long as the process"),
    ("Py_SetPythonHome", "a wide string that lives as long as the process"),
    ("Py_TYPE", "any object"),
    ("Py_True", "nothing"),
    ("_PyThreadState_UncheckedGet", "nothing"),
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The first `SAFETY:` comment of these lines: that of the call of a function that was looked up before it.
fn next_comment<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    let mut lines = lines.map(str::trim_start).skip_while(|line| !line.starts_with("// SAFETY: "));
    let first = lines.next().and_then(|line| line.strip_prefix("// SAFETY: ")).unwrap_or_default().to_owned();
    let rest = lines.map_while(|line| line.strip_prefix("// "));
    rest.fold(first, |text, line| text + " " + line)
}

/// The functions that a line calls, or looks up by name.
fn called(line: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in line.match_indices("Py") {
        let before = line.get(..at).unwrap_or_default();
        let begins = if before.ends_with('_') { at - 1 } else { at };
        let before = line.get(..begins).unwrap_or_default();
        let name: String =
            line.get(begins..).unwrap_or_default().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let after = line.get(begins + name.len()..).unwrap_or_default();
        // Names with an underscore at their beginning are declared by the engine itself.
        let known = before.ends_with("ffi::") || (name.starts_with('_') && !before.ends_with("fn "));
        let is_call = known && after.starts_with('(') && name.contains('_');
        let is_symbol = before.ends_with("c\"") && after.starts_with('"');
        if is_call || is_symbol {
            found.insert(name);
        }
    }
    found
}

/// The part of a line that is code.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

type Calls = BTreeMap<String, BTreeSet<(String, String)>>;

/// Every call of a file, with the comment that stands before it.
fn calls(name: &str, text: &str, all: &mut Calls) {
    let mut safety = String::new();
    let mut goes_on = false;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if let Some(text) = trimmed.strip_prefix("// SAFETY: ") {
            text.clone_into(&mut safety);
            goes_on = true;
            continue;
        }
        if let Some(text) = trimmed.strip_prefix("// ").filter(|_| goes_on) {
            write!(safety, " {text}").unwrap();
            continue;
        }
        goes_on = false;
        if ["fn ", "pub fn ", "pub unsafe fn ", "unsafe fn ", "unsafe extern ", "pub(super) fn "]
            .iter()
            .any(|begin| trimmed.starts_with(begin))
            && called(code(line)).is_empty()
        {
            safety.clear();
        }
        for function in called(code(line)) {
            let safety = if safety.is_empty() { next_comment(text.lines().skip(number)) } else { safety.clone() };
            assert!(!safety.is_empty(), "{name}:{}: {function} is called without a SAFETY comment", number + 1);
            all.entry(function).or_default().insert((name.to_owned(), safety));
        }
    }
}

fn page(all: &Calls) -> String {
    let mut out = "# Calls of Python's C API

Every function of the C API that the engine calls: what it takes besides an attached thread, where it is called, and why it gets what it takes there. \"Checked\": the function looks at
the type itself and raises. This page is made from the sources and from the table of `crates/engine/tests/c_api.rs`; a new call without an entry there fails that test.

| function | takes | called in | why it gets that |
|---|---|---|---|
"
    .to_owned();
    for (function, places) in all {
        let takes = TAKES.iter().find(|(name, _)| name == function).map(|(_, takes)| *takes);
        let takes =
            takes.unwrap_or_else(|| panic!("{function} is not in the table: look through its callers, and add what it takes"));
        for (place, safety) in places {
            writeln!(out, "| `{function}` | {takes} | `{place}` | {} |", safety.replace('|', "\\|")).unwrap();
        }
    }
    out
}

#[test]
fn each_call_has_been_looked_through() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut all) = (Vec::new(), Calls::new());
    sources(&engine.join("src"), &mut files);
    files.sort();
    for file in files {
        let name = file.strip_prefix(engine.join("src")).unwrap().display().to_string();
        calls(&name, &std::fs::read_to_string(&file).unwrap(), &mut all);
    }
    assert!(all.len() > 80, "only {} functions were found", all.len());
    for (function, _) in TAKES {
        assert!(all.contains_key(*function), "{function} is not called any more: take it out of the table");
    }
    let place = engine.join("../../docs/c-api.md");
    let text = page(&all);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(place, text).unwrap();
    } else {
        let written = std::fs::read_to_string(place).unwrap_or_default();
        assert!(
            written == text,
            "docs/c-api.md is out of date: run `UPDATE_DOCS=1 cargo test -p mod_wsgi_rs-engine --test c_api`"
        );
    }
}
