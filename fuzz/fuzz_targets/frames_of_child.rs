#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::frames_of_child(bytes));
