//! Nodes of KDL as text.

use std::fmt::{self, Write as _};

/// Blanks for each level.
const INDENT: &str = "    ";

/// A node, made property by property.
pub(super) struct Node {
    line: String,
    children: Vec<Node>,
}

impl Node {
    pub(super) fn new(name: &str) -> Self {
        Self { line: name.to_owned(), children: Vec::new() }
    }

    fn entry(mut self, property: &str, value: impl fmt::Display) -> Self {
        let equals = if property.is_empty() { "" } else { "=" };
        write!(self.line, " {property}{equals}{value}").expect("a String takes all");
        self
    }

    pub(super) fn argument(self, text: &str) -> Self {
        self.entry("", quoted(text))
    }

    pub(super) fn text(self, property: &str, text: &str) -> Self {
        self.entry(property, quoted(text))
    }

    /// The property, unless there is nothing to say.
    pub(super) fn maybe_text(self, property: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(property, text),
            None => self,
        }
    }

    /// The property, `#null` if it is not known.
    pub(super) fn text_or_null(self, property: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(property, text),
            None => self.null(property),
        }
    }

    pub(super) fn number(self, property: &str, number: impl fmt::Display) -> Self {
        self.entry(property, number)
    }

    /// The property, unless there is nothing to say.
    pub(super) fn maybe_number(self, property: &str, number: Option<impl fmt::Display>) -> Self {
        match number {
            Some(number) => self.number(property, number),
            None => self,
        }
    }

    /// The property, `#null` if it is not known.
    pub(super) fn number_or_null(self, property: &str, number: Option<impl fmt::Display>) -> Self {
        match number {
            Some(number) => self.number(property, number),
            None => self.null(property),
        }
    }

    /// The property if it is true.
    pub(super) fn flag(self, property: &str, value: bool) -> Self {
        if value { self.entry(property, "#true") } else { self }
    }

    pub(super) fn null(self, property: &str) -> Self {
        self.entry(property, "#null")
    }

    pub(super) fn children(mut self, children: impl Iterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// Appends the node and what is inside it.
    pub(super) fn put(&self, level: usize, text: &mut String) {
        let Self { line, children } = self;
        let indent = INDENT.repeat(level);
        text.push_str(&indent);
        text.push_str(line);
        if !children.is_empty() {
            text.push_str(" {\n");
            for child in children {
                child.put(level + 1, text);
            }
            text.push_str(&indent);
            text.push('}');
        }
        text.push('\n');
    }
}

/// A text, raw if that is easier to read.
fn quoted(text: &str) -> String {
    let printable = text.chars().all(|c| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric());
    if printable && text.contains(['\\', '"']) && !text.starts_with('"') && !text.contains("\"#") {
        return format!("#\"{text}\"#");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric() => quoted.push(c),
            c => write!(quoted, "\\u{{{:x}}}", u32::from(c)).expect("a String takes all"),
        }
    }
    quoted.push('"');
    quoted
}
