//! The detail of a `WriteFile` or `ReadFile`.

use super::{DetailError, Pair, is_hexadecimal, pairs, value};
use crate::capture::number::{self, Grouping, NumberError};
use crate::model::Offset;

/// Keys that a `WriteFile` or `ReadFile` has.
const TRANSFER_KEYS: &[&str] = &["Offset", "Length", "I/O Flags", "Priority"];

/// I/O priorities; others are printed in hexadecimal.
const PRIORITIES: &[&str] = &["Very Low", "Low", "Normal", "High", "Critical"];

/// A range that was read or written, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the operation, independent of the others"
)]
pub(crate) struct Transfer {
    pub(crate) offset: Offset,
    pub(crate) length: u32,
    pub(crate) non_cached: bool,
    pub(crate) paging: bool,
    pub(crate) synchronous_paging: bool,
    pub(crate) write_through: bool,
}

/// How the numbers of one capture are grouped. They all come from one machine, so they must agree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GroupingSeen(Option<Grouping>);

impl GroupingSeen {
    fn number(&mut self, pair: &Pair<'_>) -> Result<i64, DetailError> {
        let name = pair.key.to_lowercase();
        if let Some(at) = pair.value.find(", ") {
            let rest = &pair.value[at + 2..];
            return Err(DetailError::new(
                pair.at + at + 2,
                format!("`{rest}` does not belong in this detail"),
            ));
        }
        let number = number::parse(pair.value).map_err(|NumberError { at, what }| {
            DetailError::new(pair.at + at, format!("the {name} `{}`: {what}", pair.value))
        })?;
        if let (Some(before), Some(now)) = (self.0, number.grouping)
            && before != now
        {
            let message = format!(
                "the {name} `{}` has its digits grouped unlike other numbers of this capture: it cannot be told which number is meant",
                pair.value
            );
            return Err(DetailError::new(pair.at, message));
        }
        self.0 = self.0.or(number.grouping);
        Ok(number.value)
    }
}

