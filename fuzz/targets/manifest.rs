//! A manifest in front of empty network files: refused with an error that names what is wrong.

#![no_main]

use evscale_core::{ErrorKind, ModelBundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let problem = ModelBundle::from_files(input, b"", b"").expect_err("empty networks are refused");
    assert_eq!(problem.kind(), ErrorKind::InvalidBundle, "{problem}");
});
