//! The run-time library: bitmaps, calendars, random numbers, sorting, texts, lists.

use super::configured;
use super::driver::{Filter, nt, pointer};
use crate::abi::{ListEntry, Ptr, Shared};
use crate::verifier::Rule;
use crate::{Config, Windows};

/// Runs a driver that does this in `DriverEntry`; returns the rules that it broke.
macro_rules! run {
    ($body:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            $body;
            Filter::default().start(driver)
        }
        let (sim, ..) = configured(Config::new(Windows::Win11_24H2));
        sim.load_native(pointer(entry), "test").expect("it loads");
        sim.violations().into_iter().map(|violation| violation.rule).collect::<Vec<_>>()
    }};
}

const NOT_FOUND: usize = 0xFFFF_FFFF;

#[test]
fn bitmaps_set_clear_count_and_find() {
    let broken = run!({
        let words = Shared::new([0u32; 2]);
        let map = Shared::new([0usize; 2]);
        let at = map.ptr().address();
        nt("RtlInitializeBitMap", &[at, words.ptr().address(), 40]);
        assert_eq!(map.get(), [40, words.ptr().address()]);
        let call = |name: &str, first: usize, second: usize| nt(name, &[at, first, second]) & NOT_FOUND;
        let flag = |name: &str, first: usize, second: usize| nt(name, &[at, first, second]) & 0xFF;
        call("RtlSetBits", 30, 5);
        assert_eq!(words.get(), [0xC000_0000, 0b111]);
        assert_eq!((call("RtlNumberOfSetBits", 0, 0), call("RtlNumberOfClearBits", 0, 0)), (5, 35));
        call("RtlClearBit", 31, 0);
        assert_eq!((flag("RtlTestBit", 30, 0), flag("RtlTestBit", 31, 0)), (1, 0));
        assert_eq!((flag("RtlAreBitsSet", 32, 3), flag("RtlAreBitsSet", 31, 3)), (1, 0));
        assert_eq!((flag("RtlAreBitsClear", 35, 5), flag("RtlAreBitsClear", 35, 6)), (1, 0));
        assert_eq!((flag("RtlAreBitsClear", 34, 2), flag("RtlAreBitsClear", 35, 0)), (0, 0));
        assert_eq!(call("RtlFindSetBits", 2, 0), 32);
        assert_eq!(call("RtlFindSetBits", 4, 0), NOT_FOUND);
        assert_eq!((call("RtlFindClearBits", 5, 20), call("RtlFindClearBits", 6, 20)), (20, 20));
        assert_eq!(call("RtlFindClearBits", 6, 33), 0, "from the beginning, as there is no room behind");
        assert_eq!(call("RtlFindClearBits", 0, 13), 8);
        assert_eq!(call("RtlFindClearBits", 5, 40), 0, "a hint that is too large is none");
        assert_eq!(call("RtlFindClearBits", 41, 0), NOT_FOUND);
        assert_eq!(call("RtlFindClearBitsAndSet", 5, 35), 35);
        assert_eq!(call("RtlFindSetBitsAndClear", 8, 0), 32);
        assert_eq!(words.get(), [0x4000_0000, 0]);
        call("RtlSetBit", 0, 0);
        call("RtlClearBits", 29, 2);
        assert_eq!(words.get(), [1, 0]);
        call("RtlSetAllBits", 0, 0);
        assert_eq!(call("RtlNumberOfSetBits", 0, 0), 40);
        assert_eq!(words.get(), [u32::MAX, 0xFF], "what lies beyond is not touched");
        call("RtlClearAllBits", 0, 0);
        assert_eq!(call("RtlNumberOfClearBits", 0, 0), 40);
        call("RtlSetBits", 36, 5);
        assert_eq!(words.get(), [0, 0], "what does not fit is not done");
    });
    assert_eq!(broken, [Rule::InvalidParameter]);
}

