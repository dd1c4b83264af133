//! `qsort` and `bsearch`, whose callers compare.

use std::cmp::Ordering;

use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::ke::cpu::invoke;

/// Calls the driver's comparison.
fn compare(cpu: &Cpu, routine: Ptr, first: Ptr<u8>, second: Ptr<u8>) -> Ordering {
    let outer = cpu.routine.take();
    let result = invoke(routine, &[first.address(), second.address()]);
    cpu.routine.set(outer);
    // The result is an `int`: the upper half of the register means nothing.
    let result = u32::try_from(result & 0xFFFF_FFFF).expect("cut off").cast_signed();
    result.cmp(&0)
}

/// `qsort`, as a heap sort, which needs no memory of its own; equal elements may change places.
pub(crate) fn qsort(cpu: &Cpu, base: Ptr<u8>, count: usize, bytes: usize, routine: Ptr) {
    let at = |index: usize| base.byte_offset::<u8>(index * bytes);
    let swap = |first: usize, second: usize| {
        let (one, other) = (at(first).read_slice(bytes), at(second).read_slice(bytes));
        at(first).write_slice(&other);
        at(second).write_slice(&one);
    };
    let is_less = |first, second| compare(cpu, routine, at(first), at(second)) == Ordering::Less;
    let sink = |mut root: usize, end: usize| {
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && is_less(child, child + 1) {
                child += 1;
            }
            if !is_less(root, child) {
                return;
            }
            swap(root, child);
            root = child;
        }
    };
    (0..count / 2).rev().for_each(|root| sink(root, count));
    for end in (1..count).rev() {
        swap(0, end);
        sink(0, end);
    }
}

/// `bsearch`: the element that compares equal to a key, or NULL.
pub(crate) fn bsearch(
    cpu: &Cpu,
    key: Ptr<u8>,
    base: Ptr<u8>,
    count: usize,
    bytes: usize,
    routine: Ptr,
) -> Ptr {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        let element = base.byte_offset::<u8>(middle * bytes);
        match compare(cpu, routine, key, element) {
            Ordering::Less => high = middle,
            Ordering::Greater => low = middle + 1,
            Ordering::Equal => return element.cast(),
        }
    }
    Ptr::NULL
}
