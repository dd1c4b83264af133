//! What the file system says when it is asked for a name.

use super::options::Format;
use crate::io::file::File;
use crate::status::NtStatus;

/// The longest names without and with a dot that are short names as they are (8.3).
const SHORT_BASE: usize = 8;
const SHORT_EXTENSION: usize = 3;

/// The name of a file in a format.
pub(super) fn ask_file_system(file: &File, format: Format) -> Result<Vec<u16>, NtStatus> {
    match format {
        Format::Opened => Ok(file.path_text().units().to_vec()),
        Format::Normalized => {
            let name = file.normalized_name();
            Ok(format!("{}{name}", file.volume().device_name().as_str()).encode_utf16().collect())
        }
        Format::Short => {
            let name = file.normalized_name();
            let last = name.rsplit('\\').next().unwrap_or_default();
            let last = last.split(':').next().unwrap_or_default();
            // Volumes other than the system's make no short names of their own [inf].
            if !is_short(last) {
                return Err(NtStatus::OBJECT_NAME_NOT_FOUND);
            }
            Ok(last.to_uppercase().encode_utf16().collect())
        }
    }
}

fn is_short(name: &str) -> bool {
    let (base, extension) = name.split_once('.').unwrap_or((name, ""));
    let fits = |part: &str, most| {
        part.chars().count() <= most
            && part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "_-~!#$%&'()@^`{}".contains(letter))
    };
    !base.is_empty() && fits(base, SHORT_BASE) && fits(extension, SHORT_EXTENSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_has_eight_letters_and_three() {
        for (name, short) in
            [("A.TXT", true), ("a", true), ("", false), ("long name", false), ("a.b.c", false)]
        {
            assert_eq!(is_short(name), short, "{name}");
        }
        assert!(is_short("12345678.123"));
        assert!(!is_short("123456789"));
        assert!(!is_short("1.1234"));
    }
}