#[test]
fn times_have_fields_and_seconds() {
    let broken = run!({
        let (time, fields) = (Shared::new(0i64), Shared::new([0i16; 8]));
        let (at, into) = (time.ptr().address(), fields.ptr().address());
        for (value, expected) in [
            (0, [1601, 1, 1, 0, 0, 0, 0, 1]),
            (116_444_736_000_000_000, [1970, 1, 1, 0, 0, 0, 0, 4]),
            // 2024-02-29 23:59:58.123, a Thursday, and the next day.
            (133_537_247_981_230_000, [2024, 2, 29, 23, 59, 58, 123, 4]),
            (133_537_248_000_000_000, [2024, 3, 1, 0, 0, 0, 0, 5]),
            (133_800_767_990_000_000, [2024, 12, 30, 23, 59, 59, 0, 1]),
        ] {
            time.ptr().write(value);
            nt("RtlTimeToTimeFields", &[at, into]);
            assert_eq!(fields.get(), expected);
            time.ptr().write(0);
            assert_eq!(nt("RtlTimeFieldsToTime", &[into, at]) & 0xFF, 1);
            assert_eq!(time.get(), value);
        }
        for wrong in [
            [2023, 2, 29, 0, 0, 0, 0, 0],
            [2023, 13, 1, 0, 0, 0, 0, 0],
            [2023, 4, 31, 0, 0, 0, 0, 0],
            [2023, 4, 0, 0, 0, 0, 0, 0],
            [1600, 1, 1, 0, 0, 0, 0, 0],
            [2023, 1, 1, 24, 0, 0, 0, 0],
            [2023, 1, 1, 0, 60, 0, 0, 0],
            [2023, 1, 1, 0, 0, 60, 0, 0],
            [2023, 1, 1, 0, 0, 0, 1000, 0],
        ] {
            fields.ptr().write(wrong);
            assert_eq!(nt("RtlTimeFieldsToTime", &[into, at]) & 0xFF, 0, "{wrong:?}");
        }
        let seconds = Shared::new(0u32);
        let count = seconds.ptr().address();
        time.ptr().write(133_537_248_009_999_999);
        assert_eq!(nt("RtlTimeToSecondsSince1970", &[at, count]) & 0xFF, 1);
        assert_eq!(seconds.get(), 1_709_251_200);
        assert_eq!(nt("RtlTimeToSecondsSince1980", &[at, count]) & 0xFF, 1);
        assert_eq!(seconds.get(), 1_709_251_200 - 315_532_800);
        nt("RtlSecondsSince1970ToTime", &[1_709_251_200, at]);
        assert_eq!(time.get(), 133_537_248_000_000_000);
        nt("RtlSecondsSince1980ToTime", &[0, at]);
        assert_eq!(time.get(), 119_600_064_000_000_000);
        time.ptr().write(0);
        assert_eq!(nt("RtlTimeToSecondsSince1970", &[at, count]) & 0xFF, 0, "it was before");
    });
    assert_eq!(broken, []);
}

#[test]
fn random_numbers_follow_from_the_seed() {
    let broken = run!({
        for routine in ["RtlRandom", "RtlRandomEx"] {
            let seed = Shared::new(1u32);
            let draw = || nt(routine, &[seed.ptr().address()]) & NOT_FOUND;
            let first = [draw(), draw(), draw()];
            assert_eq!(first[0], (0x7FFF_FFED + 0x7FFF_FFC3) % 0x7FFF_FFFF);
            assert_eq!(seed.get() as usize, first[2]);
            assert!(first[0] != first[1] && first[1] != first[2]);
            seed.ptr().write(1);
            assert_eq!([draw(), draw(), draw()], first);
        }
    });
    assert_eq!(broken, []);
}

#[test]
fn drivers_sort_and_search_by_their_own_order() {
    extern "win64" fn three_way(first: Ptr<u32>, second: Ptr<u32>) -> i32 {
        first.read().cast_signed() - second.read().cast_signed()
    }
    let broken = run!({
        let order = three_way as *const () as usize;
        for count in 0..8usize {
            let mut values = [0u32; 8];
            for (index, value) in values.iter_mut().enumerate() {
                *value = u32::try_from(index * 5 % 8).expect("it is small");
            }
            let array = Shared::new(values);
            nt("qsort", &[array.ptr().address(), count, 4, order]);
            let mut expected = values;
            expected[..count].sort_unstable();
            assert_eq!(array.get(), expected, "{count}");
        }
        let sorted = Shared::new([2u32, 4, 6, 8, 10]);
        let base = sorted.ptr().address();
        for (key, place) in [(2, Some(0)), (6, Some(2)), (10, Some(4)), (1, None), (5, None), (11, None)] {
            let key = Shared::new(key);
            let found = nt("bsearch", &[key.ptr().address(), base, 5, 4, order]);
            assert_eq!(found, place.map_or(0, |place| base + 4 * place), "{}", key.get());
        }
        let none = nt("bsearch", &[base, base, 0, 4, order]);
        assert_eq!(none, 0);
    });
    assert_eq!(broken, []);
}

