//! Version of the header and of the library.

use std::ffi::c_char;

/// Version of this header: major * 10000 + minor * 100 + patch. Compare it with evscale_version_number() at start:
/// before 1.0 a library of another minor version has another ABI, from 1.0 on only one of another major version.
pub const EVSCALE_VERSION_NUMBER: i32 = 100;

/// Major version of this header. EVSCALE_VERSION_STRING has the whole one as a text.
pub const EVSCALE_VERSION_MAJOR: i32 = 0;
/// Minor version of this header.
pub const EVSCALE_VERSION_MINOR: i32 = 1;
/// Patch version of this header.
pub const EVSCALE_VERSION_PATCH: i32 = 0;

/// Version of the library, such as "0.1.0"; valid for ever. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn evscale_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Version of the library as a number, as EVSCALE_VERSION_NUMBER is that of the header. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn evscale_version_number() -> i32 {
    EVSCALE_VERSION_NUMBER
}