/// Reads the detail of a `WriteFile` or `ReadFile`: `Offset: 0, Length: 4,096, I/O Flags: Non-cached, Priority: Normal`.
pub(crate) fn transfer(detail: &str, grouping: &mut GroupingSeen) -> Result<Transfer, DetailError> {
    let pairs = pairs(detail, TRANSFER_KEYS)?;
    let offset_pair = value(&pairs, "Offset", detail)?;
    let offset = match grouping.number(offset_pair)? {
        Offset::END_OF_FILE => Offset::EndOfFile,
        Offset::FILE_POINTER => Offset::FilePointer,
        offset @ 0.. => Offset::At(offset),
        offset => return Err(DetailError::new(offset_pair.at, format!("the offset {offset} is negative"))),
    };
    let length_pair = value(&pairs, "Length", detail)?;
    let length = grouping.number(length_pair)?;
    let length = u32::try_from(length)
        .map_err(|_| DetailError::new(length_pair.at, format!("the length {length} is no 32-bit number")))?;
    if let Offset::At(offset) = offset
        && offset.checked_add(i64::from(length)).is_none()
    {
        return Err(DetailError::new(
            offset_pair.at,
            format!("the offset {offset} is beyond the largest file"),
        ));
    }
    let mut transfer = Transfer {
        offset,
        length,
        non_cached: false,
        paging: false,
        synchronous_paging: false,
        write_through: false,
    };
    if let Some(flags) = pairs.iter().find(|pair| pair.key == "I/O Flags") {
        let mut at = flags.at;
        for flag in flags.value.split(", ") {
            match flag {
                "Non-cached" => transfer.non_cached = true,
                "Paging I/O" => transfer.paging = true,
                "Synchronous Paging I/O" => transfer.synchronous_paging = true,
                "Write Through" => transfer.write_through = true,
                "Synchronous" => {}
                other if is_hexadecimal(other) => {}
                other => return Err(DetailError::new(at, format!("`{other}` is no I/O flag known here"))),
            }
            at += flag.len() + ", ".len();
        }
    }
    if let Some(Pair { value, at, .. }) = pairs.iter().find(|pair| pair.key == "Priority")
        && !PRIORITIES.contains(value)
        && !is_hexadecimal(value)
    {
        return Err(DetailError::new(*at, format!("`{value}` is no I/O priority")));
    }
    Ok(transfer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(detail: &str) -> Result<Transfer, DetailError> {
        transfer(detail, &mut GroupingSeen::default())
    }

    const PLAIN: Transfer = Transfer {
        offset: Offset::At(0),
        length: 24,
        non_cached: false,
        paging: false,
        synchronous_paging: false,
        write_through: false,
    };

    #[test]
    fn a_transfer_is_read() {
        assert_eq!(read("Offset: 0, Length: 24"), Ok(PLAIN));
        assert_eq!(read("Offset: 0, Length: 24, Priority: Very Low"), Ok(PLAIN));
        assert_eq!(
            read(
                "Offset: 5,242,880, Length: 1,048,576, I/O Flags: Non-cached, Paging I/O, Synchronous Paging I/O, Write Through, Priority: Normal"
            ),
            Ok(Transfer {
                offset: Offset::At(5_242_880),
                length: 1_048_576,
                non_cached: true,
                paging: true,
                synchronous_paging: true,
                write_through: true,
            })
        );
        assert_eq!(
            read("Offset: 5 242 880, Length: 24, I/O Flags: Synchronous, 0x800000, Priority: 0x6"),
            Ok(Transfer { offset: Offset::At(5_242_880), ..PLAIN })
        );
        assert_eq!(read("Offset: -1, Length: 24"), Ok(Transfer { offset: Offset::EndOfFile, ..PLAIN }));
        assert_eq!(read("Offset: -2, Length: 24"), Ok(Transfer { offset: Offset::FilePointer, ..PLAIN }));
    }

    #[test]
    fn an_altered_transfer_is_refused_at_its_place() {
        let at = |detail: &str| {
            let DetailError { at, message } = read(detail).expect_err(detail);
            (at, message)
        };
        assert_eq!(at(""), (0, "`Offset:` expected here".into()));
        assert_eq!(at("nonsense"), (0, "`Offset:` expected here".into()));
        assert_eq!(at("Offset: 0"), (9, "`Length:` is missing from the detail".into()));
        assert_eq!(at("Offset: 5,24x, Length: 1"), (12, "the offset `5,24x`: `x` is not a digit".into()));
        assert_eq!(at("Offset: 0, Length: "), (19, "the length ``: a number is missing".into()));
        assert_eq!(at("Offset: 0, Length: 5,000,000,000").0, 19);
        assert_eq!(at("Offset: -3, Length: 1").0, 8);
        assert_eq!(at("Offset: 9,223,372,036,854,775,807, Length: 1").0, 8);
        assert_eq!(at("Offset: 0, Length: 1, Offset: 2").0, 22);
        assert_eq!(at("Offset: 0, Length: 1, junk"), (22, "`junk` does not belong in this detail".into()));
        assert_eq!(
            at("Offset: 0, Length: 1, I/O Flags: Paging I/0").1,
            "`Paging I/0` is no I/O flag known here"
        );
        assert_eq!(at("Offset: 0, Length: 1, I/O Flags: Non-cached, Pag").0, 45);
        assert_eq!(at("Offset: 0, Length: 1, Priority: Norma").1, "`Norma` is no I/O priority");
    }

    #[test]
    fn numbers_grouped_in_two_ways_are_refused() {
        let mut seen = GroupingSeen::default();
        assert!(transfer("Offset: 5,242,880, Length: 4,096", &mut seen).is_ok());
        assert!(
            transfer("Offset: 65536, Length: 4,096", &mut seen).is_ok(),
            "without groups nothing is in doubt"
        );
        let error = transfer("Offset: 5,24,880, Length: 4,096", &mut seen).unwrap_err();
        assert!(error.message.contains("grouped unlike other numbers"), "{}", error.message);
        let mut seen = GroupingSeen::default();
        assert!(transfer("Offset: 5,24,880, Length: 4,096", &mut seen).is_ok(), "Indian grouping throughout");
    }
}
