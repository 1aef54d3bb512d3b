//! Writes `include/evscale.h`, or with `--check` compares it with what would be written.

use std::path::Path;
use std::process::ExitCode;

/// Modules of the crate in the order of the header.
const SECTIONS: [&str; 22] = [
    "version",
    "error",
    "class_counts",
    "records",
    "bundle",
    "configuration",
    "autoscaler",
    "reports",
    "reference",
    "save",
    "orders",
    "callbacks",
    "meter",
    "announcements",
    "fleet",
    "fleet_tick",
    "fleet_pools",
    "fleet_records",
    "lifecycle",
    "forecaster",
    "backtest",
    "log",
];

fn main() -> ExitCode {
    // asked at run time: several checkouts may share one target folder
    let Ok(here) = std::env::var("CARGO_MANIFEST_DIR") else { return fail("run it by cargo run") };
    let root = Path::new(&here).join("../..");
    let crate_folder = root.join("evscale-ffi");
    let mut config = match cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")) {
        Ok(config) => config,
        Err(problem) => return fail(&problem),
    };
    let Some(version) = version_of(&root.join("Cargo.toml")) else {
        return fail("Cargo.toml has no version");
    };
    // cbindgen knows no texts
    let text = format!("// Version of this header as a text.\n#define EVSCALE_VERSION_STRING \"{version}\"");
    config.after_includes = config.after_includes.map(|after| format!("{after}\n{text}"));
    let Ok(library) = std::fs::read_to_string(crate_folder.join("src/lib.rs")) else {
        return fail("evscale-ffi/src/lib.rs cannot be read");
    };
    let mut public = library.lines().filter_map(|line| line.strip_prefix("pub use ")?.strip_suffix("::*;"));
    if let Some(missing) = public.find(|module| !SECTIONS.contains(module)) {
        return fail(&format!("evscale-ffi/src/{missing}.rs has no place in SECTIONS of tools/header/src/main.rs"));
    }
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

/// The first `version = "..."` of a manifest.
fn version_of(manifest: &Path) -> Option<String> {
    let text = std::fs::read_to_string(manifest).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("version = \""))?;
    Some(line.trim_end_matches('"').to_owned())
}

fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
