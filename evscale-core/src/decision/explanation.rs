//! A decision in words, sentence by sentence.

use super::evidence::Evidence;
use crate::config::Mode;
use crate::safety::TrailEntry;

/// Returns the explanation of a recommendation for a pool of `current` jobs: what is to be done, for which need, by which rule, and
/// what changed its answer.
pub(super) fn explanation(
    recommended: Option<u32>,
    current: Option<u32>,
    fallback: Option<&str>,
    trail: &[TrailEntry],
    evidence: &Evidence<'_>,
) -> String {
    let mut words = String::new();
    if evidence.config.mode == Mode::Advise {
        words.push_str("Advice: ");
    }
    words.push_str(&match (recommended, current) {
        (None, _) => "No recommendation: leave the pool as it is.".to_owned(),
        (Some(to), None) => {
            format!("Run {to} jobs: a person has ordered them, and the size of the pool is unknown.")
        }
        (Some(to), Some(from)) if to > from => format!("Scale up from {from} to {to} jobs."),
        (Some(to), Some(from)) if to < from => format!("Scale down from {from} to {to} jobs."),
        (Some(to), Some(_)) => format!("Stay at {to} jobs."),
    });
    if let Some(need) = evidence.outlook.need() {
        let [median, _, upper, _] = need.near;
        words.push_str(&format!(
            " The forecast needs {median:.1} jobs (median) to {upper:.1} (95 % quantile)."
        ));
    }
    if let Some(load) = evidence.outlook.load() {
        let (rule, late) = (evidence.selection.describe(), evidence.selection.expected_late_share(load));
        words.push_str(&format!(" Rule: {rule}; {:.2} % late in shadow evaluation.", 100.0 * late));
    }
    if let Some(classes) = evidence.outlook.classes_in_words() {
        words.push_str(&format!(" {classes}."));
    }
    if evidence.outlook.emergency {
        words.push_str(" Emergency: the demand may exceed the pool before the next decision.");
        words.push_str(match (recommended == current, trail.is_empty()) {
            (false, _) => "",
            (true, true) => " The rule asks for no more jobs than there are.",
            (true, false) => " The safety rules allow no more jobs.",
        });
    }
    let notes = fallback.into_iter().chain(evidence.notes.iter().map(String::as_str));
    let changes = trail
        .iter()
        .map(|entry| format!("{} {} -> {} ({})", entry.rule, entry.before, entry.after, entry.detail));
    list(&mut words, "Note", notes.map(str::to_owned).collect());
    list(&mut words, "Safety rules", changes.collect());
    words
}

/// Adds a list, if there is anything in it.
fn list(words: &mut String, name: &str, items: Vec<String>) {
    if !items.is_empty() {
        words.push_str(&format!(" {name}: {}.", items.join("; ")));
    }
}
