//! Tables that read well as they are, too.

/// A Markdown table: the first column to the left, the others, numbers, to the right.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].chars().count(), 3]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let rules = widths.iter().enumerate().map(|(column, width)| {
        if column == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(*width - 1)) }
    });
    let mut text = line(headings);
    text.extend(["| ", &rules.collect::<Vec<_>>().join(" | "), " |\n"]);
    text.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["ä".to_owned(), "1".to_owned()], ["bcde".to_owned(), "1,000".to_owned()]];
        let expected = "| a    |     n |\n| ---- | ----: |\n| ä    |     1 |\n| bcde | 1,000 |\n";
        assert_eq!(table(["a", "n"], &rows), expected);
    }
}
