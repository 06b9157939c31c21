/*! How many processes a group can have, and the sizes below which no Python of 3.9 to 3.13 runs, with what to say to whoever names one. They do not depend on the machine: such a value is a mistake
in the text, most often megabytes where bytes belong. *Runs in: parent.* */

use protocol::table::MOST_SLOTS;

use super::option::Range;

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

/// A number that is one, and too small.
pub fn is_small(value: &[u8], range: Range) -> bool {
    digits(value).is_some_and(|number| number < range.min)
}

/// What to write instead: a number for memory may have been meant in a larger unit.
pub fn cure(option: &str, value: &[u8], range: Range) -> String {
    let number = digits(value).unwrap_or(0);
    // Megabytes are what people think in for memory; a stack of so many of them would be larger than any.
    let thought_in = match option {
        "stack-size" => Some((KIB, "KB")),
        "memory-limit" | "virtual-memory-limit" => Some((MIB, "MB")),
        _ => None,
    };
    let meant = thought_in.and_then(|(unit, name)| Some((number.checked_mul(unit)?, name)));
    match meant.filter(|(bytes, _)| (range.min..=range.max).contains(bytes)) {
        Some((bytes, name)) => format!("it counts bytes: write `{option}={bytes}` for {number} {name}, or leave the option out"),
        None if thought_in.is_some() => {
            format!("it counts bytes, and Python needs at least {}; or leave the option out", range.min)
        }
        None => format!("it counts bytes, and the least is {}; or leave the option out", range.min),
    }
}

fn digits(value: &[u8]) -> Option<u64> {
    str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}
