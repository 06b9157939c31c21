/*! The headers by which a proxy tells about the client: the ones that `WSGITrustedProxyHeaders` can name.

They fall into categories; within one, the headers are synonyms, and only what was believed may stay in the environ. *Runs in: parent (parsing), child (per request).* */

/// What a header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The client's address.
    Client,
    /// The host that the client asked for.
    Host,
    /// The proxy's own name.
    Server,
    /// The port that the client asked.
    Port,
    /// Where the application is mounted for the client.
    ScriptName,
    /// Whether the client's connection is TLS.
    Scheme,
}

/// One known header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// As it is written in a configuration.
    pub name: &'static str,
    /// As it stands in the environ.
    pub key: &'static str,
    /// What it tells.
    pub category: Category,
    /// Its value is a switch (`on`, `1`) and not a scheme (`https`).
    pub switch: bool,
}

const fn header(name: &'static str, key: &'static str, category: Category) -> ProxyHeader {
    ProxyHeader { name, key, category, switch: false }
}

const fn switch(name: &'static str, key: &'static str) -> ProxyHeader {
    ProxyHeader { name, key, category: Category::Scheme, switch: true }
}

/// The known headers, category by category.
pub const PROXY_HEADERS: &[ProxyHeader] = &[
    header("X-Forwarded-For", FORWARDED_FOR, Category::Client),
    header("X-Client-IP", "HTTP_X_CLIENT_IP", Category::Client),
    header("X-Real-IP", "HTTP_X_REAL_IP", Category::Client),
    header("X-Forwarded-Host", "HTTP_X_FORWARDED_HOST", Category::Host),
    header("X-Host", "HTTP_X_HOST", Category::Host),
    header("X-Forwarded-Server", "HTTP_X_FORWARDED_SERVER", Category::Server),
    header("X-Forwarded-Port", "HTTP_X_FORWARDED_PORT", Category::Port),
    header("X-Script-Name", "HTTP_X_SCRIPT_NAME", Category::ScriptName),
    header("X-Forwarded-Script-Name", "HTTP_X_FORWARDED_SCRIPT_NAME", Category::ScriptName),
    header("X-Forwarded-Proto", "HTTP_X_FORWARDED_PROTO", Category::Scheme),
    header("X-Forwarded-Scheme", "HTTP_X_FORWARDED_SCHEME", Category::Scheme),
    header("X-Scheme", "HTTP_X_SCHEME", Category::Scheme),
    switch("X-Forwarded-HTTPS", "HTTP_X_FORWARDED_HTTPS"),
    switch("X-Forwarded-SSL", "HTTP_X_FORWARDED_SSL"),
    switch("X-HTTPS", "HTTP_X_HTTPS"),
];

/// The one header that holds a list.
pub const FORWARDED_FOR: &str = "HTTP_X_FORWARDED_FOR";

/// The known header of this name, in any case.
pub fn find(name: &[u8]) -> Option<&'static ProxyHeader> {
    PROXY_HEADERS.iter().find(|header| header.name.as_bytes().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{PROXY_HEADERS, find};

    #[test]
    fn every_key_is_what_cgi_makes_of_the_name() {
        for header in PROXY_HEADERS {
            assert_eq!(header.key, format!("HTTP_{}", header.name.to_ascii_uppercase().replace('-', "_")));
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_only_whole() {
        assert_eq!(find(b"x-forwarded-FOR").map(|header| header.name), Some("X-Forwarded-For"));
        for unknown in [b"X-Forwarded".as_slice(), b"X-Forwarded-For-", b"Forwarded", b"X_Forwarded_For", b""] {
            assert_eq!(find(unknown), None, "{unknown:?}");
        }
    }
}
