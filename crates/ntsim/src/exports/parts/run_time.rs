//! The run-time library: bitmaps, calendars, random numbers; and more of C's.

use crate::abi::Ptr;
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::ke::irql::Irql;
use crate::rtl::bitmap::{self, Header};
use crate::rtl::time_fields::{self, SECONDS_TO_1970, SECONDS_TO_1980, TimeFields};
use crate::rtl::{c_sort, c_text, random};

routines! {
    after super::file::END;

    Ntoskrnl: RtlInitializeBitMap(header: Ptr<Header>, words: Ptr<u32>, bits: u32), DISPATCH => bitmap::initialize;
    Ntoskrnl: RtlSetBits(header: Ptr<Header>, start: u32, count: u32), DISPATCH => bitmap::put::<true>;
    Ntoskrnl: RtlClearBits(header: Ptr<Header>, start: u32, count: u32), DISPATCH => bitmap::put::<false>;
    Ntoskrnl: RtlSetBit(header: Ptr<Header>, bit: u32), DISPATCH => bitmap::put_one::<true>;
    Ntoskrnl: RtlClearBit(header: Ptr<Header>, bit: u32), DISPATCH => bitmap::put_one::<false>;
    Ntoskrnl: RtlSetAllBits(header: Ptr<Header>), DISPATCH => bitmap::put_all::<true>;
    Ntoskrnl: RtlClearAllBits(header: Ptr<Header>), DISPATCH => bitmap::put_all::<false>;
    Ntoskrnl: RtlTestBit(header: Ptr<Header>, bit: u32) -> u8, DISPATCH => bitmap::test;
    Ntoskrnl: RtlAreBitsSet(header: Ptr<Header>, start: u32, count: u32) -> u8, DISPATCH => bitmap::are::<true>;
    Ntoskrnl: RtlAreBitsClear(header: Ptr<Header>, start: u32, count: u32) -> u8, DISPATCH => bitmap::are::<false>;
    Ntoskrnl: RtlFindSetBits(header: Ptr<Header>, count: u32, hint: u32) -> u32, DISPATCH => bitmap::find::<true>;
    Ntoskrnl: RtlFindClearBits(header: Ptr<Header>, count: u32, hint: u32) -> u32, DISPATCH => bitmap::find::<false>;
    Ntoskrnl: RtlFindSetBitsAndClear(header: Ptr<Header>, count: u32, hint: u32) -> u32, DISPATCH
        => bitmap::find_and_flip::<true>;
    Ntoskrnl: RtlFindClearBitsAndSet(header: Ptr<Header>, count: u32, hint: u32) -> u32, DISPATCH
        => bitmap::find_and_flip::<false>;
    Ntoskrnl: RtlNumberOfSetBits(header: Ptr<Header>) -> u32, DISPATCH => bitmap::count_set;
    Ntoskrnl: RtlNumberOfClearBits(header: Ptr<Header>) -> u32, DISPATCH => bitmap::count_clear;

    Ntoskrnl: RtlTimeToTimeFields(time: Ptr<i64>, fields: Ptr<TimeFields>), HIGH => time_fields::to_fields;
    Ntoskrnl: RtlTimeFieldsToTime(fields: Ptr<TimeFields>, time: Ptr<i64>) -> u8, HIGH => time_fields::from_fields;
    Ntoskrnl: RtlTimeToSecondsSince1970(time: Ptr<i64>, seconds: Ptr<u32>) -> u8, HIGH
        => time_fields::to_seconds::<SECONDS_TO_1970>;
    Ntoskrnl: RtlTimeToSecondsSince1980(time: Ptr<i64>, seconds: Ptr<u32>) -> u8, HIGH
        => time_fields::to_seconds::<SECONDS_TO_1980>;
    Ntoskrnl: RtlSecondsSince1970ToTime(seconds: u32, time: Ptr<i64>), HIGH
        => time_fields::from_seconds::<SECONDS_TO_1970>;
    Ntoskrnl: RtlSecondsSince1980ToTime(seconds: u32, time: Ptr<i64>), HIGH
        => time_fields::from_seconds::<SECONDS_TO_1980>;
    Ntoskrnl: RtlRandom(seed: Ptr<u32>) -> u32, APC => random::next;
    Ntoskrnl: RtlRandomEx(seed: Ptr<u32>) -> u32, APC => random::next;

    Ntoskrnl: qsort(base: Ptr<u8>, count: usize, bytes: usize, routine: Ptr), DISPATCH => c_sort::qsort;
    Ntoskrnl: bsearch(key: Ptr<u8>, base: Ptr<u8>, count: usize, bytes: usize, routine: Ptr) -> Ptr, DISPATCH,
        infallible => c_sort::bsearch;
    Ntoskrnl: strcat(destination: Ptr<u8>, source: Ptr<u8>) -> Ptr, DISPATCH, infallible => c_text::strcat;
    Ntoskrnl: strncat(destination: Ptr<u8>, source: Ptr<u8>, limit: usize) -> Ptr, DISPATCH, infallible
        => c_text::strncat;
    Ntoskrnl: wcscat(destination: Ptr<u16>, source: Ptr<u16>) -> Ptr, DISPATCH, infallible => c_text::wcscat;
    Ntoskrnl: wcsncat(destination: Ptr<u16>, source: Ptr<u16>, limit: usize) -> Ptr, DISPATCH, infallible
        => c_text::wcsncat;
    Ntoskrnl: strcpy(destination: Ptr<u8>, source: Ptr<u8>) -> Ptr, DISPATCH, infallible => c_text::strcpy;
    Ntoskrnl: strncpy(destination: Ptr<u8>, source: Ptr<u8>, limit: usize) -> Ptr, DISPATCH, infallible
        => c_text::strncpy;
    Ntoskrnl: strrchr(text: Ptr<u8>, unit: u32) -> Ptr, DISPATCH, infallible => c_text::strrchr;
    Ntoskrnl: wcsspn(text: Ptr<u16>, set: Ptr<u16>) -> usize, DISPATCH => c_text::wcsspn;
    Ntoskrnl: wcscspn(text: Ptr<u16>, set: Ptr<u16>) -> usize, DISPATCH => c_text::wcscspn;
    Ntoskrnl: atoi(text: Ptr<u8>) -> i32, DISPATCH => c_text::atoi;
    Ntoskrnl: _wtoi(text: Ptr<u16>) -> i32, DISPATCH => c_text::wtoi;
    Ntoskrnl: tolower(unit: u32) -> u32, HIGH => c_text::tolower;
    Ntoskrnl: toupper(unit: u32) -> u32, HIGH => c_text::toupper;
    Ntoskrnl: isdigit(unit: u32) -> u32, HIGH => c_text::is_digit;
    Ntoskrnl: isxdigit(unit: u32) -> u32, HIGH => c_text::is_xdigit;
    Ntoskrnl: isspace(unit: u32) -> u32, HIGH => c_text::is_space;
    Ntoskrnl: isupper(unit: u32) -> u32, HIGH => c_text::is_upper;
    Ntoskrnl: islower(unit: u32) -> u32, HIGH => c_text::is_lower;
}