#[test]
fn texts_are_copied_joined_and_read_as_in_c() {
    let broken = run!({
        let bytes = |text: &[u8]| {
            let mut room = [0xEE; 16];
            room[..text.len()].copy_from_slice(text);
            Shared::new(room)
        };
        let begins = |text: &Shared<[u8; 16]>, expected: &[u8]| {
            assert_eq!(&text.get()[..expected.len()], expected);
            assert_eq!(text.get()[expected.len()], 0xEE, "nothing behind it is touched");
        };
        let (text, more) = (bytes(b"ab\0"), bytes(b"cde\0"));
        let (at, from) = (text.ptr().address(), more.ptr().address());
        assert_eq!(nt("strcat", &[at, from]), at);
        begins(&text, b"abcde\0");
        assert_eq!(nt("strncat", &[at, from, 2]), at);
        begins(&text, b"abcdecd\0");
        assert_eq!(nt("strrchr", &[at, usize::from(b'c')]), at + 5);
        assert_eq!(nt("strrchr", &[at, usize::from(b'z')]), 0);
        assert_eq!(nt("strrchr", &[at, 0]), at + 7);
        let copy = bytes(b"");
        assert_eq!(nt("strcpy", &[copy.ptr().address(), from]), copy.ptr().address());
        begins(&copy, b"cde\0");
        let copy = bytes(b"");
        nt("strncpy", &[copy.ptr().address(), from, 6]);
        begins(&copy, b"cde\0\0\0");
        let copy = bytes(b"");
        nt("strncpy", &[copy.ptr().address(), from, 2]);
        begins(&copy, b"cd");
        let wide = |text: &str| {
            let mut units = [0xEEEE; 16];
            for (unit, given) in units.iter_mut().zip(text.encode_utf16().chain([0])) {
                *unit = given;
            }
            Shared::new(units)
        };
        let (text, more) = (wide("ab"), wide("cde"));
        let (at, from) = (text.ptr().address(), more.ptr().address());
        nt("wcscat", &[at, from]);
        nt("wcsncat", &[at, from, 1]);
        assert_eq!(text.get()[..8], wide("abcdec").get()[..8]);
        let set = wide("abd");
        assert_eq!(nt("wcsspn", &[at, set.ptr().address()]), 2);
        assert_eq!(nt("wcscspn", &[from, set.ptr().address()]), 1);
        for (text, expected) in [
            ("42", 42),
            (" \t-17x", -17),
            ("+5", 5),
            ("x", 0),
            ("99999999999", i32::MAX),
            ("-99999999999", i32::MIN),
        ] {
            let narrow = bytes(format!("{text}\0").as_bytes());
            let low = |value: usize| u32::try_from(value & NOT_FOUND).expect("cut off").cast_signed();
            assert_eq!(low(nt("atoi", &[narrow.ptr().address()])), expected, "{text}");
            assert_eq!(low(nt("_wtoi", &[wide(text).ptr().address()])), expected, "{text}");
        }
        let of = |name: &str, byte: u8| nt(name, &[usize::from(byte)]) & NOT_FOUND;
        assert_eq!((of("tolower", b'A'), of("tolower", b'['), of("tolower", 0xC4)), (97, 91, 0xC4));
        assert_eq!((of("toupper", b'z'), of("toupper", b'{')), (90, 123));
        let classes = ["isdigit", "isxdigit", "isspace", "isupper", "islower"];
        for (byte, expected) in [
            (b'7', [1, 1, 0, 0, 0]),
            (b'F', [0, 1, 0, 1, 0]),
            (b'g', [0, 0, 0, 0, 1]),
            (b'\x0B', [0, 0, 1, 0, 0]),
            (b' ', [0, 0, 1, 0, 0]),
            (b'@', [0; 5]),
            (b':', [0; 5]),
        ] {
            assert_eq!(classes.map(|class| of(class, byte)), expected, "{byte}");
        }
    });
    assert_eq!(broken, []);
}

#[test]
fn lists_change_under_their_lock() {
    let broken = run!({
        let lock = Shared::new(0usize);
        let [head, one, two, three] =
            std::array::from_fn(|_| Shared::new(ListEntry { flink: Ptr::NULL, blink: Ptr::NULL }));
        let start = head.ptr().cast();
        head.ptr().write(ListEntry { flink: start, blink: start });
        let change = |name: &str, entry: &Shared<ListEntry>| {
            nt(name, &[head.ptr().address(), entry.ptr().address(), lock.ptr().address()])
        };
        assert_eq!(change("ExInterlockedInsertHeadList", &two), 0, "it was empty");
        assert_eq!(change("ExInterlockedInsertHeadList", &one), two.ptr().address());
        assert_eq!(change("ExInterlockedInsertTailList", &three), two.ptr().address());
        assert_eq!(three.get().flink, start);
        assert_eq!(three.get().blink, two.ptr().cast());
        let take = || nt("ExInterlockedRemoveHeadList", &[head.ptr().address(), lock.ptr().address()]);
        assert_eq!(take(), one.ptr().address());
        assert_eq!(two.get().blink, start);
        assert_eq!([take(), take(), take()], [two.ptr().address(), three.ptr().address(), 0]);
        assert_eq!(nt("KeGetCurrentIrql", &[]) & 0xFF, 0);
    });
    assert_eq!(broken, []);
}
