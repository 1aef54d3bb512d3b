//! A command that carries a decision out.

use super::ActuatorSettings;
use crate::engine::Execution;
use std::process::Stdio;

/// Most of what a command says that is kept, characters.
const MOST_SAID: usize = 300;

pub(super) async fn run(settings: &ActuatorSettings, execution: &Execution) -> Result<String, String> {
    let words = settings.command.as_deref().unwrap_or_default();
    let filled = |word: &String| {
        word.replace("{jobs}", &execution.jobs.to_string())
            .replace(
                "{current_jobs}",
                &execution.current_jobs.map_or_else(String::new, |jobs| jobs.to_string()),
            )
            .replace("{pool}", &execution.pool)
            .replace("{key}", &execution.key)
    };
    let (program, arguments) = words.split_first().ok_or("no command is set")?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments.iter().map(filled)).stdin(Stdio::null()).kill_on_drop(true);
    // secrets of the server are none of the command's business
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EVSCALE_") {
            command.env_remove(name);
        }
    }
    let ended = tokio::time::timeout(settings.timeout(), command.output()).await;
    let output = ended
        .map_err(|_| format!("`{program}` took longer than {} s and was ended", settings.timeout_seconds))?
        .map_err(|problem| format!("`{program}` cannot be started: {problem}"))?;
    let said = if output.status.success() { &output.stdout } else { &output.stderr };
    let said: String = String::from_utf8_lossy(said).trim().chars().take(MOST_SAID).collect();
    if output.status.success() {
        return Ok(if said.is_empty() { format!("`{program}` ended well") } else { said });
    }
    Err(format!("`{program}` ended with {}: {said}", output.status))
}
