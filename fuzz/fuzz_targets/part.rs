#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bailiwick_authorization_engine::parts::probe::part(data));
