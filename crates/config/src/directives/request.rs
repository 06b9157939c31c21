/*! Requests and responses: what an application sees, whom to believe about the client, and how the answer goes out. */

use super::arguments;
use crate::directive::{Apply, Arity, Chapter, Contexts, Directive, DirectiveContext, Override};
use crate::error::{ConfigError, quoted};
use crate::settings::network::Network;
use crate::settings::proxy_header::{self, PROXY_HEADERS, ProxyHeader};
use crate::settings::{DirectoryConfig, MapHead};

const ONE: Arity = Arity { min: 1, max: Some(1) };
const FILE_INFO: Contexts = Contexts::Htaccess(Override::FileInfo);

/// A row for a switch of a directory.
macro_rules! switch {
    ($name:literal, $contexts:expr, $help:literal, $doc:expr, $field:ident) => {
        Directive {
            name: $name,
            chapter: Chapter::Request,
            contexts: $contexts,
            arity: ONE,
            syntax: "On|Off",
            default: "Off",
            help: $help,
            doc: $doc,
            apply: Apply::Directory(|config, words, _| {
                if let [word, ..] = words {
                    config.$field = Some(arguments::on_off($name, word)?);
                }
                Ok(())
            }),
        }
    };
}

pub const PASS_AUTHORIZATION: Directive = switch!(
    "WSGIPassAuthorization",
    FILE_INFO,
    "Whether the application gets the Authorization header.",
    "\
On: `HTTP_AUTHORIZATION` contains the header. Every application that checks passwords or tokens itself (REST frameworks, JWT) needs it. Off: the \
     application cannot see passwords that httpd checks.",
    pass_authorization
);

pub const PASS_APACHE_REQUEST: Directive = switch!(
    "WSGIPassApacheRequest",
    Contexts::Directories,
    "Whether the application gets a capsule with httpd's request record.",
    "On: in embedded mode, `apache.request_rec` of the environ is a `PyCapsule` with the `request_rec`, for extension modules written in C.",
    pass_apache_request
);

pub const CHUNKED_REQUEST: Directive = switch!(
    "WSGIChunkedRequest",
    FILE_INFO,
    "Whether requests with a chunked body are accepted.",
    "\
Off: a request with `Transfer-Encoding: chunked` gets 411. On: the application can read such a body to its end. There is no `CONTENT_LENGTH`; \
     `wsgi.input_terminated` in the environ signals to frameworks that they may read to the end.",
    chunked_request
);

pub const ENABLE_SENDFILE: Directive = switch!(
    "WSGIEnableSendfile",
    FILE_INFO,
    "Whether files of wsgi.file_wrapper may be sent with sendfile.",
    "On: the kernel copies the file to the network. Use Off for files on network file systems, as with httpd's `EnableSendfile`.",
    enable_sendfile
);

pub const MAP_HEAD_TO_GET: Directive = Directive {
    name: "WSGIMapHEADToGET",
    chapter: Chapter::Request,
    contexts: FILE_INFO,
    arity: ONE,
    syntax: "Off|On|Auto",
    default: "Auto",
    help: "Whether applications see HEAD requests as GET requests.",
    doc: "\
Auto: the application sees a HEAD request as GET if an output filter needs the body to compute headers (compression, caching). On: always. Off: \
never. In all cases, the client gets no body.",
    apply: Apply::Directory(map_head),
};

pub const TRUSTED_PROXIES: Directive = Directive {
    name: "WSGITrustedProxies",
    chapter: Chapter::Request,
    contexts: FILE_INFO,
    arity: Arity { min: 1, max: None },
    syntax: "address|network ...",
    default: "none, which trusts every client",
    help: "The proxies whose headers about the client are trusted.",
    doc: "\
IPv4 or IPv6 addresses, or networks in the form `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or `10.`. The headers of `WSGITrustedProxyHeaders` are applied \
only to requests from one of these addresses. For all other requests, these headers are removed. Several directives in the same section are \
combined. A section with this directive replaces the inherited list.",
    apply: Apply::Directory(trusted_proxies),
};

