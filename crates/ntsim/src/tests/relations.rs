//! Filters, instances and volumes, found by name and by each other.

use super::Machine;
use super::driver::{self, FILTER, Filter, nt, status};
use crate::abi::{Ptr, RelatedObjects, Shared, SharedText, UnicodeString};
use crate::rtl;
use crate::sim::Leak;
use crate::status::NtStatus;

extern "win64" fn look(objects: usize, _flags: u32, _device: u32, _file_system: u32) -> u32 {
    let objects = Ptr::<RelatedObjects>::at(objects).read();
    let (filter, volume) = (FILTER.get().address(), objects.volume.address());
    let out = Shared::new(<Ptr>::NULL);
    let place = out.ptr().address();
    let name = |text: &str| {
        let text = SharedText::new(text);
        let descriptor = Shared::new(text.descriptor());
        (text, descriptor)
    };
    let drop_it = || {
        nt("FltObjectDereference", &[out.get().address()]);
    };
    let (_text, device) = name(r"\Device\HarddiskVolume3");
    let arguments = [filter, device.ptr().address(), place];
    assert_eq!(status("FltGetVolumeFromName", &arguments), NtStatus::SUCCESS);
    assert_eq!(out.get().address(), volume);
    drop_it();
    let (_text, nowhere) = name(r"Q:");
    let arguments = [filter, nowhere.ptr().address(), place];
    assert_eq!(status("FltGetVolumeFromName", &arguments), NtStatus::FLT_VOLUME_NOT_FOUND);
    let (_text, own) = name("TEST");
    assert_eq!(status("FltGetFilterFromName", &[own.ptr().address(), place]), NtStatus::SUCCESS);
    assert_eq!(out.get().address(), filter);
    drop_it();
    assert_eq!(
        status("FltGetFilterFromName", &[nowhere.ptr().address(), place]),
        NtStatus::FLT_FILTER_NOT_FOUND
    );
    let count = Shared::new(9u32);
    let arguments = [place, 0, count.ptr().address()];
    assert_eq!(status("FltEnumerateFilters", &arguments), NtStatus::BUFFER_TOO_SMALL);
    assert_eq!(count.get(), 1);
    let arguments = [filter, place, 1, count.ptr().address()];
    assert_eq!(status("FltEnumerateVolumes", &arguments), NtStatus::SUCCESS);
    assert_eq!((count.get(), out.get().address()), (1, volume));
    drop_it();
    assert_eq!(status("FltGetDiskDeviceObject", &[volume, place]), NtStatus::SUCCESS);
    let device = out.get().address();
    assert_eq!(status("FltGetVolumeFromDeviceObject", &[filter, device, place]), NtStatus::SUCCESS);
    assert_eq!(out.get().address(), volume);
    drop_it();
    // Sample drivers give it the disk's device, not the volume's.
    let letter = Shared::new(UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL });
    let arguments = [device, letter.ptr().address()];
    assert_eq!(status("IoVolumeDeviceToDosName", &arguments), NtStatus::SUCCESS);
    assert_eq!(rtl::read_unicode_string(letter.ptr()), "C:");
    nt("ExFreePool", &[letter.get().buffer.address()]);
    nt("ObfDereferenceObject", &[device]);
    let writable = Shared::new(0u8);
    assert_eq!(status("FltIsVolumeWritable", &[volume, writable.ptr().address()]), NtStatus::SUCCESS);
    assert_eq!(writable.get(), 1);
    NtStatus::SUCCESS.0
}

#[test]
fn volumes_and_filters_are_found_by_name() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().instance_setup(look).start(driver)
    }
    let machine = Machine::new(entry);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn instances_are_found_by_each_other() {
    use crate::sim::Major;
    extern "win64" fn pass(_: Ptr<crate::abi::CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        driver::SUCCESS_NO_CALLBACK
    }
    extern "win64" fn upper(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, pass, None).start(driver)
    }
    extern "win64" fn setup(objects: usize, _: u32, _: u32, _: u32) -> u32 {
        let volume = Ptr::<RelatedObjects>::at(objects).read().volume.address();
        let out = Shared::new(<Ptr>::NULL);
        let place = out.ptr().address();
        assert_eq!(status("FltGetTopInstance", &[volume, place]), NtStatus::SUCCESS);
        let top = out.get();
        assert_eq!(status("FltGetBottomInstance", &[volume, place]), NtStatus::SUCCESS);
        assert_eq!(out.get(), top, "there is only one");
        assert_eq!(nt("FltCompareInstanceAltitudes", &[top.address(), top.address()]), 0);
        for routine in ["FltGetUpperInstance", "FltGetLowerInstance"] {
            assert_eq!(status(routine, &[top.address(), place]), NtStatus::NO_MORE_ENTRIES, "{routine}");
        }
        let count = Shared::new(0u32);
        let arguments = [volume, 0, place, 1, count.ptr().address()];
        assert_eq!(status("FltEnumerateInstances", &arguments), NtStatus::SUCCESS);
        assert_eq!((count.get(), out.get()), (1, top));
        let arguments = [0, volume, 0, place];
        assert_eq!(status("FltGetVolumeInstanceFromName", &arguments), NtStatus::SUCCESS);
        for _ in 0..4 {
            nt("FltObjectDereference", &[top.address()]);
        }
        NtStatus::SUCCESS.0
    }
    extern "win64" fn lower(driver: usize, _: usize) -> u32 {
        Filter::default().instance_setup(setup).start(driver)
    }
    let machine = Machine::new(upper);
    let looked = machine.sim.load_native(driver::pointer(lower), "looker").expect("it loads");
    let leaks = machine.sim.unload(&looked).expect("it unloads");
    assert_eq!(leaks.leaks, Vec::<Leak>::new());
    machine.expect_no_violation();
}
