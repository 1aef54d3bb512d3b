//! Writes `include/evscale.h`, or with `--check` compares it with what would be written.

use std::path::Path;
use std::process::ExitCode;

/// Modules of the crate in the order of the header.
const SECTIONS: [&str; 13] = [
    "version",
    "error",
    "records",
    "bundle",
    "autoscaler",
    "reports",
    "reference",
    "save",
    "orders",
    "meter",
    "announcements",
    "fleet",
    "fleet_pools",
];

fn main() -> ExitCode {
    // asked at run time: several checkouts may share one target folder
    let Ok(here) = std::env::var("CARGO_MANIFEST_DIR") else { return fail("run it by cargo run") };
    let root = Path::new(&here).join("../..");
    let crate_folder = root.join("evscale-ffi");
    let config = match cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")) {
        Ok(config) => config,
        Err(problem) => return fail(&problem),
    };
    let mut builder = cbindgen::Builder::new().with_config(config);
    for part in SECTIONS {
        builder = builder.with_src(crate_folder.join("src").join(part).with_extension("rs"));
    }
    let mut header = Vec::new();
    match builder.generate() {
        Ok(bindings) => bindings.write(&mut header),
        Err(problem) => return fail(&problem.to_string()),
    }
    let path = root.join("include/evscale.h");
    if std::env::args().any(|argument| argument == "--check") {
        if std::fs::read(&path).is_ok_and(|present| present == header) {
            println!("include/evscale.h is up to date");
            return ExitCode::SUCCESS;
        }
        return fail("include/evscale.h differs from what evscale-ffi/src gives; run `make header`");
    }
    match std::fs::write(&path, header) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => fail(&problem.to_string()),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
