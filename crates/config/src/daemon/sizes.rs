/*! Numbers and their units; how many processes a group can have, and the sizes below which no Python of 3.9 to 3.13 runs, with the messages for them. They do not depend on the machine: such a value is a mistake
in the text, most often megabytes where bytes belong. *Runs in: parent.* */

use protocol::table::MOST_SLOTS;

/// Which whole numbers are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
    /// 0 is allowed besides, for the default or for "none".
    pub or_zero: bool,
}

impl Range {
    /// From `min` on.
    pub const fn from(min: u64) -> Self {
        Self { min, max: i32::MAX as u64, or_zero: false }
    }

    /// From `min` on, or 0.
    pub const fn zero_or_from(min: u64) -> Self {
        Self { or_zero: true, ..Self::from(min) }
    }

    pub(super) const fn holds(self, number: u64) -> bool {
        (number >= self.min && number <= self.max) || (self.or_zero && number == 0)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let zero = if self.or_zero && self.min > 0 { "0, or " } else { "" };
        write!(f, "{zero}from {} to {}", self.min, self.max)
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
}

impl Unit {
    /// As documentation and messages name a value of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "number",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
        }
    }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// `processes=`. A group's table has four places for each, so that old ones can end beside new ones. With as many as a number can say the supervisor
/// had no memory for them, and no group was served.
pub const PROCESSES: Range = Range { min: 1, max: (MOST_SLOTS / 4) as u64, or_zero: false };

/// `stack-size=`. With 48 KiB Python 3.13 dies while it imports the standard library, with 32 KiB all but 3.11 do. What is beyond the largest
/// would not be had for the threads of one process.
pub const STACK: Range = Range { min: 64 * KIB, max: GIB, or_zero: false };

/// `memory-limit=`. With 8 MiB no Python gets as far as its first thread.
pub const DATA: Range = Range { min: 8 * MIB, max: i64::MAX as u64, or_zero: true };

/// `virtual-memory-limit=`. With 16 MiB no Python gets as far as its first thread.
pub const ADDRESSES: Range = Range { min: 16 * MIB, max: i64::MAX as u64, or_zero: true };

/// A whole number as it is written, in the unit of its option: digits alone, or digits and a larger unit. Bytes: `K`, `M`, `G`, each 1024 times the one before,
/// with or without `B` or `iB` after it, in either case. Times: `ms`, `s`, `min`, `h`, as httpd's own. `None`: it is none, or no whole number in the option's unit.
pub fn number(value: &[u8], unit: Unit) -> Option<u64> {
    let text = str::from_utf8(value).ok()?;
    let (figures, name) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let figures: u64 = figures.parse().ok()?;
    if name.is_empty() {
        return Some(figures);
    }
    let milliseconds = || match name {
        "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match unit {
        Unit::Count => None,
        Unit::Bytes => {
            let factor = match name.to_ascii_uppercase().as_str() {
                "B" => 1,
                "K" | "KB" | "KIB" => KIB,
                "M" | "MB" | "MIB" => MIB,
                "G" | "GB" | "GIB" => GIB,
                _ => return None,
            };
            figures.checked_mul(factor)
        }
        Unit::Milliseconds => figures.checked_mul(milliseconds()?),
        Unit::Seconds => {
            let all = figures.checked_mul(milliseconds()?)?;
            all.is_multiple_of(1_000).then_some(all / 1_000)
        }
    }
}

/// What may stand after the digits, for messages.
pub const fn units(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "a number without a unit",
        Unit::Bytes => "a number, optionally followed by `K`, `M` or `G`",
        Unit::Seconds => "a number, optionally followed by `ms`, `s`, `min` or `h`, that gives whole seconds",
        Unit::Milliseconds => "a number, optionally followed by `ms`, `s`, `min` or `h`",
    }
}

/// A number that is one, and too small.
pub fn is_small(value: &[u8], range: Range) -> bool {
    number(value, Unit::Bytes).is_some_and(|number| number < range.min)
}

/// What to write instead: a number for memory may have been meant in a larger unit.
pub fn cure(option: &str, value: &[u8], range: Range) -> String {
    // Megabytes are what people think in for memory; a stack of so many of them would be larger than any.
    let thought_in = match option {
        "stack-size" => Some((KIB, "K")),
        "memory-limit" | "virtual-memory-limit" => Some((MIB, "M")),
        _ => None,
    };
    let figures = str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
    let meant = thought_in.zip(figures).and_then(|((unit, name), figures)| Some((figures, figures.checked_mul(unit)?, name)));
    match meant.filter(|(_, bytes, _)| (range.min..=range.max).contains(bytes)) {
        Some((figures, _, name)) => {
            format!(
                "write `{option}={figures}{name}` for {figures} {name}B (without a unit, the number is in bytes), or remove the option"
            )
        }
        None if thought_in.is_some() => {
            format!(
                "write at least {} (without a unit, the number is in bytes), which Python needs, or remove the option",
                range.min
            )
        }
        None => format!("write at least {} (without a unit, the number is in bytes), or remove the option", range.min),
    }
}
