/*! What of a request's headers and of httpd's table of variables may reach the application at all. *Runs in: child, once per request.* */

/// What becomes of an entry of httpd's table.
#[derive(Debug, PartialEq, Eq)]
pub enum EnvAction {
    /// Lent to the application.
    Kept,
    /// Not for the application, or set anew by [`super::build`].
    Dropped,
    /// `HTTPS`: tells the scheme, and is not passed on.
    Scheme,
}

/// Decides by the first letter, so that the many `HTTP_` and `SSL_` keys cost one or two comparisons. The keys of httpd's table
/// are one whatever their case, so they are here too. `head_as_get`: the method is told otherwise; `authorized`: the environ gets the
/// `Authorization` header that was sent.
pub fn action(key: &[u8], head_as_get: bool, authorized: bool) -> EnvAction {
    let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
    let begins = |prefix: &str| key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    let dropped = match key.first().map(u8::to_ascii_uppercase) {
        // The application runs below the server, not below a shell: what describes the CGI process is misleading or harmful.
        Some(b'D') => is("DYLD_LIBRARY_PATH"),
        Some(b'G') => is("GATEWAY_INTERFACE"),
        Some(b'L') => is("LD_LIBRARY_PATH") || is("LIBPATH"),
        Some(b'P') => is("PATH") || is("PATH_INFO") || is("PATH_TRANSLATED"),
        Some(b'R') => is("REMOTE_HOST") || is("REMOTE_IDENT") || (head_as_get && is("REQUEST_METHOD")),
        Some(b'S') => is("SCRIPT_NAME") || is("SERVER_SIGNATURE") || is("SHLIB_PATH"),
        Some(b'H') if is("HTTPS") => return EnvAction::Scheme,
        // A client's `Proxy` header would send the application's own requests elsewhere (httpoxy).
        Some(b'H') => is("HTTP_PROXY") || (authorized && is("HTTP_AUTHORIZATION")),
        // What PEP 3333 and mod_wsgi promise to the application is not for `SetEnv` to say.
        Some(b'W') => begins("wsgi."),
        Some(b'M') => begins("mod_wsgi."),
        Some(b'A') => begins("apache."),
        None => true,
        _ => false,
    };
    if dropped { EnvAction::Dropped } else { EnvAction::Kept }
}

/// Whether a request header may become an environ entry. What is refused is to be removed from `headers_in` before httpd makes
/// variables of them: a name with another character than letters, digits and `-` (so that `X_Real_IP` cannot pass for
/// `X-Real-IP`), and `Proxy` (httpoxy).
pub fn keeps_header(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') && !name.eq_ignore_ascii_case(b"proxy")
}

#[cfg(test)]
mod tests {
    use super::keeps_header;

    #[test]
    fn only_headers_with_plain_names_are_kept() {
        for name in ["Host", "X-Forwarded-For", "x2", "Proxy-Connection"] {
            assert!(keeps_header(name.as_bytes()), "{name}");
        }
        for name in ["X_Forwarded_For", "Proxy", "pROXY", "a.b", "a b", "caf\u{e9}", "a\0"] {
            assert!(!keeps_header(name.as_bytes()), "{name}");
        }
    }
}