pub const TRUSTED_PROXY_HEADERS: Directive = Directive {
    name: "WSGITrustedProxyHeaders",
    chapter: Chapter::Request,
    contexts: FILE_INFO,
    arity: Arity { min: 1, max: None },
    syntax: "header ...",
    default: "none",
    help: "The headers in which trusted proxies describe the client.",
    doc: "\
Name only headers that your proxy always sets or removes. Without `WSGITrustedProxies`, they are trusted from every client, and `apachectl \
configtest` warns of that.

| Header | Sets |
|---|---|
| `X-Forwarded-For`, `X-Client-IP`, `X-Real-IP` | `REMOTE_ADDR` |
| `X-Forwarded-Host`, `X-Host` | `HTTP_HOST` |
| `X-Forwarded-Server` | `SERVER_NAME` |
| `X-Forwarded-Port` | `SERVER_PORT` |
| `X-Script-Name`, `X-Forwarded-Script-Name` | `SCRIPT_NAME` and `mod_wsgi.mount_point` |
| `X-Forwarded-Proto`, `X-Forwarded-Scheme`, `X-Scheme` (`http` or `https`) | `wsgi.url_scheme` |
| `X-Forwarded-HTTPS`, `X-Forwarded-SSL`, `X-HTTPS` (`On`, `Off`, `true`, `false`, `1`, `0`) | `wsgi.url_scheme` |

If one header of a row is named, the other headers of that row are always removed from the environ. The two rows for `wsgi.url_scheme` count as one. \
`X-Forwarded-For` is read from its end, skipping addresses of trusted proxies. Several directives in the same section are combined. A \
section with this directive replaces the inherited list. The log and the access control of httpd are not affected.",
    apply: Apply::Directory(trusted_proxy_headers),
};

fn map_head(config: &mut DirectoryConfig, words: &[&[u8]], _: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let [word, ..] = words else { return Ok(()) };
    config.map_head = Some(match *word {
        w if w.eq_ignore_ascii_case(b"off") => MapHead::Off,
        w if w.eq_ignore_ascii_case(b"on") => MapHead::On,
        w if w.eq_ignore_ascii_case(b"auto") => MapHead::Auto,
        w => {
            return Err(ConfigError::new(
                format!("WSGIMapHEADToGET must be one of: Off | On | Auto, found: {}", quoted(w)),
                "write `WSGIMapHEADToGET Auto`, or remove the directive",
            ));
        }
    });
    Ok(())
}

fn trusted_proxies(config: &mut DirectoryConfig, words: &[&[u8]], context: &DirectiveContext<'_>) -> Result<(), ConfigError> {
    let mut networks = config.trusted_proxies.as_deref().unwrap_or_default().to_vec();
    for word in words {
        networks.push(Network::parse(word).ok_or_else(|| {
            ConfigError::new(
                format!("WSGITrustedProxies: {} is not an IP address and not a network", quoted(word)),
                "write addresses and networks such as `127.0.0.1`, `10.0.0.0/8` or `2001:db8::/32`; host names are not supported",
            )
        })?);
    }
    config.trusted_proxies = Some(networks.into());
    context.notes.note_proxies();
    Ok(())
}

fn trusted_proxy_headers(
    config: &mut DirectoryConfig,
    words: &[&[u8]],
    context: &DirectiveContext<'_>,
) -> Result<(), ConfigError> {
    let mut headers: Vec<&'static ProxyHeader> = config.trusted_proxy_headers.as_deref().unwrap_or_default().to_vec();
    for word in words {
        headers.push(proxy_header::find(word).ok_or_else(|| {
            let known: Vec<&str> = PROXY_HEADERS.iter().map(|header| header.name).collect();
            ConfigError::new(
                format!("WSGITrustedProxyHeaders: {} is not a supported header", quoted(word)),
                format!("use one of {}", known.join(", ")),
            )
        })?);
    }
    config.trusted_proxy_headers = Some(headers.into());
    if context.section.is_some() {
        context.notes.note_proxy_headers_in_section(context.name());
    }
    Ok(())
}
