#![no_main]

#[path = "../probes/cached.rs"]
mod probe;

libfuzzer_sys::fuzz_target!(|data: &[u8]| probe::run(data));
