//! Foreign text on its way into messages and decisions: of hosts, their exceptions, and files.

use std::fmt::Write;

/// Most characters of a message.
pub const LONGEST_MESSAGE: usize = 4000;

/// Returns `text` as it may be printed: characters that a terminal obeys or a reader does not see are written as escapes,
/// and what is beyond `most` characters is cut, with a note of how many there were.
pub fn readable(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for letter in text.chars().take(most) {
        if is_hidden(letter) {
            escape(letter, &mut out);
        } else {
            out.push(letter);
        }
    }
    let all = text.chars().count();
    if all > most {
        out.push_str(&format!("... (cut, {all} characters)"));
    }
    out
}

/// Whether a character controls a terminal or the direction of text, or has no width.
pub(crate) fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn escape(letter: char, out: &mut String) {
    let code = u32::from(letter);
    // writing to a String does not fail
    let _ = if code < 0x100 { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{code:04x}") };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_as_escapes_and_the_rest_stays() {
        assert_eq!(readable("plain \u{dc}n\u{ef}code \u{65e5}", 100), "plain \u{dc}n\u{ef}code \u{65e5}");
        assert_eq!(readable("\u{1b}[31m\n\u{9b}\u{202e}\0", 100), "\\x1b[31m\\x0a\\x9b\\u202e\\x00");
        assert_eq!(readable(&"x".repeat(5000), 3), "xxx... (cut, 5000 characters)");
    }
}
