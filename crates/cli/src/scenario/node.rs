//! Taking KDL nodes apart, with the place of whatever is wrong.

use kdl::{KdlEntry, KdlNode, KdlValue};

use crate::place::{BadInput, Place};

/// The text of a scenario, for places in it.
#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) file: &'t str,
    pub(super) text: &'t str,
}

impl Text<'_> {
    pub(super) fn place(&self, offset: usize) -> Place {
        Place::START.advanced(self.text.as_bytes(), offset)
    }

    /// Something wrong at byte `offset`.
    pub(super) fn error(&self, offset: usize, message: impl Into<String>) -> BadInput {
        let offset = offset.min(self.text.len());
        let begin = self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |length| offset + length);
        let line = self.text[begin..end].trim_end_matches('\r');
        BadInput::new(self.file, message).at(self.place(offset)).excerpt(line, offset - begin)
    }
}

/// A node whose arguments and properties are taken one by one; what is left over at the end is an error.
pub(super) struct Node<'t, 'n> {
    text: Text<'t>,
    inner: &'n KdlNode,
    taken: Vec<bool>,
}

impl<'t, 'n> Node<'t, 'n> {
    pub(super) fn new(text: Text<'t>, node: &'n KdlNode) -> Self {
        Self { text, inner: node, taken: vec![false; node.entries().len()] }
    }

