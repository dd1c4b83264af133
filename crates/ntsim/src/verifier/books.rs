//! What a driver says of its records when it unloads (rule 30).
//!
//! A driver that keeps books prints them, with `DbgPrintEx`, in one line: `produced N, delivered N, lost N`, where `lost`
//! may be several numbers, one for each reason (`lost: ring full N, shutdown N`). Every such line is checked. Whether the
//! numbers themselves are true is for whoever receives the records to say: the simulator does not know what a record is.

use super::Rule;
use crate::ke::Cpu;

/// A line of books.
#[derive(Debug, PartialEq, Eq)]
struct Books {
    produced: u64,
    delivered: u64,
    lost: u64,
}

impl Books {
    fn read(line: &str) -> Option<Self> {
        let after = |word: &str| Some(line.split_once(word)?.1);
        let produced = numbers(after("produced ")?).next()?;
        let delivered = numbers(after("delivered ")?).next()?;
        let mut lost = numbers(after("lost")?).peekable();
        lost.peek()?;
        Some(Self { produced, delivered, lost: lost.fold(0, u64::saturating_add) })
    }

    fn balance(&self) -> bool {
        self.delivered.checked_add(self.lost) == Some(self.produced)
    }
}

fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.split(|character: char| !character.is_ascii_digit()).filter_map(|digits| digits.parse().ok())
}

/// Checks what a driver prints.
pub(crate) fn check(cpu: &Cpu, printed: &str) {
    for line in printed.lines() {
        if let Some(books) = Books::read(line)
            && !books.balance()
        {
            let Books { produced, delivered, lost } = books;
            let detail =
                format!("its books do not balance: produced {produced}, delivered {delivered}, lost {lost}");
            cpu.violation(Rule::Books, detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Books;

    #[test]
    fn every_reason_for_a_loss_counts() {
        let books =
            Books::read("whowrote: produced 9, delivered 4, lost: ring full 2, no memory 0, shutdown 3");
        assert_eq!(books, Some(Books { produced: 9, delivered: 4, lost: 5 }));
        assert!(books.is_some_and(|books| books.balance()));
    }

    #[test]
    fn other_lines_are_no_books() {
        for line in ["", "produced 1", "whowrote: not loaded: status C0000001", "delivered 3, lost 4", "lost"]
        {
            assert_eq!(Books::read(line), None, "{line}");
        }
    }
}
