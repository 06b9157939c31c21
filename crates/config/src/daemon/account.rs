/*! A user or a group as `WSGIDaemonProcess` names it: by name, or by number with `#` before it. Whether it exists is a question to the
machine, and asked later. *Runs in: parent.* */

use crate::error::quoted;
use crate::settings::Text;

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// By name.
    Name(Text),
    /// By number.
    Id(u32),
}

impl Account {
    /// Reads `name` or `#number`. `None` for what can be neither: nothing, or a number that no account has.
    pub fn parse(word: &[u8]) -> Option<Self> {
        match word {
            [] | [b'#'] => None,
            [b'#', digits @ ..] => {
                let digits = str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
                // The highest number is -1 to the kernel, which means "leave it as it is".
                digits.parse().ok().filter(|id| *id != u32::MAX).map(Self::Id)
            }
            name => Some(Self::Name(name.into())),
        }
    }

    /// Whether the text alone says that it is root.
    pub fn is_root(&self) -> bool {
        match self {
            Self::Name(name) => **name == *b"root",
            Self::Id(id) => *id == 0,
        }
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&quoted(name)),
            Self::Id(id) => write!(f, "`#{id}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn an_account_is_a_name_or_a_number() {
        let name = |name: &str| Some(Account::Name(name.as_bytes().into()));
        for (word, expected) in [
            ("shop", name("shop")),
            ("1000", name("1000")),
            ("#1000", Some(Account::Id(1000))),
            ("#0", Some(Account::Id(0))),
            ("", None),
            ("#", None),
            ("#x", None),
            ("#1x", None),
            ("#-1", None),
            ("#+1", None),
            ("#4294967295", None),
            ("#4294967296", None),
        ] {
            assert_eq!(Account::parse(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn root_is_known_by_name_and_by_number() {
        for (word, root) in [("root", true), ("#0", true), ("#000", true), ("Root", false), ("shop", false), ("#1", false)] {
            assert_eq!(Account::parse(word.as_bytes()).map(|account| account.is_root()), Some(root), "{word}");
        }
    }
}
