//! Captures as Process Monitor writes them, on machines of several countries.

/// How a country writes numbers, times and dates.
pub(crate) struct Country {
    pub(crate) name: &'static str,
    separator: &'static str,
    decimal: char,
    /// Writes an hour, and what stands around the time.
    clock: fn(hour: u32, rest: &str) -> String,
    date: &'static str,
}

/// 31 July 2020, as the dates below have it.
pub(crate) const DAY: &str = "2020-07-31";

pub(crate) const COUNTRIES: [Country; 10] = [
    Country { name: "United States", separator: ",", decimal: '.', clock: half_days, date: "7/31/2020" },
    Country {
        name: "United States, new",
        separator: ",",
        decimal: '.',
        clock: narrow_half_days,
        date: "7/31/2020",
    },
    Country { name: "United Kingdom", separator: ",", decimal: '.', clock: whole_days, date: "31/07/2020" },
    Country { name: "Germany", separator: ".", decimal: ',', clock: whole_days, date: "31.07.2020" },
    Country { name: "France", separator: "\u{202F}", decimal: ',', clock: whole_days, date: "31/07/2020" },
    Country { name: "Sweden", separator: "\u{A0}", decimal: ',', clock: whole_days, date: "2020-07-31" },
    Country { name: "Switzerland", separator: "’", decimal: '.', clock: whole_days, date: "31.07.2020" },
    Country { name: "Finland", separator: "\u{A0}", decimal: ',', clock: dotted, date: "31.7.2020" },
    Country { name: "Korea", separator: ",", decimal: '.', clock: korean, date: "2020-07-31" },
    Country { name: "no grouping", separator: "", decimal: '.', clock: whole_days, date: "2020/07/31" },
];

fn half_days(hour: u32, rest: &str) -> String {
    format!("{}:{rest} {}", (hour + 11) % 12 + 1, if hour < 12 { "AM" } else { "PM" })
}

fn narrow_half_days(hour: u32, rest: &str) -> String {
    half_days(hour, rest).replace(' ', "\u{202F}")
}

fn whole_days(hour: u32, rest: &str) -> String {
    format!("{hour:02}:{rest}")
}

fn dotted(hour: u32, rest: &str) -> String {
    format!("{hour}.{}", rest.replace(':', "."))
}

fn korean(hour: u32, rest: &str) -> String {
    format!("{} {}:{rest}", if hour < 12 { "오전" } else { "오후" }, (hour + 11) % 12 + 1)
}

impl Country {
    pub(crate) fn number(&self, number: i64) -> String {
        let digits = number.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) && digit != '-' && !text.ends_with('-') {
                text.push_str(self.separator);
            }
            text.push(digit);
        }
        text
    }
}

/// A row to be written.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) hour: u32,
    pub(crate) second: u32,
    pub(crate) image: &'static str,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) operation: &'static str,
    pub(crate) path: &'static str,
    pub(crate) result: &'static str,
    pub(crate) detail: Detail,
}

#[derive(Clone)]
pub(crate) enum Detail {
    Range { offset: i64, length: i64, flags: &'static str },
    Text(&'static str),
}

/// The columns, in Process Monitor's order.
pub(crate) const COLUMNS: [&str; 12] = [
    "Time of Day",
    "Process Name",
    "PID",
    "Operation",
    "Path",
    "Result",
    "Detail",
    "Date & Time",
    "Relative Time",
    "Image Path",
    "TID",
    "Session",
];

/// A capture of these rows, with a byte-order mark, as that country's machine exports it.
pub(crate) fn export(country: &Country, rows: &[Row]) -> String {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(COLUMNS).expect("memory");
    for row in rows {
        let Row { hour, second, image, pid, tid, operation, path, result, detail } = row;
        let rest = format!("19:{second:02}");
        let fraction = format!("{rest}{}0147934", country.decimal);
        let detail = match detail {
            Detail::Text(text) => (*text).to_owned(),
            Detail::Range { offset, length, flags } => {
                let range =
                    format!("Offset: {}, Length: {}", country.number(*offset), country.number(*length));
                let flags = if flags.is_empty() { String::new() } else { format!(", I/O Flags: {flags}") };
                format!("{range}{flags}, Priority: Normal")
            }
        };
        let name = image.rsplit('\\').next().unwrap_or(image);
        let fields = [
            (country.clock)(*hour, &fraction),
            name.to_owned(),
            pid.to_string(),
            (*operation).to_owned(),
            (*path).to_owned(),
            (*result).to_owned(),
            detail,
            format!("{} {}", country.date, (country.clock)(*hour, &rest)),
            format!("{hour:02}:{fraction}"),
            (*image).to_owned(),
            tid.to_string(),
            "1".to_owned(),
        ];
        writer.write_record(fields).expect("memory");
    }
    let text = String::from_utf8(writer.into_inner().expect("memory")).expect("UTF-8");
    format!("\u{FEFF}{text}")
}

const EDITOR: &str = r"C:\WINDOWS\system32\NOTEPAD.EXE";

impl Row {
    /// A write by an editor.
    pub(crate) fn write(second: u32, offset: i64, length: i64) -> Self {
        Self {
            hour: 7,
            second,
            image: EDITOR,
            pid: 708,
            tid: 712,
            operation: "WriteFile",
            path: r"C:\Temp\notes.txt",
            result: "SUCCESS",
            detail: Detail::Range { offset, length, flags: "" },
        }
    }

    pub(crate) fn operation(self, operation: &'static str, detail: &'static str) -> Self {
        Self { operation, detail: Detail::Text(detail), ..self }
    }

    pub(crate) fn flags(self, flags: &'static str) -> Self {
        let detail = match self.detail {
            Detail::Range { offset, length, .. } => Detail::Range { offset, length, flags },
            text @ Detail::Text(_) => text,
        };
        Self { detail, ..self }
    }

    pub(crate) fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    pub(crate) fn result(self, result: &'static str) -> Self {
        Self { result, ..self }
    }

    pub(crate) fn by(self, image: &'static str, pid: u32, tid: u32) -> Self {
        Self { image, pid, tid, ..self }
    }
}
