//! Writes the code of KEDA's interface: `cargo run --manifest-path tools/keda/Cargo.toml` in `evscale-server/`.

fn main() -> std::io::Result<()> {
    let out = "target/keda";
    std::fs::create_dir_all(out)?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .out_dir(out)
        .compile_protos(&["proto/external_scaler.proto"], &["proto"])?;
    std::fs::rename(format!("{out}/externalscaler.rs"), "src/keda/external_scaler.rs")
}
