#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| mainsheet_bench::fuzz::run("documents", input));
