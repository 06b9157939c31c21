/*! Splits the rest of a directive's line into words, as Apache does, with two additions: the value of an option may be quoted, and blanks may
stand before it.

Apache's own splitter (`ap_getword_conf`) knows quotes only at the beginning of a word, but mod_wsgi's option lists are written
`process-group="my group"`, and `threads= 2` is `threads=2` to it. So the module takes every line raw and splits it here. *Runs in: parent, and in a child for
`.htaccess` files.* */

use super::error::{ConfigError, quoted};

/// Splits `raw` at white space. A word that begins with `"` or `'` ends at the next such quote, and a quoted value may also follow
/// the first `=` of a word. From the second word on, an option's name and its `=` take the word after them as their value, unless that is an
/// option itself: `python-path= threads=2` has an empty value and another option. A backslash takes the meaning of a backslash after it away, and inside quotes of the quote.
///
/// # Errors
/// A quote that is never closed.
pub fn split(raw: &[u8]) -> Result<Vec<Vec<u8>>, ConfigError> {
    let mut words = Vec::new();
    let mut rest = raw.trim_ascii_start();
    while !rest.is_empty() {
        let (mut word, after) = one(rest)?;
        let plain = rest.len() - after.len() == word.len();
        rest = after.trim_ascii_start();
        if plain && !words.is_empty() && name_of_option(&word) == Some(word.len()) && name_of_option(rest).is_none() {
            let (value, after) = if rest.is_empty() { (Vec::new(), rest) } else { one(rest)? };
            word.extend(value);
            rest = after.trim_ascii_start();
        }
        words.push(word);
    }
    Ok(words)
}

/// The length of the name of an option with its `=`, if `text` begins with one.
fn name_of_option(text: &[u8]) -> Option<usize> {
    let equals = text.iter().position(|byte| !(byte.is_ascii_lowercase() || *byte == b'-'))?;
    (equals > 0 && text.get(equals) == Some(&b'=')).then_some(equals + 1)
}

/// The first word of `text` (which does not begin with white space) and what follows it.
fn one(text: &[u8]) -> Result<(Vec<u8>, &[u8]), ConfigError> {
    if let [quote @ (b'"' | b'\''), rest @ ..] = text {
        return in_quotes(*quote, rest);
    }
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (plain, after) = text.split_at_checked(end).unwrap_or((text, b""));
    let Some(equals) = plain.iter().position(|byte| *byte == b'=') else {
        return Ok((single_backslashes(plain), after));
    };
    let (name, value) = text.split_at_checked(equals + 1).unwrap_or((text, b""));
    let [quote @ (b'"' | b'\''), value @ ..] = value else {
        return Ok((single_backslashes(plain), after));
    };
    let (value, after) = in_quotes(*quote, value)?;
    Ok(([name, &value].concat(), after))
}

/// A word without quotes, two backslashes made one.
fn single_backslashes(text: &[u8]) -> Vec<u8> {
    let mut word = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        word.push(*byte);
        rest = match after {
            [b'\\', tail @ ..] if *byte == b'\\' => tail,
            _ => after,
        };
    }
    word
}

/// The text up to the closing `quote`, and what follows it.
fn in_quotes(quote: u8, text: &[u8]) -> Result<(Vec<u8>, &[u8]), ConfigError> {
    let mut word = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [b'\\', escaped, after @ ..] if *escaped == quote || *escaped == b'\\' => {
                word.push(*escaped);
                rest = after;
            }
            [byte, after @ ..] if *byte == quote => return Ok((word, after)),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
            [] => {
                return Err(ConfigError::new(
                    format!("the closing quote is missing after {}", quoted(text)),
                    format!("end the value with `{}`", char::from(quote)),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(raw: &str) -> Vec<String> {
        let found = split(raw.as_bytes()).unwrap_or_default();
        found.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    #[test]
    fn words_are_split_as_apache_splits_them() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  ", &[]),
            ("/ /srv/app.wsgi", &["/", "/srv/app.wsgi"]),
            ("\t/a  \"/srv/my app.wsgi\" ", &["/a", "/srv/my app.wsgi"]),
            ("'a b' c", &["a b", "c"]),
            (r#""say \"hi\" \\ \n""#, &[r#"say "hi" \ \n"#]),
            (r"^/(\w+)\.py$", &[r"^/(\w+)\.py$"]),
            (r"a\\b \\\", &[r"a\b", r"\\"]),
            (r#"x"y z"#, &[r#"x"y"#, "z"]),
            (r#""""#, &[""]),
        ];
        for (raw, expected) in cases {
            assert_eq!(&words(raw), expected, "{raw}");
        }
    }

    #[test]
    fn the_value_of_an_option_may_be_quoted() {
        assert_eq!(
            words(r#"process-group="a b" application-group='c d' x=y"#),
            ["process-group=a b", "application-group=c d", "x=y"]
        );
        assert_eq!(words(r#"callable-object="" "#), ["callable-object="]);
        assert_eq!(words("shop python-path='' home=\"\" /a"), ["shop", "python-path=", "home=", "/a"]);
        assert_eq!(words("a=b=\"c"), ["a=b=\"c"]);
    }

    #[test]
    fn blanks_may_stand_before_the_value_of_an_option() {
        assert_eq!(words("shop threads= 2 processes=\t'3'"), ["shop", "threads=2", "processes=3"]);
        assert_eq!(words("shop python-path= threads=2 lang="), ["shop", "python-path=", "threads=2", "lang="]);
        assert_eq!(words("^/a= /b /c= /d"), ["^/a=", "/b", "/c=", "/d"]);
        assert_eq!(words("threads= 2"), ["threads=", "2"], "the first word is a name, a path or an expression");
        assert_eq!(words("shop threads = 2"), ["shop", "threads", "=", "2"]);
    }

    #[test]
    fn an_open_quote_is_refused() {
        for raw in ["\"abc", "'abc", "name=\"abc", "\"abc\\\""] {
            assert!(split(raw.as_bytes()).is_err(), "{raw}");
        }
    }
}
