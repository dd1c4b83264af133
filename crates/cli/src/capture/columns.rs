//! The header row: which column is where.

use super::csv::Row;
use super::rows::RowFault;

/// The columns that are read. Process Monitor can export more, and in any order.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) count: usize,
    pub(crate) operation: usize,
    pub(crate) path: usize,
    pub(crate) result: usize,
    pub(crate) detail: usize,
    pub(crate) pid: usize,
    pub(crate) tid: usize,
    pub(crate) time_of_day: Option<usize>,
    pub(crate) date_and_time: Option<usize>,
    pub(crate) relative_time: Option<usize>,
    pub(crate) image_path: Option<usize>,
    pub(crate) process_name: Option<usize>,
    pub(crate) parent_pid: Option<usize>,
    pub(crate) session: Option<usize>,
}

impl Columns {
    /// Finds the columns in the header row.
    pub(crate) fn read(header: &Row) -> Result<Self, RowFault> {
        let find = |name: &str| {
            (0..header.len()).find(|index| header.field(*index).trim().eq_ignore_ascii_case(name))
        };
        for index in 0..header.len() {
            let name = header.field(index).trim();
            if !name.is_empty() && find(name) != Some(index) {
                return Err(RowFault::new(index, 0, format!("the column `{name}` appears twice")));
            }
        }
        let mut missing = Vec::new();
        let mut required = |name: &'static str| {
            find(name).unwrap_or_else(|| {
                missing.push(format!("`{name}`"));
                usize::MAX
            })
        };
        let columns = Self {
            count: header.len(),
            operation: required("Operation"),
            path: required("Path"),
            result: required("Result"),
            detail: required("Detail"),
            pid: required("PID"),
            tid: required("TID"),
            time_of_day: find("Time of Day"),
            date_and_time: find("Date & Time"),
            relative_time: find("Relative Time"),
            image_path: find("Image Path"),
            process_name: find("Process Name"),
            parent_pid: find("Parent PID"),
            session: find("Session"),
        };
        if columns.image_path.is_none() && columns.process_name.is_none() {
            missing.push("`Process Name` (or `Image Path`)".to_owned());
        }
        if columns.time_of_day.is_none() && columns.date_and_time.is_none() && columns.relative_time.is_none()
        {
            missing.push("`Time of Day` (or `Date & Time`, or `Relative Time`)".to_owned());
        }
        if missing.is_empty() {
            return Ok(columns);
        }
        let (noun, verb) = if missing.len() == 1 { ("column", "is") } else { ("columns", "are") };
        let message = format!("the {noun} {} {verb} missing from the header", missing.join(", "));
        Err(RowFault::new(0, 0, message).help(
            "in Process Monitor, choose the columns under Options > Select Columns, then File > Save as CSV",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::csv::Reader;
    use super::*;

    fn read(header: &str) -> Result<Columns, String> {
        let mut row = Row::default();
        assert!(Reader::new(format!("{header}\n").as_bytes()).read(&mut row).unwrap());
        Columns::read(&row).map_err(|fault| fault.message)
    }

    #[test]
    fn columns_come_in_any_order_and_some_may_lack() {
        let columns = read("TID,PID,Detail,Result,Path,Operation,Process Name,Time of Day,Company").unwrap();
        assert_eq!((columns.tid, columns.operation, columns.time_of_day), (0, 5, Some(7)));
        assert_eq!((columns.count, columns.image_path, columns.parent_pid), (9, None, None));
    }

    #[test]
    fn every_missing_column_is_named() {
        let all = "Operation,Path,Result,Detail,PID,TID,Process Name,Relative Time";
        assert!(read(all).is_ok());
        for name in all.split(',') {
            let error = read(&all.replacen(name, "Other", 1)).unwrap_err();
            assert!(error.contains(&format!("`{name}`")), "{name}: {error}");
        }
        let error = read("a,b").unwrap_err();
        for name in all.split(',') {
            assert!(error.contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn a_doubled_column_is_refused() {
        assert_eq!(read("PID,TID,pid").unwrap_err(), "the column `pid` appears twice");
    }
}
