/*! Asks apxs where Apache is and lets bindgen translate the headers of `apxs/wrapper.h`.

Nothing of Apache's layout is typed by hand, and nothing generated is committed: the bindings go to `OUT_DIR` and are those
of the Apache that the module is built for. For unit tests, which are programs of their own and have no httpd to resolve
`ap_*` from, a library of stubs that abort is built beside them; APR's own libraries are real there. */

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Names that the module may use. Types come along as needed.
const FUNCTIONS: &str = "ap_.*|apr_.*";
const VARIABLES: &str = "ap_.*|AP_.*|apr_.*|APR_.*|OPT_.*|ENABLE_.*|APLOG_.*|MODULE_MAGIC_.*|OK|DECLINED|DONE|RSRC_CONF|ACCESS_CONF|OR_FILEINFO|OR_AUTHCFG|M_.*|HTTP_.*|SERVER_.*|cmd_how_.*";
const TYPES: &str =
    "ap_.*|apr_.*|core_dir_config|core_server_config|command_rec|module|request_rec|server_rec|conn_rec|cmd_parms|process_rec";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    for variable in ["APXS", "LIBCLANG_PATH", "PATH"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    println!("cargo:rerun-if-changed=apxs/wrapper.h");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo did not set OUT_DIR")?);
    let apxs = Apxs::find()?;
    let mut clang = Vec::new();
    for directory in ["INCLUDEDIR", "APR_INCLUDEDIR", "APU_INCLUDEDIR"] {
        clang.push(format!("-I{}", apxs.query(directory)?));
    }
    let flags = apxs.query("EXTRA_CPPFLAGS")?;
    clang.extend(flags.split_whitespace().filter(|f| f.starts_with("-D") || f.starts_with("-I")).map(str::to_owned));

    // Where `make install` puts the module's companions, in a directory of ours.
    println!("cargo:rustc-env=MOD_WSGI_RS_MODULES={}", apxs.query("LIBEXECDIR")?);
    let bindings = bindings(&clang, &apxs)?;
    let path = out.join("httpd.rs");
    std::fs::write(&path, &bindings).map_err(|e| format!("could not write {}: {e}", path.display()))?;
    // apr-util has it since 1.6; without it files are read 8 KiB at a time.
    println!("cargo:rustc-check-cfg=cfg(file_buffer)");
    if bindings.contains("pub fn apr_bucket_file_set_buf_size") {
        println!("cargo:rustc-cfg=file_buffer");
    }
    stubs(&bindings, &out)?;
    apr_libraries(&apxs);
    Ok(())
}

/// The `apxs` of the Apache to build for.
struct Apxs {
    program: String,
}

impl Apxs {
    /// `$APXS`, else `apxs` or `apxs2` on PATH.
    fn find() -> Result<Self, String> {
        if let Ok(program) = env::var("APXS") {
            let apxs = Self { program };
            apxs.query("INCLUDEDIR")?;
            return Ok(apxs);
        }
        ["apxs", "apxs2"].map(|name| Self { program: name.to_owned() }).into_iter().find(|a| a.query("INCLUDEDIR").is_ok()).ok_or_else(
            || {
                "apxs was not found: it belongs to Apache's development files.\n\
                 hint: install `apache2-dev` (Debian, Ubuntu) or `httpd-devel` (Fedora, RHEL), or set APXS to the path of the apxs to use"
                    .to_owned()
            },
        )
    }

    /// What `apxs -q name` says.
    fn query(&self, name: &str) -> Result<String, String> {
        let output = Command::new(&self.program).args(["-q", name]).output().map_err(|e| {
            format!(
                "could not run `{} -q {name}`: {e}\n\
                 hint: install `apache2-dev` (Debian, Ubuntu) or `httpd-devel` (Fedora, RHEL), or set APXS to the path of the apxs to use",
                self.program
            )
        })?;
        if !output.status.success() {
            return Err(format!("`{} -q {name}` failed: {}", self.program, String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn bindings(clang: &[String], apxs: &Apxs) -> Result<String, String> {
    // bindgen panics, with a message of its own, when it finds no libclang: turn that into ours.
    let generated = std::panic::catch_unwind(|| {
        bindgen::Builder::default()
            .header("apxs/wrapper.h")
            .clang_args(clang)
            .allowlist_function(FUNCTIONS)
            .allowlist_var(VARIABLES)
            .allowlist_type(TYPES)
            .default_enum_style(bindgen::EnumVariation::Consts)
            .prepend_enum_name(false)
            .generate_comments(false)
            .layout_tests(false)
            .derive_debug(false)
            // The stubs below are made from the text, so it must not depend on whether rustfmt is installed.
            .formatter(bindgen::Formatter::Prettyplease)
            .rust_target(bindgen::RustTarget::stable(88, 0).unwrap_or_default())
            .rust_edition(bindgen::RustEdition::Edition2024)
            .generate()
    });
    match generated {
        Ok(Ok(bindings)) => Ok(bindings.to_string()),
        Ok(Err(error)) => Err(format!(
            "bindgen could not read Apache's headers as `{} -q` names them: {error}\n\
             hint: install `apache2-dev` (Debian, Ubuntu) or `httpd-devel` and `apr-util-devel` (Fedora, RHEL)",
            apxs.program
        )),
        Err(_) => Err("libclang was not found (bindgen's message stands above)\n\
             hint: install `libclang-dev` (Debian, Ubuntu) or `clang-devel` (Fedora, RHEL), or set LIBCLANG_PATH to the directory of libclang.so"
            .to_owned()),
    }
}

/// Builds `libhttpdstub.a`: every `ap_*` of the bindings, as a function that aborts, or as data.
fn stubs(bindings: &str, out: &Path) -> Result<(), String> {
    let mut c = String::from("#include <stdlib.h>\n");
    for line in bindings.lines().map(str::trim_start) {
        if let Some(name) = symbol(line, "pub fn ") {
            let _infallible = writeln!(c, "void {name}(void) {{ abort(); }}");
        } else if let Some(name) = symbol(line, "pub static mut ").or_else(|| symbol(line, "pub static ")) {
            let _infallible = writeln!(c, "char {name}[256];");
        }
    }
    let source = out.join("httpdstub.c");
    std::fs::write(&source, c).map_err(|e| format!("could not write {}: {e}", source.display()))?;
    // No metadata: only the unit tests link it (`#[cfg(test)] #[link]` in src/httpd/sys.rs), never the module.
    cc::Build::new()
        .cargo_metadata(false)
        .warnings(false)
        .flag_if_supported("-fno-builtin")
        .file(source)
        .try_compile("httpdstub")
        .map_err(|e| format!("no C compiler for the unit tests' stubs: {e}\nhint: install `gcc`, or set CC"))?;
    println!("cargo:rustc-link-search=native={}", out.display());
    Ok(())
}

/// The `ap_*` name that a line of the bindings declares.
fn symbol<'l>(line: &'l str, keyword: &str) -> Option<&'l str> {
    let rest = line.strip_prefix(keyword)?;
    let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
    name.starts_with("ap_").then_some(name)
}

/// Tells the linker where APR lives, for the unit tests. Without the answer its usual directories are searched.
fn apr_libraries(apxs: &Apxs) {
    for config in ["APR_CONFIG", "APU_CONFIG"] {
        let Ok(program) = apxs.query(config) else { continue };
        let Ok(output) = Command::new(program).arg("--link-ld").output() else { continue };
        for word in String::from_utf8_lossy(&output.stdout).split_whitespace() {
            if let Some(directory) = word.strip_prefix("-L") {
                println!("cargo:rustc-link-search=native={directory}");
            }
        }
    }
}
