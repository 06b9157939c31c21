/*! `docs/directives.md`, made from the directive table, so that the page cannot say anything else than the code does.
*Runs in: tests, which also rewrite the page when `UPDATE_DOCS=1` is set.* */

use super::daemon;
use super::directive::{Chapter, Contexts, Directive, Override};
use super::directives::DIRECTIVES;

const HEAD: &str = "\
# Directives

This page describes all directives of this version of mod_wsgi_rs. It is generated from the table that the module uses (`crates/config/src/directives/`); `UPDATE_DOCS=1 cargo test` updates it.

`On` and `Off` are case-insensitive. Put a value with spaces in double quotes, also the value of an option: `application-group=\"my group\"`. `apachectl configtest` reports invalid arguments, with the cause and what to do.
";

const CHAPTERS: &[(Chapter, &str)] = &[
    (Chapter::Mapping, "Mapping URLs to applications"),
    (Chapter::Daemon, "Daemon processes"),
    (Chapter::Python, "The Python interpreter"),
    (Chapter::Request, "Requests and responses"),
];

/// The whole page, Markdown.
pub fn page() -> String {
    let mut out = String::from(HEAD);
    for (chapter, title) in CHAPTERS {
        let rows: Vec<&Directive> = DIRECTIVES.iter().filter(|row| row.chapter == *chapter).collect();
        out.push_str(&format!("\n## {title}\n\n| Directive | Purpose |\n|---|---|\n"));
        for row in &rows {
            out.push_str(&format!("| [`{}`](#{}) | {} |\n", row.name, row.name.to_lowercase(), row.help));
        }
        for row in rows {
            out.push_str(&section(row));
        }
    }
    out.push('\n');
    out.push_str(&daemon::docs_page::section());
    out
}

fn section(row: &Directive) -> String {
    format!(
        "\n### {name}\n\n{help}\n\n* Syntax: `{name} {syntax}`\n* Default: {default}\n* Context: {context}\n\n{doc}\n",
        name = row.name,
        help = row.help,
        syntax = row.syntax,
        default = if row.default.contains(' ') || row.default == "none" {
            row.default.to_owned()
        } else {
            format!("`{}`", row.default)
        },
        context = context(row.contexts),
        doc = row.doc,
    )
}

/// A context in the words of Apache's own documentation.
pub const fn context(contexts: Contexts) -> &'static str {
    match contexts {
        Contexts::MainServer => "server config (not in `<VirtualHost>`)",
        Contexts::Servers => "server config, virtual host",
        Contexts::Directories => "server config, virtual host, directory",
        Contexts::Htaccess(Override::FileInfo) => "server config, virtual host, directory, .htaccess (`AllowOverride FileInfo`)",
        Contexts::Htaccess(Override::AuthConfig) => {
            "server config, virtual host, directory, .htaccess (`AllowOverride AuthConfig`)"
        }
        Contexts::SectionsAndHtaccess(Override::FileInfo) => "directory, .htaccess (`AllowOverride FileInfo`)",
        Contexts::SectionsAndHtaccess(Override::AuthConfig) => "directory, .htaccess (`AllowOverride AuthConfig`)",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use super::{DIRECTIVES, page};

    #[test]
    fn every_directive_has_its_section() {
        let page = page();
        for row in DIRECTIVES {
            let heading = format!("\n### {}\n\n{}\n\n* Syntax: `{} {}`\n", row.name, row.help, row.name, row.syntax);
            assert!(page.contains(&heading), "{}", row.name);
            assert!(page.contains(row.doc), "{}", row.name);
        }
    }

    #[test]
    fn the_committed_page_is_the_generated_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/directives.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, page()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == page(), "docs/directives.md is not what the table says: run `UPDATE_DOCS=1 cargo test`");
    }
}
