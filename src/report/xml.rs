//! Text for XML 1.0: five entities, and everything that a document may not hold written out.

use std::fmt::Write as _;

use super::text::escape;

/// One line for an attribute or an element.
pub(super) fn line(text: &str) -> String {
    escape(text).chars().fold(String::with_capacity(text.len()), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // The only characters outside XML 1.0's `Char` that are not controls, which are escaped already.
            '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
            }
            _ => escaped.push(character),
        }
        escaped
    })
}

/// Several lines for an element.
pub(super) fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XML 1.0 § 2.2, production 2.
    fn is_char(character: char) -> bool {
        matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    }

    #[test]
    fn no_character_that_xml_forbids_survives() {
        let every: String = ('\0'..=char::MAX).collect();
        let escaped = line(&every);
        assert!(escaped.chars().all(is_char));
        assert!(!escaped.contains(['<', '>', '"', '\'', '\n', '\r']));
        assert!(escaped.contains("\\u{ffff}") && escaped.contains("\\u{0}"));
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(line("]]><a b='c'>&amp;"), "]]&gt;&lt;a b=&apos;c&apos;&gt;&amp;amp;");
        assert_eq!(lines("a<\nb\r"), "a&lt;\nb\\r");
    }
}
