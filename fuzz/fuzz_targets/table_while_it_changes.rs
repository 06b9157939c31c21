#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::table_while_it_changes(bytes));
