/*! The option that was probably meant. *Runs in: parent.* */

use super::options::OPTIONS;

/// The option whose name is nearest to `name`, if one is near.
pub fn nearest(name: &[u8]) -> Option<&'static str> {
    // Case does not matter, and neither do characters that no option has.
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let distances = OPTIONS.iter().map(|option| (strsim::levenshtein(option.name, &name), option.name));
    let (distance, option) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1.max(option.len() / 4)).then_some(option)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        for (word, expected) in [
            ("process", Some("processes")),
            ("Threads", Some("threads")),
            ("python_home", Some("python-home")),
            ("maximum-request", Some("maximum-requests")),
            ("usr", Some("user")),
            ("foo", None),
            ("", None),
            ("virtualenv", None),
        ] {
            assert_eq!(nearest(word.as_bytes()), expected, "{word}");
        }
    }
}
