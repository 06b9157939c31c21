/*! The option that was probably meant. *Runs in: parent.* */

use super::options::OPTIONS;

/// The option whose name is nearest to `name`, if one is near.
pub fn nearest(name: &[u8]) -> Option<&'static str> {
    let distances = OPTIONS.iter().map(|option| (distance(option.name.as_bytes(), name), option.name));
    let (distance, option) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1.max(option.len() / 4)).then_some(option)
}

/// How many letters have to be put in, taken out or replaced to make one of the other (Levenshtein).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.windows(2)) {
            let (diagonal, up) = match above {
                [diagonal, up] => (*diagonal, *up),
                _ => (usize::MAX, usize::MAX),
            };
            left = (diagonal.saturating_add(usize::from(!from.eq_ignore_ascii_case(to)))).min(up.saturating_add(1)).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
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
