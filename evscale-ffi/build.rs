//! Gives the shared library its soname: the major version, or the minor one before 1.0.

fn main() {
    let version = |part: &str| std::env::var(part).unwrap_or_default();
    let (major, minor) = (version("CARGO_PKG_VERSION_MAJOR"), version("CARGO_PKG_VERSION_MINOR"));
    let abi = if major == "0" { format!("0.{minor}") } else { major };
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libevscale.so.{abi}");
    }
}
