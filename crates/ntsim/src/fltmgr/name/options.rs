//! `FLT_FILE_NAME_OPTIONS`: the format of a name, the query method, and flags.

use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

const FORMAT_MASK: u32 = 0xFF;
const METHOD_MASK: u32 = 0xFF00;
/// `FLT_FILE_NAME_REQUEST_FROM_CURRENT_PROVIDER`: without meaning, as no filter here provides names.
const REQUEST_FROM_CURRENT_PROVIDER: u32 = 0x0100_0000;
const DO_NOT_CACHE: u32 = 0x0200_0000;
const ALLOW_QUERY_ON_REPARSE: u32 = 0x0400_0000;

/// `FLT_FILE_NAME_NORMALIZED` and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Normalized = 1,
    Opened = 2,
    Short = 3,
}

/// `FLT_FILE_NAME_QUERY_*`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Default,
    CacheOnly,
    FileSystemOnly,
    AlwaysAllowCacheLookup,
}

impl Method {
    /// Whether the cache may answer: of these, the default asks it only where the file system could be asked as well.
    pub(super) fn looks_up(self, safe: bool) -> bool {
        match self {
            Self::Default => safe,
            Self::CacheOnly | Self::AlwaysAllowCacheLookup => true,
            Self::FileSystemOnly => false,
        }
    }

    /// What a request gets that neither the cache nor the file system can answer.
    pub(super) fn failure(self) -> NtStatus {
        match self {
            Self::Default | Self::FileSystemOnly => NtStatus::FLT_INVALID_NAME_REQUEST,
            Self::CacheOnly | Self::AlwaysAllowCacheLookup => NtStatus::FLT_NAME_CACHE_MISS,
        }
    }
}

/// What a driver asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) format: Format,
    pub(super) method: Method,
    do_not_cache: bool,
    pub(super) on_reparse: bool,
}

impl Options {
    /// Takes the options apart.
    fn parse(options: u32) -> Option<Self> {
        let known =
            FORMAT_MASK | METHOD_MASK | REQUEST_FROM_CURRENT_PROVIDER | DO_NOT_CACHE | ALLOW_QUERY_ON_REPARSE;
        if options & !known != 0 {
            return None;
        }
        Some(Self {
            format: match options & FORMAT_MASK {
                1 => Format::Normalized,
                2 => Format::Opened,
                3 => Format::Short,
                _ => return None,
            },
            method: match (options & METHOD_MASK) >> 8 {
                1 => Method::Default,
                2 => Method::CacheOnly,
                3 => Method::FileSystemOnly,
                4 => Method::AlwaysAllowCacheLookup,
                _ => return None,
            },
            do_not_cache: options & DO_NOT_CACHE != 0,
            on_reparse: options & ALLOW_QUERY_ON_REPARSE != 0,
        })
    }

    /// Takes the options of a driver apart, which break a rule if they make no sense.
    pub(super) fn of_driver(cpu: &Cpu, options: u32) -> Result<Self, NtStatus> {
        Self::parse(options).ok_or_else(|| {
            cpu.violation(Rule::InvalidParameter, format!("asks for a name with options 0x{options:X}"));
            NtStatus::INVALID_PARAMETER
        })
    }

    /// Whether the answer of the file system is kept.
    pub(super) fn fills_cache(self) -> bool {
        !self.do_not_cache && self.method != Method::FileSystemOnly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_one_format_one_method_and_known_flags() {
        let options = Options::parse(0x0200_0401).expect("it is valid");
        assert_eq!((options.format, options.method), (Format::Normalized, Method::AlwaysAllowCacheLookup));
        assert!(!options.fills_cache());
        assert!(Options::parse(0x102).expect("it is valid").fills_cache());
        for wrong in [0, 0x100, 0x001, 0x104, 0x501, 0x0001_0101, 0x0800_0101] {
            assert_eq!(Options::parse(wrong), None, "0x{wrong:X}");
        }
    }
}
