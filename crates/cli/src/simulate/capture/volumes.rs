//! The volumes of the captured machine, as far as paths and images tell.

use std::collections::BTreeSet;

use ntsim::{FileSystem, VolumeSpec};

use super::roots::Root;
use crate::capture::Capture;
use crate::failure::Failure;
use crate::simulate::machine::BareMachine;

/// Number of the volume that the first drive letter gets; the ones before it have no letters on most machines.
const FIRST_VOLUME: u32 = 3;

/// Mounts every volume that a path or image of the capture names.
pub(super) fn add_volumes(capture: &Capture, bare: &BareMachine<'_>) -> Result<(), Failure> {
    let images = capture.processes.iter().filter_map(|process| process.image.as_deref());
    let all = capture.paths.iter().map(String::as_str).chain(images).filter_map(Root::of);
    let mut roots: BTreeSet<Root> = all.collect();
    // The same device may be written in capitals and not.
    let mut named: BTreeSet<String> = BTreeSet::new();
    roots.retain(|root| match root {
        Root::Device(device) => named.insert(device.to_lowercase()),
        Root::Drive(_) | Root::Network => true,
    });
    let mut number = FIRST_VOLUME;
    for root in &roots {
        let spec = match root {
            Root::Drive(letter) => {
                let mut device = format!(r"\Device\HarddiskVolume{number}");
                while named.contains(&device.to_lowercase()) {
                    number += 1;
                    device = format!(r"\Device\HarddiskVolume{number}");
                }
                number += 1;
                VolumeSpec::new(&device).dos(&format!("{letter}:"))
            }
            Root::Device(device) => VolumeSpec::new(device),
            Root::Network => VolumeSpec::new(r"\Device\Mup").file_system(FileSystem::Lanman),
        };
        bare.add_volume(spec)
            .map_err(|error| Failure::Broken(format!("a volume cannot be mounted: {error}")))?;
    }
    Ok(())
}
