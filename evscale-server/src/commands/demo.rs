//! A server to look at: loopback, a database of its own, two simulated pools.

use super::feed::Feed;
use super::serve::serve;
use crate::config::{ClockSource, LogFormat, Settings};
use crate::problem::{Problem, Result};
use std::process::ExitCode;
use std::time::Duration;

/// Serves and feeds until Ctrl-C.
///
/// # Errors
/// The port is taken.
pub fn demo(port: u16) -> Result<ExitCode> {
    let folder = std::env::temp_dir().join(format!("evscale-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .map_err(|problem| Problem::config(format!("`{}`: {problem}", folder.display())))?;
    let url = format!("http://127.0.0.1:{port}");
    let mut settings = Settings::default();
    settings.listen.address = format!("127.0.0.1:{port}");
    settings.storage.url = format!("sqlite:{}", folder.join("evscale.db").display());
    settings.clock.source = ClockSource::Records;
    settings.log.format = LogFormat::Text;
    settings.log.level = "warn".to_owned();
    settings.security.requests_per_second = 10_000;
    settings.security.burst = 10_000;
    let shown = url.clone();
    std::thread::spawn(move || {
        wait(port);
        println!(
            "evscale-server runs with two simulated pools, `orders` and `emails`; a second is two minutes.\n"
        );
        println!("  the page            {shown}/");
        println!("  the interface       {shown}/docs");
        println!("  a decision          curl {shown}/pools/orders/scaling_decision");
        println!("  a forecast          curl '{shown}/pools/orders/forecast?keys=intervals'");
        println!("  Prometheus metrics  curl {shown}/metrics\n\nCtrl-C ends it.");
        if let Err(problem) = Feed::of_demo(shown).run() {
            eprintln!("the feed ended: {problem}");
        }
    });
    let ended = serve(&settings);
    let _ = std::fs::remove_dir_all(&folder);
    ended
}

fn wait(port: u16) {
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(50));
    }
}
