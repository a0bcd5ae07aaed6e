#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bailiwick_authorization_server::probe::part(data));