    pub(super) fn name(&self) -> &'n str {
        self.inner.name().value()
    }

    fn offset(&self) -> usize {
        // A node's span begins with the blanks before its name.
        self.inner.name().span().offset()
    }

    pub(super) fn place(&self) -> Place {
        self.text.place(self.offset())
    }

    /// Something wrong with the node as a whole.
    pub(super) fn error(&self, message: impl Into<String>) -> BadInput {
        self.text.error(self.offset(), message)
    }

    /// Something wrong with the property of that name, or with the node if it has none.
    pub(super) fn error_at(&self, property: &str, message: impl Into<String>) -> BadInput {
        let entry = self
            .inner
            .entries()
            .iter()
            .find(|entry| entry.name().is_some_and(|name| name.value() == property));
        match entry {
            Some(entry) => self.error_in(entry, message),
            None => self.error(message),
        }
    }

    fn error_in(&self, entry: &KdlEntry, message: impl Into<String>) -> BadInput {
        let span = entry.span();
        let slice = self.text.text.get(span.offset()..).unwrap_or_default();
        let blanks = slice.len() - slice.trim_start().len();
        self.text.error(span.offset() + blanks, message)
    }

    fn take(&mut self, property: &str) -> Option<&'n KdlEntry> {
        let named = |entry: &KdlEntry| entry.name().is_some_and(|name| name.value() == property);
        let index = self.inner.entries().iter().position(named)?;
        self.taken[index] = true;
        self.inner.entries().get(index)
    }

    /// The next argument, a text.
    pub(super) fn argument(&mut self, what: &str) -> Result<&'n str, BadInput> {
        let next = (0..self.taken.len())
            .find(|index| !self.taken[*index] && self.inner.entries()[*index].name().is_none());
        let Some(index) = next else {
            return Err(self.error(format!("`{}` needs {what} as its argument", self.name())));
        };
        self.taken[index] = true;
        let entry = &self.inner.entries()[index];
        match entry.value() {
            KdlValue::String(text) => Ok(text),
            _ => Err(self.error_in(entry, format!("{what} must be a text"))),
        }
    }

    /// A property that may lack, a text.
    pub(super) fn text(&mut self, property: &str) -> Result<Option<&'n str>, BadInput> {
        let Some(entry) = self.take(property) else {
            return Ok(None);
        };
        match entry.value() {
            KdlValue::String(text) => Ok(Some(text)),
            _ => Err(self.error_in(entry, format!("`{property}` must be a text"))),
        }
    }

    /// A property that must be there, a text.
    pub(super) fn needed_text(&mut self, property: &str) -> Result<&'n str, BadInput> {
        self.text(property)?.ok_or_else(|| self.missing(property))
    }

    /// A property that must be there, a text or `#null` for unknown.
    pub(super) fn text_or_null(&mut self, property: &str) -> Result<Option<&'n str>, BadInput> {
        if self.is_null(property) {
            self.take(property);
            return Ok(None);
        }
        self.needed_text(property).map(Some)
    }

    /// A property that may lack, a number.
    pub(super) fn number<T: TryFrom<i128>>(&mut self, property: &str) -> Result<Option<T>, BadInput> {
        let Some(entry) = self.take(property) else {
            return Ok(None);
        };
        let KdlValue::Integer(number) = entry.value() else {
            return Err(self.error_in(entry, format!("`{property}` must be a whole number")));
        };
        T::try_from(*number)
            .map(Some)
            .map_err(|_| self.error_in(entry, format!("`{property}` cannot be {number}: out of range")))
    }

    /// A property that must be there, a number.
    pub(super) fn needed_number<T: TryFrom<i128>>(&mut self, property: &str) -> Result<T, BadInput> {
        self.number(property)?.ok_or_else(|| self.missing(property))
    }

    /// A property that must be there, a number or `#null` for unknown.
    pub(super) fn number_or_null<T: TryFrom<i128>>(&mut self, property: &str) -> Result<Option<T>, BadInput> {
        if self.is_null(property) {
            self.take(property);
            return Ok(None);
        }
        self.needed_number(property).map(Some)
    }

    /// A property that may lack, true or false; false if it lacks.
    pub(super) fn flag(&mut self, property: &str) -> Result<bool, BadInput> {
        let Some(entry) = self.take(property) else {
            return Ok(false);
        };
        match entry.value() {
            KdlValue::Bool(value) => Ok(*value),
            _ => Err(self.error_in(entry, format!("`{property}` must be #true or #false"))),
        }
    }

    /// Whether a property is there.
    pub(super) fn has(&self, property: &str) -> bool {
        self.inner.entries().iter().any(|entry| entry.name().is_some_and(|name| name.value() == property))
    }

    /// Whether a property is there and `#null`.
    pub(super) fn is_null(&self, property: &str) -> bool {
        let named = |entry: &&KdlEntry| entry.name().is_some_and(|name| name.value() == property);
        self.inner.entries().iter().find(named).is_some_and(|entry| *entry.value() == KdlValue::Null)
    }

    /// Whether a property is there and a text.
    pub(super) fn is_text(&self, property: &str) -> bool {
        let named = |entry: &&KdlEntry| entry.name().is_some_and(|name| name.value() == property);
        self.inner.entries().iter().find(named).is_some_and(|entry| entry.value().is_string())
    }

    /// One of the words given, and what it stands for; `None` if the property lacks.
    pub(super) fn word<T: Copy>(
        &mut self,
        property: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, BadInput> {
        let Some(text) = self.text(property)? else {
            return Ok(None);
        };
        self.one_of(property, text, words).map(Some)
    }

    /// What a word stands for.
    pub(super) fn one_of<T: Copy>(
        &self,
        property: &str,
        text: &str,
        words: &[(&str, T)],
    ) -> Result<T, BadInput> {
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.error_at(property, format!("`{text}` is no {property}; use one of {}", known.join(", ")))
        })
    }

    fn missing(&self, property: &str) -> BadInput {
        self.error(format!("`{}` lacks the property `{property}`", self.name()))
    }

    /// The nodes inside this one.
    pub(super) fn children(&self) -> impl Iterator<Item = Node<'t, 'n>> + use<'t, 'n> {
        let text = self.text;
        self.inner.iter_children().map(move |node| Node::new(text, node))
    }

    /// That nothing is left over, nodes inside apart.
    pub(super) fn done(&self) -> Result<(), BadInput> {
        let left = (0..self.taken.len()).find(|index| !self.taken[*index]);
        let Some(entry) = left.and_then(|index| self.inner.entries().get(index)) else {
            return Ok(());
        };
        let name = self.name();
        Err(match entry.name() {
            Some(property) => {
                let twice =
                    self.inner.entries().iter().filter(|other| other.name() == Some(property)).count() > 1;
                let what = if twice { "twice the" } else { "no" };
                self.error_in(entry, format!("`{name}` has {what} property `{}`", property.value()))
            }
            None => self.error_in(entry, format!("`{name}` has no further argument")),
        })
    }

    /// That nothing is left over, and nothing inside.
    pub(super) fn done_without_children(&self) -> Result<(), BadInput> {
        self.done()?;
        match self.children().next() {
            Some(child) => Err(child.error(format!("`{}` has nothing inside", self.name()))),
            None => Ok(()),
        }
    }
}
