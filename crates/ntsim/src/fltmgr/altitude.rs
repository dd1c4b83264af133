//! Altitudes: where in a stack a filter's instance is.

use std::fmt;
use std::str::FromStr;

/// Digits after the decimal point that are told apart.
const FRACTION_DIGITS: usize = 18;
/// 10 to that power.
const FRACTION: u128 = 1_000_000_000_000_000_000;

/// An altitude: a decimal number of whatever precision (Microsoft Learn, "Load order groups and altitudes for minifilter
/// drivers"), here with 18 digits after the point. Higher ones are further from the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Altitude(u128);

impl Altitude {
    /// An altitude without a fraction.
    pub(crate) const fn whole(number: u32) -> Self {
        Self(number as u128 * FRACTION)
    }
}

impl FromStr for Altitude {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > FRACTION_DIGITS {
            return Err(());
        }
        let whole: u32 = whole.parse().map_err(|_| ())?;
        let fraction: u128 = format!("{fraction:0<FRACTION_DIGITS$}").parse().map_err(|_| ())?;
        Ok(Self(Self::whole(whole).0 + fraction))
    }
}

impl fmt::Display for Altitude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:0FRACTION_DIGITS$}", self.0 / FRACTION, self.0 % FRACTION);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn altitude(text: &str) -> Altitude {
        text.parse().expect(text)
    }

    #[test]
    fn altitudes_are_compared_as_numbers() {
        assert!(altitude("385971") > altitude("40000"), "not as text");
        assert!(altitude("365000.5") > altitude("365000.25"));
        assert!(altitude("365000.5") < altitude("365001"));
        assert_eq!(altitude("365000.50"), altitude("365000.5"));
        assert_eq!(altitude("385971"), Altitude::whole(385_971));
    }

    #[test]
    fn an_altitude_reads_back() {
        for text in ["385971", "365000.5", "0.000000000000000001"] {
            assert_eq!(altitude(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_decimal_number_is_refused() {
        for text in ["", ".5", "-1", "1e5", "1.2.3", "99999999999", "0.0000000000000000001"] {
            assert!(text.parse::<Altitude>().is_err(), "{text}");
        }
    }
}
