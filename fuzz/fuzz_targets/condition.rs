#![no_main]

#[path = "../probes/condition.rs"]
mod probe;

libfuzzer_sys::fuzz_target!(|data: &[u8]| probe::run(data));
